from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from storing import LEASE_S, begin, claim, content, count, create_study, expire, optuna_study, pass_time

from storage import (
    Database,
    Events,
    History,
    LeaseLost,
    Slots,
    Studies,
    StudyBusy,
    StudyExists,
    StudyNotFound,
    Workers,
    fenced,
)

TrialState = optuna.trial.TrialState
GAP_S = 60.0


@pytest.fixture
def studies(database: Database) -> Studies:
    return Studies(database)


# ---- create, get, find, names ----


def test_a_study_is_read_as_it_was_created(studies: Studies, database: Database) -> None:
    config = {"budget": {"trials": 2}, "metric": {"direction": "minimize"}, "rate": 1e-4, "none": None, "word": "é"}
    facts = {"space": {"dropout": {"low": 0.0, "high": 0.3}}, "labels": ["a", "b"]}
    created = studies.create("one", direction="minimize", config=config, facts=facts, trials=2, first={"x": 1.5})
    assert (created.name, created.state, created.wall_s) == ("one", "open", 0.0)
    assert created.config == config
    assert created.facts == facts
    assert studies.get("one") == created
    assert studies.find("one") == created
    study = optuna_study(database)
    assert study._study_id == created.id
    assert study.direction == optuna.study.StudyDirection.MINIMIZE
    assert [slot.state for slot in Slots(database, created.id).all()] == ["empty", "empty"]


def test_the_first_trial_draws_what_it_was_given_and_samples_the_rest(database: Database) -> None:
    create_study(database, first={"x": 0.25, "word": "b"})
    trial = optuna_study(database).ask()
    assert trial.number == 0
    assert trial.suggest_float("x", 0, 1) == 0.25
    assert trial.suggest_categorical("word", ["a", "b"]) == "b"
    assert 0 <= trial.suggest_float("y", 0, 1) <= 1


def test_a_taken_name_is_refused_and_the_study_is_left_as_it_is(studies: Studies, database: Database) -> None:
    created = create_study(database, trials=3)
    with pytest.raises(StudyExists, match="there is a study 'one' already"):
        create_study(database, trials=9, direction="minimize")
    assert studies.get("one") == created
    assert count(database, "tuner_slots") == 3
    assert len(optuna_study(database).trials) == 1


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


@pytest.mark.rest
def test_of_four_processes_that_create_one_name_at_one_moment_exactly_one_does(
    studies: Studies, database: Database, url: str, tmp_path: Any, race: Callable[..., list[Any]]
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
    assert count(database, "tuner_slots") == 6


def test_names_are_listed_oldest_first_and_unknown_ones_told_from_them(studies: Studies, database: Database) -> None:
    assert studies.names() == []
    with pytest.raises(StudyNotFound, match=r"no study 'one' in .*://.*; there is: none yet"):
        studies.get("one")
    for name in ("b", "a", "c"):
        create_study(database, name)
    assert studies.names() == ["b", "a", "c"]
    assert studies.find("one") is None
    with pytest.raises(StudyNotFound, match=r"there is: b, a, c$"):
        studies.get("one")


# ---- creations that were cut short, and studies of others ----


@pytest.mark.parametrize("enqueued", [True, False])
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_creation_that_was_cut_short_is_completed(
    studies: Studies, database: Database, enqueued: bool, direction: str
) -> None:
    left = optuna.create_study(storage=database.optuna_storage, study_name="one", direction="maximize")
    if enqueued:
        left.enqueue_trial({"x": 0.5})
    assert studies.find("one") is None
    created = create_study(database, direction=direction, trials=2)
    study = optuna_study(database)
    assert study._study_id == created.id
    assert study.direction.name.lower() == direction
    assert [trial.state for trial in study.trials] == [TrialState.WAITING]
    assert study.ask().suggest_float("x", 0, 1) == 0.5
    assert count(database, "tuner_slots") == 2


def test_points_that_another_creation_left_are_replaced_where_they_are_not_those_that_are_asked_for(
    studies: Studies, database: Database
) -> None:
    left = optuna.create_study(storage=database.optuna_storage, study_name="one", direction="maximize")
    for x in (0.5, 0.6, 0.7):
        left.enqueue_trial({"x": x})
    more: dict[str, Any] = {"direction": "maximize", "config": {}, "facts": {}, "trials": 2}
    studies.create("one", **more, first={"x": 0.5}, queued=[{"x": 0.9}], replaces=True)
    study = optuna_study(database)
    assert [study.ask().suggest_float("x", 0, 1) for _ in range(2)] == [0.5, 0.9]
    assert len(study.trials) == 2


def die_creating(number: int, url: str) -> None:
    import os
    import signal

    import sqlalchemy as sa

    from storage import Database, Studies

    with Database(url) as database:
        # Dies as it writes the last of its rows.
        @sa.event.listens_for(database.engine, "before_cursor_execute")
        def die(connection, cursor, statement, *_):  # type: ignore[no-untyped-def]
            if statement.startswith("INSERT INTO tuner_slots"):
                os.kill(os.getpid(), signal.SIGKILL)

        Studies(database).create("one", direction="maximize", config={}, facts={}, trials=2, first={"x": 0.5})


def test_a_process_that_is_killed_while_it_creates_leaves_nothing_in_the_way(
    database: Database, url: str, race: Callable[..., list[Any]]
) -> None:
    assert race(die_creating, 1, url) == ["killed"]
    assert count(database, "tuner_studies") == count(database, "tuner_slots") == 0
    assert count(database, "studies") == 1
    create_study(database, trials=2)
    assert count(database, "tuner_slots") == 2
    assert [trial.state for trial in optuna_study(database).trials] == [TrialState.WAITING]


@pytest.mark.parametrize("state", [TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED, TrialState.RUNNING])
def test_a_study_that_optuna_made_for_others_is_refused_and_left_as_it_is(
    studies: Studies, database: Database, state: TrialState
) -> None:
    theirs = optuna.create_study(storage=database.optuna_storage, study_name="one", direction="minimize")
    trial = theirs.ask()
    if state != TrialState.RUNNING:
        theirs.tell(trial, 0.5 if state == TrialState.COMPLETE else None, state=state)
    with pytest.raises(StudyExists, match="the name 'one' is taken by a study of Optuna's that was made without tuner"):
        create_study(database)
    assert studies.names() == []
    study = optuna_study(database)
    assert study.direction.name == "MINIMIZE"
    assert [each.state for each in study.trials] == [state]
    assert create_study(database, "another").name == "another"


def test_a_study_of_two_objectives_that_was_left_empty_is_no_obstacle(database: Database) -> None:
    optuna.create_study(storage=database.optuna_storage, study_name="one", directions=["minimize", "maximize"])
    create_study(database)
    assert [direction.name for direction in optuna_study(database).directions] == ["MAXIMIZE"]


# ---- update, states ----


def test_an_update_replaces_config_facts_and_budget(studies: Studies, database: Database) -> None:
    created, other = create_study(database), create_study(database, "two")
    slots = Slots(database, created.id)
    claim(slots)
    assert studies.update(created, {"budget": {"trials": 6}}, {"new": True})
    read = studies.get("one")
    assert (read.id, read.config, read.facts) == (created.id, {"budget": {"trials": 6}}, {"new": True})
    assert [slot.state for slot in slots.all()] == ["running"] + ["empty"] * 5
    assert studies.update(studies.get(created.name), {"budget": {"trials": 1}}, {})
    assert not studies.update(created, {"budget": {"trials": 9}}, {})  # it is not as it was read any more
    assert [slot.state for slot in slots.all()] == ["running"]
    assert studies.get("two") == other
    assert len(Slots(database, other.id).all()) == 4


def test_a_study_is_paused_opened_again_and_stopped_for_good_for_everybody(
    studies: Studies, database: Database, other: Database
) -> None:
    created, second = create_study(database), create_study(database, "two")
    for state in ("paused", "paused", "open", "open", "stopped", "stopped"):
        studies.set_state(created.id, state)  # type: ignore[arg-type]
        assert Studies(other).get("one").state == state
    for state in ("open", "paused"):  # such as of a machine that has not heard of it
        assert not studies.set_state(created.id, state)  # type: ignore[arg-type]
        assert Studies(other).get("one").state == "stopped"
    assert studies.get("two") == second
    # A change that changes nothing is not worth a line.
    assert [event.kind for event in Events(database, created.id).all()] == ["paused", "resumed", "stopped"]
    assert Events(database, second.id).all() == []


def set_together(number: int, url: str, study: int) -> None:
    from storage import Database, Studies

    with Database(url) as database:
        Studies(database).set_state(study, "paused")


def test_of_four_that_pause_at_once_one_says_so(
    studies: Studies, database: Database, url: str, race: Callable[..., list[Any]]
) -> None:
    created = create_study(database)
    race(set_together, 4, url, created.id)
    assert studies.get("one").state == "paused"
    assert [event.kind for event in Events(database, created.id).all()] == ["paused"]


# ---- wall time ----


def test_wall_time_is_counted_from_the_first_look_and_once_by_two_supervisors(
    studies: Studies, database: Database, other: Database
) -> None:
    created, second = create_study(database), create_study(database, "two")
    assert studies.count_wall_time(created.id, GAP_S) == 0.0
    for _ in range(3):
        pass_time(database, "tuner_studies", "wall_seen", 10)
        studies.count_wall_time(created.id, GAP_S)
        Studies(other).count_wall_time(created.id, GAP_S)  # the same ten seconds
    assert 30 <= studies.get("one").wall_s < 60
    assert studies.get("two") == second


def test_a_silence_in_which_nobody_can_have_held_a_trial_counts_as_none(studies: Studies, database: Database) -> None:
    created = create_study(database)
    studies.count_wall_time(created.id, GAP_S)
    pass_time(database, "tuner_studies", "wall_seen", GAP_S + 600)
    assert studies.count_wall_time(created.id, GAP_S) < 30
    pass_time(database, "tuner_studies", "wall_seen", -600)  # a clock that was set back
    assert studies.count_wall_time(created.id, GAP_S) < 30
    pass_time(database, "tuner_studies", "wall_seen", 50)
    assert 50 <= studies.count_wall_time(created.id, GAP_S) < 80


def test_wall_time_rests_while_no_trial_is_held(studies: Studies, database: Database) -> None:
    created = create_study(database)
    slots = Slots(database, created.id)
    lease, _ = begin(slots, optuna_study(database))
    studies.count_wall_time(created.id, GAP_S)
    studies.end_wall_time(created.id, GAP_S)
    pass_time(database, "tuner_studies", "wall_seen", 10)
    assert 10 <= studies.count_wall_time(created.id, GAP_S) < 30  # somebody still held one
    assert slots.release(lease, state="interrupted", reason="preempted")
    studies.end_wall_time(created.id, GAP_S)
    before = studies.get("one").wall_s
    pass_time(database, "tuner_studies", "wall_seen", 10)
    assert studies.count_wall_time(created.id, GAP_S) == before


def test_the_end_of_wall_time_counts_what_has_passed_since_the_last_look(studies: Studies, database: Database) -> None:
    created = create_study(database)
    studies.count_wall_time(created.id, GAP_S)
    pass_time(database, "tuner_studies", "wall_seen", 10)
    for _ in range(2):
        studies.end_wall_time(created.id, GAP_S)
    assert 10 <= studies.get("one").wall_s < 30
    assert studies.count_wall_time(created.id, GAP_S) == studies.get("one").wall_s < 30


def test_the_end_of_wall_time_may_count_nothing(studies: Studies, database: Database) -> None:
    created = create_study(database)
    studies.count_wall_time(created.id, GAP_S)
    pass_time(database, "tuner_studies", "wall_seen", 10)
    studies.end_wall_time(created.id, 0.0)
    assert studies.count_wall_time(created.id, GAP_S) < 10


def test_a_lease_that_has_expired_holds_no_trial_for_wall_time(studies: Studies, database: Database) -> None:
    created = create_study(database)
    begin(Slots(database, created.id), optuna_study(database))
    studies.count_wall_time(created.id, GAP_S)
    expire(database)
    studies.end_wall_time(created.id, GAP_S)
    before = studies.get("one").wall_s
    pass_time(database, "tuner_studies", "wall_seen", 10)
    assert studies.count_wall_time(created.id, GAP_S) == before < 10


def count_together(number: int, url: str, study: int) -> float:
    import time

    from storage import Database, Studies

    with Database(url) as database:
        studies = Studies(database)
        began = time.monotonic()
        while time.monotonic() < began + 1.0:
            wall_s = studies.count_wall_time(study, 60.0)
    return wall_s


def test_four_supervisors_that_count_the_same_second_count_one(
    database: Database, url: str, race: Callable[..., list[Any]]
) -> None:
    created = create_study(database)
    counted = max(race(count_together, 4, url, created.id))
    assert 0.9 < counted < 3.0  # not four


# ---- delete ----


def optuna_trial(database: Database, trial: optuna.Trial) -> object:
    return database.optuna_storage.get_trial(trial._trial_id)


def test_a_deleted_study_leaves_nothing_and_its_name_is_free(studies: Studies, database: Database) -> None:
    created, kept = create_study(database, trials=2), create_study(database, "kept", trials=3)
    Workers(database, created.id).beat("me", {0: ("cpu", None)}, LEASE_S)
    Workers(database, kept.id).beat("you", {0: ("cpu", None)}, LEASE_S)
    lease, trial = begin(Slots(database, created.id), optuna_study(database))
    with fenced(lease, ending=True, values={"value": 0.5}):
        optuna_study(database).tell(trial, 0.5)
    studies.delete("one")
    assert studies.names() == ["kept"]
    assert count(database, "tuner_slots") == 3
    assert count(database, "tuner_workers") == count(database, "studies") == 1
    assert count(database, "tuner_events") == 0
    assert optuna.get_all_study_names(database.optuna_storage) == ["kept"]
    with pytest.raises(StudyNotFound):
        studies.delete("one")
    again = create_study(database)
    assert History(database, again).trials() == []


def test_a_deletion_that_was_cut_short_is_ended_by_deleting_again(studies: Studies, database: Database) -> None:
    create_study(database)
    optuna.delete_study(study_name="one", storage=database.optuna_storage)  # what `delete` does in between
    assert studies.find("one") is not None
    studies.delete("one")
    assert studies.find("one") is None
    assert create_study(database).name == "one"


def test_a_study_of_which_a_trial_is_held_is_not_deleted(studies: Studies, database: Database) -> None:
    created = create_study(database)
    begin(Slots(database, created.id), optuna_study(database))
    before, ours = content(database), content(database, ours=True)
    with pytest.raises(StudyBusy) as caught:
        studies.delete("one")
    assert str(caught.value) == ("study 'one' is being run; `tuner status one` shows where, `tuner stop one` ends it")
    assert content(database) == before
    assert content(database, ours=True) == ours
    expire(database)
    studies.delete("one")
    assert studies.names() == []


def test_a_deletion_waits_for_a_claim_in_flight_and_is_refused(
    studies: Studies, database: Database, other: Database, watch: Callable[[Database], Callable[[], None]]
) -> None:
    created = create_study(database)
    claiming, go_on = threading.Event(), threading.Event()
    answers: list[str] = []

    @sa.event.listens_for(other.engine, "after_cursor_execute")
    def hesitate(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO tuner_events"):
            claiming.set()
            assert go_on.wait(60)

    def delete() -> None:
        try:
            studies.delete("one")
        except StudyBusy:
            answers.append("refused")

    waits = watch(database)
    worker = threading.Thread(target=Slots(other, created.id).claim, args=("you", LEASE_S))
    deleter = threading.Thread(target=delete)
    worker.start()
    assert claiming.wait(60)
    deleter.start()
    waits()
    go_on.set()
    worker.join(60)
    deleter.join(60)
    assert answers == ["refused"]
    assert count(database, "tuner_slots") == 4
    assert [slot.owner for slot in Slots(database, created.id).all()] == ["you", None, None, None]
    assert [trial.state for trial in optuna_study(database).trials] == [TrialState.WAITING]


def test_what_is_written_for_a_deleted_study_is_lost_like_any_lost_lease(studies: Studies, database: Database) -> None:
    created = create_study(database)
    slots = Slots(database, created.id)
    lease, trial = begin(slots, optuna_study(database))
    expire(database)
    studies.delete("one")
    assert slots.renew({lease}, LEASE_S) == set()
    assert slots.claim("me", LEASE_S) is None
    assert slots.find(lease) is None
    for write in (lambda: trial.set_user_attr("late", 1), lambda: optuna_trial(database, trial)):
        with pytest.raises(LeaseLost), fenced(lease):
            write()
    with pytest.raises(KeyError, match="mine"), fenced(lease):  # an error of somebody else's
        {}["mine"]
    assert count(database, "trial_user_attributes") == count(database, "tuner_events") == 0
