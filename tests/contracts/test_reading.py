"""What may only look at a database, and what it is told of whose studies are in it."""

from __future__ import annotations

import optuna
import pytest
from storing import content, create_study

from storage import Database, DatabaseMissing, Studies
from storage.belonging import study_identities, study_of, study_of_trial


def test_a_storage_for_reading_reads_and_is_kept_from_writing(url: str, database: Database) -> None:
    create_study(database)
    trial = optuna.load_study(study_name="one", storage=database.optuna_storage).ask()
    before = content(database)
    with Database(url) as looking:
        reader = looking.optuna_reader
        assert reader.get_trial(trial._trial_id).number == 0
        for write in (
            lambda: reader.set_study_user_attr(trial.study._study_id, "key", 1),
            lambda: reader.set_trial_state_values(trial._trial_id, optuna.trial.TrialState.FAIL),
            lambda: reader.create_new_study([optuna.study.StudyDirection.MINIMIZE], "two"),
            lambda: reader.delete_study(trial.study._study_id),
        ):
            with pytest.raises(optuna.exceptions.StorageInternalError):
                write()
        assert reader.get_trial(trial._trial_id).state == optuna.trial.TrialState.RUNNING
    assert content(database) == before


def test_a_storage_for_reading_makes_no_tables(storage_url: str) -> None:
    with Database(storage_url, create=True) as database:
        with pytest.raises(DatabaseMissing, match="holds no study"):
            _ = database.optuna_reader
        assert database.optuna_storage is not None
        assert database.optuna_reader.get_all_studies() == []


def test_a_study_is_ours_or_somebody_elses(database: Database) -> None:
    ours = create_study(database).id
    storage = database.optuna_storage
    theirs = optuna.create_study(study_name="theirs", directions=["minimize", "maximize"], storage=storage)
    trial = theirs.ask()
    for found in (study_of(database, theirs._study_id), study_of_trial(database, trial._trial_id)):
        assert found is not None
        assert (found.name, found.is_ours, found.objectives, found.running) == ("theirs", False, 2, 1)
    own = study_of(database, ours)
    assert own is not None
    assert (own.name, own.is_ours, own.objectives, own.running) == ("one", True, 1, 0)
    assert study_of(database, 10_000) is None
    assert study_of_trial(database, 10_000) is None


def test_studies_that_follow_each_other_under_one_name_are_told_apart(database: Database) -> None:
    create_study(database)
    before = study_identities(database)
    Studies(database).delete("one")
    assert study_identities(database) == frozenset()
    create_study(database)
    after = study_identities(database)
    assert len(before) == len(after) == 1
    assert before.isdisjoint(after)
