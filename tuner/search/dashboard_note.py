"""How optuna-dashboard stores the notes that it shows beside a study and its trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Characters in one attribute: optuna-dashboard cuts a note into parts of this length.
_PART = 2045


def note_key(trial_id: int | None) -> str:
    """Return the name of the study attribute that exists if a trial has a note, or for None if the study has one."""
    return f"{note_prefix(trial_id)}ver"


def note_attributes(trial_id: int | None, note: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the study attributes in which optuna-dashboard looks for a note.

    optuna-dashboard's own `save_note` writes the same ones, but imports scikit-learn and pandas first, which would take
    most of the time that a command needs to begin. A test holds the two equal.

    Args:
        trial_id: Optuna's id of the trial; None for the note of the study.
        note: Markdown.
        known: The study's attributes as they are now. They may be left empty if the trial has no note yet.
    """
    prefix = note_prefix(trial_id)
    parts = [note[start : start + _PART] for start in range(0, len(note), _PART)]
    # A person may have written a longer note meanwhile. Its last parts would be read as the end of this one.
    parts += [""] * (sum(key.startswith(f"{prefix}str:") for key in known) - len(parts))
    texts = {f"{prefix}str:{number}": part for number, part in enumerate(parts)}
    return {f"{prefix}ver": known.get(f"{prefix}ver", 0) + 1, **texts}


def note_text(trial_id: int | None, known: Mapping[str, Any]) -> str:
    """Return a note as the study's attributes have it; empty where there is none."""
    prefix = f"{note_prefix(trial_id)}str:"
    parts = {key: value for key, value in known.items() if key.startswith(prefix)}
    return "".join(str(parts[key]) for key in sorted(parts, key=lambda key: int(key.removeprefix(prefix))))


def note_prefix(trial_id: int | None) -> str:
    """Return how the names of the attributes of a note begin."""
    return "dashboard:note_" if trial_id is None else f"dashboard:{trial_id}:note_"
