"""The note that optuna-dashboard shows beside a study: a part that tuner keeps true, and the words of people."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from storage import change_study_attributes
from tuner.search.dashboard_note import note_attributes, note_prefix, note_text

if TYPE_CHECKING:
    from storage import Database

#: How the notes of version 0.1 began, which people did not write.
_EARLIER = "### The search so far\n"
#: The lines around tuner's part. As definitions of Markdown that nothing refers to, they are not shown. The digest of
#: the part tells whether a person has edited it.
_PART = re.compile(r"\[tuner\]: # \(begins ([0-9a-f]{12})\)\n\n(.*?)\n\n\[tuner\]: # \(ends\)", re.DOTALL)
_INVITATION = "Write your own notes below this line: they stay."


class StudyNote:
    """The note of one study.

    Args:
        database: Where the study is.
        study_id: The study.
    """

    def __init__(self, database: Database, study_id: int) -> None:
        self._database = database
        self._study_id = study_id

    def write(self, text: str) -> None:
        """Replace tuner's part of the note, unless a person has edited it. Writes nothing where it says the same.

        Args:
            text: Markdown.

        Raises:
            KeyError: The study was deleted.
        """

        def change(known: Mapping[str, Any]) -> Mapping[str, Any]:
            before = note_text(None, known)
            after = merged(before, text)
            return {} if after == before else note_attributes(None, after, known)

        change_study_attributes(self._database, self._study_id, note_prefix(None), change)


def merged(note: str, text: str) -> str:
    """Return a note with tuner's part of it replaced.

    What people have written before and after that part stays. Where they have edited the part itself, or removed it,
    the whole note is theirs and stays as it is.

    Args:
        note: The note as it is; empty where there is none.
        text: The new part, in Markdown.
    """
    part = f"[tuner]: # (begins {_digest(text)})\n\n{text}\n\n[tuner]: # (ends)"
    if not note.strip() or note.startswith(_EARLIER):
        return f"{part}\n\n*{_INVITATION}*\n"
    found = _PART.search(note)
    if found is None or found[1] != _digest(found[2]):
        return note
    return f"{note[: found.start()]}{part}{note[found.end() :]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
