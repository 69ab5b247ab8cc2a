"""Keys of checkpoints: paths below a study's folder in the store. No valid key leads out of that folder."""

from __future__ import annotations

import re
from dataclasses import dataclass

# At most 18 digits, so that every number fits into a 64-bit integer of the database.
_KEY = re.compile(r"trial-([0-9]{5,18})(?:/attempt-([0-9]{1,18})/(step|best)-([0-9]{8,18}))?")
#: Folder of the fitted heads of a study. Each is called by a part of the digest of its weights.
HEADS = "heads"
_HEAD = re.compile(rf"{HEADS}/[0-9a-f]{{16}}")


@dataclass(frozen=True, kw_only=True)
class Key:
    """The parts of a checkpoint's key."""

    #: The trial's number.
    trial: int
    #: None in the older layout, which had no attempts.
    attempt: int | None
    #: Optimiser steps done when the checkpoint was written; 0 in the older layout.
    optimiser_steps: int


def is_head(text: object) -> bool:
    """Return whether a text is the key of a fitted head."""
    return isinstance(text, str) and _HEAD.fullmatch(text) is not None


def parse_key(text: object) -> Key | None:
    """Return the parts of a key; None if the text is not a key, or is not spelled exactly as `publish` spells it."""
    match = _KEY.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    trial, attempt, kind, steps = match.groups()
    exact = f"trial-{int(trial):05d}"
    if attempt is None:
        return Key(trial=int(trial), attempt=None, optimiser_steps=0) if text == exact else None
    exact += f"/attempt-{int(attempt)}/{kind}-{int(steps):08d}"
    return Key(trial=int(trial), attempt=int(attempt), optimiser_steps=int(steps)) if text == exact else None
