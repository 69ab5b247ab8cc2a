from __future__ import annotations

import os
import signal
import traceback
from typing import TYPE_CHECKING, Any

import optuna
import pytest

from storage import Database, History, Slots, Studies, StudyBusy, StudyExists, StudyNotFound, Workers

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from storage import StudyRecord

TrialState = optuna.trial.TrialState


@pytest.fixture
def studies(database: Database) -> Studies:
    return Studies(database)


def optuna_study(database: Database, name: str) -> optuna.Study:
    return optuna.load_study(study_name=name, storage=database.optuna_storage)


def rows(database: Database, table: str) -> int:
    with database.read() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() or 0)


# ---- create, get, find, names ----


def test_a_study_is_read_as_it_was_created(studies: Studies, database: Database) -> None:
    config = {"budget": {"trials": 2}, "metric": {"direction": "minimize"}, "rate": 1e-4, "none": None, "word": "é"}
    facts = {"space": {"dropout": {"low": 0.0, "high": 0.3}}, "labels": ["a", "b"]}
    created = studies.create("one", direction="minimize", config=config, facts=facts, trials=2, first={"x": 1.5})
    assert created.name == "one"
    assert created.config == config
    assert created.facts == facts
    assert created.wall_s == 0.0
    assert studies.get("one") == created
    assert studies.find("one") == created
    study = optuna_study(database, "one")
    assert study._study_id == created.id
    assert study.direction == optuna.study.StudyDirection.MINIMIZE
    assert [slot.state for slot in Slots(database, created.id).all()] == ["empty", "empty"]


def test_the_first_trial_draws_what_it_was_given_and_samples_the_rest(
    make_study: Callable[..., StudyRecord], database: Database
) -> None:
    make_study(first={"x": 0.25, "word": "b"})
    trial = optuna_study(database, "one").ask()
    assert trial.number == 0
    assert trial.suggest_float("x", 0, 1) == 0.25
    assert trial.suggest_categorical("word", ["a", "b"]) == "b"
    assert 0 <= trial.suggest_float("y", 0, 1) <= 1


def test_a_taken_name_is_refused_and_the_study_is_left_as_it_is(
    make_study: Callable[..., StudyRecord], studies: Studies, database: Database
) -> None:
    created = make_study(trials=3)
    with pytest.raises(StudyExists, match="there is a study 'one' already"):
        make_study(trials=9, direction="minimize")
    assert studies.get("one") == created
    assert rows(database, "tuner_slots") == 3
    assert len(optuna_study(database, "one").trials) == 1


def create_together(number: int, url: str, folder: str, ways: int, names: list[str]) -> list[str]:
    """Create studies of the same names, each at the moment at which all the others do."""
    import time
    from pathlib import Path

    from storage import Database, Studies, StudyExists

    created = []
    with Database(url, create=True) as database:
        assert database.optuna_storage is not None
        for name in names:
            Path(folder, f"{name}.{number}").touch()
            deadline = time.monotonic() + 60
            while len(list(Path(folder).glob(f"{name}.*"))) < ways:
                assert time.monotonic() < deadline
            try:
                Studies(database).create(
                    name,
                    direction="minimize",
                    config={"by": number},
                    facts={},
                    trials=2,
                    first={"x": number / ways},
                )
            except StudyExists:
                continue
            created.append(name)
    return created


def test_of_four_processes_that_create_one_name_at_one_moment_exactly_one_does(
    studies: Studies, database: Database, url: str, tmp_path: Path, race: Callable[..., list[Any]]
) -> None:
    names = [f"study-{number}" for number in range(3)]
    folder = tmp_path / "ready"
    folder.mkdir()
    answers = race(create_together, 4, url, str(folder), 4, names)
    assert sorted(name for answer in answers for name in answer) == names
    for name in names:
        (creator,) = (number for number, answer in enumerate(answers) if name in answer)
        assert studies.get(name).config == {"by": creator}
        trial = optuna_study(database, name).ask()
        assert trial.suggest_float("x", 0, 1) == creator / 4
        assert len(optuna_study(database, name).trials) == 1
    assert rows(database, "tuner_slots") == 6


def test_names_are_listed_oldest_first_and_unknown_ones_told_from_them(
    make_study: Callable[..., StudyRecord], studies: Studies
) -> None:
    assert studies.names() == []
    with pytest.raises(StudyNotFound, match=r"no study 'one' in sqlite:.*; there is: none yet"):
        studies.get("one")
    for name in ("b", "a", "c"):
        make_study(name)
    assert studies.names() == ["b", "a", "c"]
    assert studies.find("one") is None
    with pytest.raises(StudyNotFound, match=r"there is: b, a, c$"):
        studies.get("one")


# ---- creations that were cut short, and studies of others ----


@pytest.mark.parametrize("enqueued", [True, False])
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_creation_that_was_cut_short_is_completed(
    make_study: Callable[..., StudyRecord], studies: Studies, database: Database, enqueued: bool, direction: str
) -> None:
    left = optuna.create_study(storage=database.optuna_storage, study_name="one", direction="maximize")
    if enqueued:
        left.enqueue_trial({"x": 0.5})
    assert studies.find("one") is None
    created = make_study(direction=direction, trials=2)
    study = optuna_study(database, "one")
    assert study._study_id == created.id
    assert study.direction.name.lower() == direction
    assert [trial.state for trial in study.trials] == [TrialState.WAITING]
    assert study.ask().suggest_float("x", 0, 1) == 0.5
    assert rows(database, "tuner_slots") == 2


KILLED = """
import os, sys
import sqlalchemy as sa
from storage import Database, Studies, tables

database = Database(sys.argv[1], create=True)
# Dies as it writes the last of its rows.
@sa.event.listens_for(database.engine, "before_cursor_execute")
def die(connection, cursor, statement, *_):
    if statement.startswith("INSERT INTO tuner_slots"):
        print("dying", flush=True)
        os.kill(os.getpid(), 9)
Studies(database).create(
    "one", direction="maximize", config={"budget": {"trials": 2}}, facts={}, trials=2, first={"x": 0.5}
)
"""


def test_a_process_that_is_killed_while_it_creates_leaves_nothing_in_the_way(
    make_study: Callable[..., StudyRecord], database: Database, url: str, holding: Callable[..., Any]
) -> None:
    with pytest.raises(AssertionError, match="dying"):  # in place of `ready`
        holding(KILLED, url)
    assert rows(database, "tuner_studies") == rows(database, "tuner_slots") == 0
    assert rows(database, "studies") == 1
    make_study(trials=2)
    assert rows(database, "tuner_slots") == 2
    assert [trial.state for trial in optuna_study(database, "one").trials] == [TrialState.WAITING]


@pytest.mark.parametrize("state", [TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED, TrialState.RUNNING])
def test_a_study_that_optuna_made_for_others_is_refused_and_left_as_it_is(
    make_study: Callable[..., StudyRecord], studies: Studies, database: Database, state: TrialState
) -> None:
    theirs = optuna.create_study(storage=database.optuna_storage, study_name="one", direction="minimize")
    trial = theirs.ask()
    if state != TrialState.RUNNING:
        theirs.tell(trial, 0.5 if state == TrialState.COMPLETE else None, state=state)
    with pytest.raises(StudyExists, match="the name 'one' is taken by a study of Optuna's that was made without tuner"):
        make_study()
    assert studies.names() == []
    study = optuna_study(database, "one")
    assert study.direction.name == "MINIMIZE"
    assert [each.state for each in study.trials] == [state]
    assert make_study("another").name == "another"


def test_a_study_of_two_objectives_that_was_left_empty_is_no_obstacle(
    make_study: Callable[..., StudyRecord], database: Database
) -> None:
    optuna.create_study(storage=database.optuna_storage, study_name="one", directions=["minimize", "maximize"])
    make_study()
    assert [direction.name for direction in optuna_study(database, "one").directions] == ["MAXIMIZE"]


# ---- update, delete ----


def test_an_update_replaces_config_facts_and_budget(
    make_study: Callable[..., StudyRecord], studies: Studies, database: Database
) -> None:
    created, other = make_study(trials=4), make_study("two", trials=4)
    slots = Slots(database, created.id)
    assert slots.claim("me") is not None
    studies.update(created.id, {"budget": {"trials": 6}}, {"new": True})
    read = studies.get("one")
    assert (read.id, read.config, read.facts) == (created.id, {"budget": {"trials": 6}}, {"new": True})
    assert [slot.state for slot in slots.all()] == ["running"] + ["empty"] * 5
    studies.update(created.id, {"budget": {"trials": 1}}, {})
    assert [slot.state for slot in slots.all()] == ["running"]
    assert studies.get("two") == other
    assert len(Slots(database, other.id).all()) == 4


def test_wall_time_adds_up(make_study: Callable[..., StudyRecord], studies: Studies) -> None:
    created = make_study()
    make_study("two")
    assert studies.add_wall_time(created.id, 1.5) == 1.5
    assert studies.add_wall_time(created.id, 2.0) == 3.5
    assert (studies.get("one").wall_s, studies.get("two").wall_s) == (3.5, 0.0)


def test_a_deleted_study_leaves_nothing_and_its_name_is_free(
    make_study: Callable[..., StudyRecord], studies: Studies, database: Database
) -> None:
    created, kept = make_study(trials=2), make_study("kept", trials=3)
    Workers(database, created.id).beat("me", {0: ("cpu", None)})
    Workers(database, kept.id).beat("you", {0: ("cpu", None)})
    study = optuna_study(database, "one")
    study.tell(study.ask(), 0.5)
    studies.delete("one")
    assert studies.names() == ["kept"]
    assert rows(database, "tuner_slots") == 3
    assert rows(database, "tuner_workers") == rows(database, "studies") == 1
    assert optuna.get_all_study_names(database.optuna_storage) == ["kept"]
    with pytest.raises(StudyNotFound):
        studies.delete("one")
    again = make_study()
    assert History(database, again).trials() == []


def test_a_deletion_that_was_cut_short_is_ended_by_deleting_again(
    make_study: Callable[..., StudyRecord], studies: Studies, database: Database
) -> None:
    make_study()
    optuna.delete_study(study_name="one", storage=database.optuna_storage)  # what `delete` does first
    assert studies.find("one") is not None
    studies.delete("one")
    assert studies.find("one") is None
    assert make_study().name == "one"


# ---- the lock ----

HOLDER = """
import sys
from storage import Database, Studies
studies = Studies(Database(sys.argv[1]))
lock = studies.lock(studies.get(sys.argv[2]))
"""


def test_a_lock_keeps_a_second_process_out_with_a_clear_message(
    make_study: Callable[..., StudyRecord],
    studies: Studies,
    url: str,
    holding: Callable[..., subprocess.Popen[str]],
) -> None:
    study, other = make_study(), make_study("two")
    holder = holding(HOLDER, url, "one")
    with pytest.raises(StudyBusy) as caught:
        studies.lock(study)
    assert str(caught.value) == (
        "study 'one' is being run by another command on this machine; `tuner status one` shows it"
    )
    studies.lock(other).release()
    holder.communicate("")  # ends in good order
    studies.lock(study).release()


def test_a_lock_is_free_once_its_holder_was_killed(
    make_study: Callable[..., StudyRecord],
    studies: Studies,
    url: str,
    holding: Callable[..., subprocess.Popen[str]],
) -> None:
    study = make_study()
    holder = holding(HOLDER, url, "one")
    with pytest.raises(StudyBusy):
        studies.lock(study)
    os.kill(holder.pid, signal.SIGKILL)
    assert holder.wait(30) == -signal.SIGKILL
    studies.lock(study).release()


def test_a_lock_holds_within_one_process_too_until_it_is_released(
    make_study: Callable[..., StudyRecord], studies: Studies
) -> None:
    study = make_study()
    with studies.lock(study), pytest.raises(StudyBusy):
        studies.lock(study)
    studies.lock(study).release()


def test_reading_and_creating_go_on_while_a_study_is_locked(
    make_study: Callable[..., StudyRecord], studies: Studies, url: str, path: Path
) -> None:
    with studies.lock(make_study()), Database(url, create=True) as database:
        assert Studies(database).names() == ["one"]
        make_study("two")
        assert Studies(database).names() == ["one", "two"]
    assert path.exists()


def test_an_error_shows_its_cause_without_the_name_of_a_lock_file(
    make_study: Callable[..., StudyRecord], studies: Studies
) -> None:
    study = make_study()
    with studies.lock(study), pytest.raises(StudyBusy) as caught:
        studies.lock(study)
    assert ".lock" not in str(caught.value)
    assert "Timeout" in "".join(traceback.format_exception(caught.value))
