from __future__ import annotations

from pathlib import Path

import optuna
from optuna_dashboard._note import get_note_from_system_attrs

from storage import Database
from tuner.search.study_note import MARK, StudyNote


def test_the_note_of_a_study_is_replaced_with_each_decision_and_a_persons_stays(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path}/s.db", create=True) as database:
        study = optuna.create_study(storage=database.optuna_storage, study_name="s")
        note = StudyNote(database, study._study_id)

        def shown() -> str:
            attributes = database.optuna_storage.get_study_system_attrs(study._study_id)
            return str(get_note_from_system_attrs(attributes, None)["body"])

        note.write("x" * 5000)
        note.write("Three trials begin.")
        assert shown() == f"{MARK}\n\nThree trials begin."
        for key, text in (("dashboard:note_ver", 9), ("dashboard:note_str:0", "mine")):
            database.optuna_storage.set_study_system_attr(study._study_id, key, text)
        for part in (1, 2):
            database.optuna_storage.set_study_system_attr(study._study_id, f"dashboard:note_str:{part}", "")
        note.write("Another decision.")
        assert shown() == "mine"
