"""How optuna-dashboard stores the note that it shows beside a trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Characters in one attribute: optuna-dashboard cuts a note into parts of this length.
_PART = 2045


def note_key(trial_id: int) -> str:
    """Return the name of the study attribute that exists if a trial has a note."""
    return f"{_prefix(trial_id)}ver"


def note_attributes(trial_id: int, note: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the study attributes in which optuna-dashboard looks for a trial's note.

    optuna-dashboard's own `save_note` writes the same ones, but imports scikit-learn and pandas first, which would take
    most of the time that a command needs to begin. A test holds the two equal.

    Args:
        trial_id: Optuna's id of the trial.
        note: Markdown.
        known: The study's attributes as they are now. They may be left empty if the trial has no note yet.
    """
    prefix = _prefix(trial_id)
    parts = [note[start : start + _PART] for start in range(0, len(note), _PART)]
    # A person may have written a longer note meanwhile. Its last parts would be read as the end of this one.
    parts += [""] * (sum(key.startswith(f"{prefix}str:") for key in known) - len(parts))
    texts = {f"{prefix}str:{number}": part for number, part in enumerate(parts)}
    return {f"{prefix}ver": known.get(f"{prefix}ver", 0) + 1, **texts}


def _prefix(trial_id: int) -> str:
    return f"dashboard:{trial_id}:note_"
