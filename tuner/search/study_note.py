"""The note that optuna-dashboard shows beside a study: how near its task is, and what its search has decided last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.search.dashboard_note import note_attributes, note_text

if TYPE_CHECKING:
    from storage import Database

#: First line of a note that tuner writes, and replaces with each decision.
MARK = "### The search so far"


class StudyNote:
    """The note of one study.

    Args:
        database: Where the study is.
        study_id: The study.
    """

    def __init__(self, database: Database, study_id: int) -> None:
        self._storage = database.optuna_storage
        self._study_id = study_id

    def write(self, text: str) -> None:
        """Write the note, unless a person has written one.

        Args:
            text: Markdown.
        """
        known = self._storage.get_study_system_attrs(self._study_id)
        before = note_text(None, known)
        if not before or before.startswith(MARK):
            for key, value in note_attributes(None, f"{MARK}\n\n{text}", known).items():
                self._storage.set_study_system_attr(self._study_id, key, value)
