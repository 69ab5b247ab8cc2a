"""Optuna's storage as the dashboard reads it: without what a page does not show, which would cost it seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from storage import EFFECTIVE_ATTR, EVALUATION_ATTR
from storage.plain_storage import PlainStorage
from storage.quick_trials import QuickTrials

if TYPE_CHECKING:
    from storage.database import Database

#: A note of a trial among the attributes of its study, as `tuner.search.dashboard_note` names them.
_OF_TRIAL = re.compile(r"dashboard:(\d+):note_(ver|str:(\d+))", re.ASCII)


class TrialNotes:
    """The notes of a study's trials, by Optuna's ids of the trials."""

    def __init__(self) -> None:
        self._versions: dict[int, int] = {}
        self._parts: dict[int, dict[int, str]] = {}

    def take(self, name: str, value: Any) -> bool:
        """Take an attribute of the study, if it is a part of a trial's note; return whether it is."""
        found = _OF_TRIAL.fullmatch(name)
        if found is None:
            return False
        trial = int(found[1])
        if found[2] == "ver":
            self._versions[trial] = value
        else:
            self._parts.setdefault(trial, {})[int(found[3])] = str(value)
        return True

    def get(self, trial_id: int) -> dict[str, Any] | None:
        """Return the note of a trial as the page has it; None where it has none."""
        if trial_id not in self._versions:
            return None
        parts = self._parts.get(trial_id, {})
        return {"version": int(self._versions[trial_id]), "body": "".join(parts[each] for each in sorted(parts))}


class ShownStorage(PlainStorage):
    """Optuna's cached storage: studies come without the notes of their trials, and tuner's trials without details.

    optuna-dashboard looks for the note of each trial, and for its artifacts, among all attributes of the study. Each
    trial of tuner has a note there, so the time would grow with the square of the number of trials: 3 s for 1,000 and
    more than a minute for 5,000. It also writes every attribute of every trial into each answer. Those with the details
    of evaluations, which notes of trials have as tables, are not read.
    """

    def __init__(self, database: Database, *, writes: bool) -> None:
        super().__init__(database.optuna_storage if writes else database.optuna_reader)
        self._backend: Any = QuickTrials(self._backend, database, skipped=(EFFECTIVE_ATTR, EVALUATION_ATTR))
        self._notes: Mapping[int, TrialNotes] = {}

    def get_all_studies(self) -> list[Any]:
        """Return the studies, as `optuna.storages.BaseStorage.get_all_studies` does, without notes of trials."""
        studies = super().get_all_studies()
        found = {}
        for study in studies:
            notes = found[study._study_id] = TrialNotes()
            attributes: Mapping[str, Any] = study.system_attrs
            study.system_attrs = {name: value for name, value in attributes.items() if not notes.take(name, value)}
        self._notes = found
        return studies

    def trial_notes(self, study_id: int) -> TrialNotes:
        """Return the notes of the trials of a study, as they were when the studies were read last."""
        return self._notes.get(study_id) or TrialNotes()
