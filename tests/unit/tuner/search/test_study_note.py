from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna_dashboard._note import get_note_from_system_attrs, save_note

from storage import Database
from tuner.search.study_note import StudyNote, merged


def test_the_note_of_a_study_is_replaced_and_a_persons_stays(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path}/s.db", create=True) as database:
        study = optuna.create_study(storage=database.optuna_storage, study_name="s")
        note = StudyNote(database, study._study_id)

        def shown() -> str:
            attributes = database.optuna_storage.get_study_system_attrs(study._study_id)
            return str(get_note_from_system_attrs(attributes, None)["body"])

        note.write("x" * 5000)
        note.write("Three trials are over.")
        assert "Three trials are over." in shown()
        assert "xxx" not in shown()
        save_note(study, "mine")
        note.write("Four trials are over.")
        assert shown() == "mine"


def test_the_same_words_are_not_written_again(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path}/s.db", create=True) as database:
        study = optuna.create_study(storage=database.optuna_storage, study_name="s")
        for _ in range(2):
            StudyNote(database, study._study_id).write("Three trials are over.")
        assert database.optuna_storage.get_study_system_attrs(study._study_id)["dashboard:note_ver"] == 1


def test_a_note_of_a_study_that_was_deleted_is_not_written(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path}/s.db", create=True) as database:
        _ = database.optuna_storage
        with pytest.raises(KeyError):
            StudyNote(database, 7).write("text")


def test_what_a_person_writes_beside_tuners_part_stays() -> None:
    note = "# Mine\n\n" + merged("", "one trial") + "\nAsk Ada about the labels.\n"
    after = merged(note, "two trials")
    assert after.startswith("# Mine\n")
    assert after.endswith("Ask Ada about the labels.\n")
    assert "two trials" in after
    assert "one trial" not in after


def test_a_part_that_a_person_has_edited_stays() -> None:
    note = merged("", "one trial").replace("one trial", "one good trial")
    assert merged(note, "two trials") == note


def test_a_note_of_version_0_1_is_replaced() -> None:
    assert "two trials" in merged("### The search so far\n\nA decision.", "two trials")


def test_a_persons_note_without_tuners_part_stays() -> None:
    assert merged("Mine alone.", "two trials") == "Mine alone."
