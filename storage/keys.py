"""Keys of checkpoints: paths below a study's root that cannot lead out of it, whoever has written them."""

from __future__ import annotations

import re
from dataclasses import dataclass

# As many digits as the numbers of a database have: a longer one is somebody's joke.
_KEY = re.compile(r"trial-([0-9]{5,18})(?:/attempt-([0-9]{1,18})/(step|best)-([0-9]{8,18}))?")


@dataclass(frozen=True, kw_only=True)
class Key:
    """What a key says."""

    trial: int
    #: None in the older layout, which knew no attempts.
    attempt: int | None
    optimiser_steps: int


def parse_key(text: object) -> Key | None:
    """Return what a key says; None where a text is none, or is written otherwise than we write it."""
    match = _KEY.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    trial, attempt, kind, steps = match.groups()
    exact = f"trial-{int(trial):05d}"
    if attempt is None:
        return Key(trial=int(trial), attempt=None, optimiser_steps=0) if text == exact else None
    exact += f"/attempt-{int(attempt)}/{kind}-{int(steps):08d}"
    return Key(trial=int(trial), attempt=int(attempt), optimiser_steps=int(steps)) if text == exact else None
