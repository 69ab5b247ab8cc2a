from __future__ import annotations

from pathlib import Path

import optuna
from optuna_dashboard import save_note
from optuna_dashboard._note import get_note_from_system_attrs

from storage import Database
from tuner.dashboard.shown_storage import ShownStorage


def test_notes_of_trials_are_apart_and_whole_and_the_rest_stays(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path}/s.db", create=True) as database:
        study = optuna.create_study(storage=database.optuna_storage, study_name="s")
        trials = [study.ask() for _ in range(3)]
        save_note(study, "of the study")
        save_note(trials[0], "x" * 5000)
        save_note(trials[1], "short")
        save_note(trials[1], "")
        known = database.optuna_storage.get_study_system_attrs(study._study_id)
        shown = ShownStorage(database, writes=False)
        (found,) = shown.get_all_studies()
        assert get_note_from_system_attrs(found.system_attrs, None)["body"] == "of the study"
        assert not [name for name in found.system_attrs if name.startswith("dashboard:1")]
        notes = shown.trial_notes(study._study_id)
        for trial in trials[:2]:
            assert notes.get(trial._trial_id) == get_note_from_system_attrs(known, trial._trial_id)
        assert notes.get(trials[2]._trial_id) is None
        assert shown.trial_notes(7).get(1) is None
