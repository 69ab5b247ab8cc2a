"""What `storage.fencing` relies on in Optuna and SQLAlchemy: it hooks into sessions that are Optuna's own business."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from optuna.exceptions import StorageInternalError
from storing import LEASE_S, begin, claim, content, create_study, expire, optuna_study, unseen_commit

from storage import (
    Checkpoints,
    Database,
    EventKind,
    EventRecord,
    Events,
    History,
    Lease,
    LeaseLost,
    Slots,
    StudyRecord,
    crash_points,
    describe_outage,
    fenced,
)

TrialState = optuna.trial.TrialState
DEADLINE_S = 60.0


@pytest.fixture
def at() -> Iterator[Callable[[str, Callable[[], None]], None]]:
    """Have something done at a crash point, the first time that it is reached: `at("telling", act)`."""
    acts: dict[str, Callable[[], None]] = {}
    crash_points.hook = lambda point: acts.pop(point, lambda: None)()
    yield acts.__setitem__
    crash_points.hook = None


@contextmanager
def thread(role: Callable[[], Any]) -> Iterator[Callable[[], Any]]:
    """Run a function in another thread; what is given returns what it returns."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(role)
        yield lambda: future.result(DEADLINE_S)


def kinds(database: Database, record: StudyRecord) -> list[str]:
    return [event.kind for event in Events(database, record.id).all()]


def ends(database: Database, record: StudyRecord) -> list[EventRecord]:
    return [event for event in Events(database, record.id).all() if event.kind == "end"]


def tell(study: optuna.Study, lease: Lease, trial: optuna.Trial, value: float = 0.5) -> None:
    with fenced(lease, ending=True, values={"value": value, "detail": "complete"}):
        study.tell(trial, value)


# ---- ask ----


def test_a_trial_is_asked_for_and_written_into_its_slot(study: optuna.Study, slots: Slots) -> None:
    for number in range(3):  # the first was enqueued, the others are made
        _, trial = begin(slots, study)
        slot = slots.all()[number]
        assert (slot.trial_id, slot.trial_number) == (trial._trial_id, number)
    assert study.trials[0].system_attrs["fixed_params"] == {"x": 0.5}
    assert {trial.state for trial in study.trials} == {TrialState.RUNNING}


def die_asking(number: int, url: str, name: str) -> None:
    import os
    import signal

    import optuna

    from storage import Database, Slots, Studies, crash_points, fenced

    crash_points.hook = lambda point: os.kill(os.getpid(), signal.SIGKILL) if point == "asking" else None
    with Database(url) as database:
        study = optuna.load_study(study_name=name, storage=database.optuna_storage)
        taken = Slots(database, Studies(database).get(name).id).claim("dead", 3600.0)
        with fenced(taken[0], asking=True):
            study.ask()


@pytest.mark.parametrize("enqueued", [True, False], ids=["enqueued", "made"])
def test_a_process_that_is_killed_as_it_asks_leaves_neither_trial_nor_slot(
    database: Database, study: optuna.Study, slots: Slots, url: str, race: Callable[..., list[Any]], enqueued: bool
) -> None:
    if not enqueued:
        begin(slots, study)
    before = content(database)
    assert race(die_asking, 1, url, "one") == ["killed"]
    assert content(database) == before
    waiting = [trial.number for trial in study.trials if trial.state == TrialState.WAITING]
    assert waiting == ([0] if enqueued else [])
    slot = slots.all()[0 if enqueued else 1]
    assert (slot.state, slot.owner, slot.trial_id) == ("running", "dead", None)
    expire(database, slot=slot.slot)
    lease, trial = begin(slots, study)  # and whoever comes next finds it all as it was
    assert (lease.slot, trial.number, lease.attempt) == (slot.slot, slot.slot, 2)


@pytest.mark.parametrize("enqueued", [True, False], ids=["enqueued", "made"])
def test_who_has_lost_the_slot_asks_for_nothing(
    database: Database, study: optuna.Study, slots: Slots, enqueued: bool
) -> None:
    if not enqueued:
        begin(slots, study)
    lease, _ = claim(slots)
    expire(database, slot=lease.slot)
    claim(slots, "you")
    before, ours = content(database), content(database, ours=True)
    message = f"slot {lease.slot}: another worker has taken its trial over from attempt 1"
    with pytest.raises(LeaseLost, match=message), fenced(lease, asking=True):
        study.ask()
    assert content(database) == before
    assert content(database, ours=True) == ours


def test_a_slot_that_has_a_trial_gets_no_second_one(database: Database, study: optuna.Study, slots: Slots) -> None:
    lease, _ = begin(slots, study)
    before = content(database)
    with pytest.raises(LeaseLost), fenced(lease, asking=True):
        study.ask()
    assert content(database) == before


def ask_many(number: int, url: str, name: str) -> list[tuple[int, int, bool]]:
    import optuna

    from storage import Database, Slots, Studies, fenced
    from tuner.supervisor.retrying import OutageRetrying

    def ask(lease):  # type: ignore[no-untyped-def]
        with fenced(lease, asking=True):
            return study.ask()

    def suggest(lease, trial):  # type: ignore[no-untyped-def]
        with fenced(lease):
            return trial.suggest_float("x", 0, 1)

    def tell(lease, trial, value):  # type: ignore[no-untyped-def]
        with fenced(lease, ending=True, values={"value": value}):
            study.tell(trial, value)

    patient = OutageRetrying(lambda _: None)  # a file that seven others write to may be locked for long
    asked = []
    with Database(url) as database:
        study = optuna.load_study(study_name=name, storage=database.optuna_storage)
        slots = Slots(database, Studies(database).get(name).id)
        while (taken := patient(slots.claim, f"owner-{number}", 3600.0)) is not None:
            lease, _ = taken
            trial = patient(ask, lease)
            x = patient(suggest, lease, trial)
            asked.append((lease.slot, trial.number, x == 0.25))
            if trial.number % 2:
                patient(tell, lease, trial, x)
    return asked


@pytest.mark.rest
def test_of_eight_processes_that_ask_at_once_each_gets_its_own_trials_and_one_the_enqueued(
    database: Database, url: str, race: Callable[..., list[Any]]
) -> None:
    record = create_study(database, "many", trials=40, first={"x": 0.25})
    asked = [tuple(each) for answer in race(ask_many, 8, url, "many") for each in answer]
    assert sorted(number for _, number, _ in asked) == list(range(40))
    assert [number for _, number, recipe in asked if recipe] == [0]
    assert {slot.slot: slot.trial_number for slot in Slots(database, record.id).all()} == {
        slot: number for slot, number, _ in asked
    }
    trials = optuna_study(database, "many").trials
    assert [trial.number for trial in trials] == list(range(40))
    assert Counter(trial.state for trial in trials) == {TrialState.RUNNING: 20, TrialState.COMPLETE: 20}
    assert len(ends(database, record)) == 20


def test_an_ask_that_optuna_repeats_after_an_outage_is_in_its_slot(
    study: optuna.Study, slots: Slots, at: Callable[[str, Callable[[], None]], None]
) -> None:
    begin(slots, study)
    lease, _ = claim(slots)

    def fail() -> None:
        raise sa.exc.OperationalError("COMMIT", {}, sqlite3.OperationalError("database is locked"))

    at("asking", fail)
    with fenced(lease, asking=True):
        trial = study.ask()
    assert [each.number for each in study.trials] == [0, 1]
    slot = slots.all()[1]
    assert (slot.trial_id, slot.trial_number) == (trial._trial_id, 1)


@pytest.mark.parametrize("enqueued", [True, False], ids=["enqueued", "made"])
def test_an_ask_that_was_done_when_the_database_went_away_is_not_done_again(
    database: Database, record: StudyRecord, study: optuna.Study, slots: Slots, enqueued: bool
) -> None:
    if not enqueued:
        begin(slots, study)
    lease, _ = claim(slots)
    with unseen_commit(database, "UPDATE tuner_slots"), pytest.raises((LeaseLost, StorageInternalError)):  # noqa: SIM117
        with fenced(lease, asking=True):
            study.ask()
    assert [trial.state for trial in study.trials] == [TrialState.RUNNING] * (lease.slot + 1)
    assert slots.all()[lease.slot].trial_number == lease.slot


# ---- what a lost lease cannot do ----


def report(study: optuna.Study, trial: optuna.Trial) -> None:
    study._storage.set_trial_intermediate_value(trial._trial_id, 2, 0.7)


def report_again(study: optuna.Study, trial: optuna.Trial) -> None:
    study._storage.set_trial_intermediate_value(trial._trial_id, 1, 0.7)


def set_attribute(_: optuna.Study, trial: optuna.Trial) -> None:
    trial.set_user_attr("effective", {"device": "cpu"})


def replace_attribute(_: optuna.Study, trial: optuna.Trial) -> None:
    trial.set_user_attr("reason", "another")


def set_constraint(_: optuna.Study, trial: optuna.Trial) -> None:
    trial.set_constraint("diverged", 1.0)


def suggest(_: optuna.Study, trial: optuna.Trial) -> None:
    trial.suggest_float("y", 0, 1)


def complete(study: optuna.Study, trial: optuna.Trial) -> None:
    study.tell(trial, 0.5)


def prune(study: optuna.Study, trial: optuna.Trial) -> None:
    study.tell(trial, state=TrialState.PRUNED)


def fail(study: optuna.Study, trial: optuna.Trial) -> None:
    study.tell(trial, state=TrialState.FAIL)


WRITES = [report, report_again, set_attribute, replace_attribute, set_constraint, suggest, complete, prune, fail]
#: One of each way to write: into a new row, over an old one, around the session's bookkeeping, and to an end.
SOME = pytest.mark.parametrize("write", [report, suggest, set_attribute, complete], ids=lambda write: write.__name__)


@pytest.fixture
def mine(study: optuna.Study, slots: Slots) -> tuple[Lease, optuna.Trial]:
    """A trial that has drawn and reported."""
    lease, trial = begin(slots, study)
    with fenced(lease):
        trial.suggest_float("x", 0, 1)
        trial.report(0.3, 1)
        trial.set_user_attr("reason", "one")
    return lease, trial


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
def test_what_is_written_under_a_lost_lease_leaves_no_trace(
    database: Database, slots: Slots, study: optuna.Study, mine: tuple[Lease, optuna.Trial], write: Callable[..., None]
) -> None:
    lease, trial = mine
    expire(database)
    claim(slots, "you")
    before, ours = content(database), content(database, ours=True)
    ending = write in (complete, prune, fail)
    fence = fenced(lease, kind=None if ending else "report", values={"step": 1}, ending=ending)
    with pytest.raises(LeaseLost, match="slot 0: another worker has taken its trial over from attempt 1"), fence:
        write(study, trial)
    assert content(database) == before
    assert content(database, ours=True) == ours


@SOME
@pytest.mark.parametrize("kind", [None, EventKind.REPORT])
def test_a_later_attempt_of_the_same_owner_is_another_lease(
    database: Database,
    slots: Slots,
    study: optuna.Study,
    mine: tuple[Lease, optuna.Trial],
    write: Callable[..., None],
    kind: EventKind | None,
) -> None:
    lease, trial = mine
    expire(database)
    again, _ = claim(slots, lease.owner)
    assert (again.slot, again.attempt) == (lease.slot, lease.attempt + 1)
    before, ours = content(database), content(database, ours=True)
    with pytest.raises(LeaseLost), fenced(lease, kind=kind, ending=write is complete):
        write(study, trial)
    assert content(database) == before
    assert content(database, ours=True) == ours


def test_a_slot_that_the_same_owner_holds_beside_it_is_another_lease(
    database: Database, slots: Slots, study: optuna.Study
) -> None:
    claim(slots)
    lease, _ = claim(slots)
    with fenced(lease, asking=True):
        number = study.ask().number
    assert [slot.trial_number for slot in slots.all()][:2] == [None, number]


def test_an_error_of_the_block_is_the_blocks_own(study: optuna.Study, mine: tuple[Lease, optuna.Trial]) -> None:
    with pytest.raises(KeyError, match="my own"), fenced(mine[0]):
        raise KeyError("my own")


@SOME
def test_a_lease_that_has_expired_holds_until_somebody_else_takes_the_slot(
    database: Database, study: optuna.Study, mine: tuple[Lease, optuna.Trial], write: Callable[..., None]
) -> None:
    lease, trial = mine
    expire(database)
    before = content(database)
    with fenced(lease):
        write(study, trial)
    assert content(database) != before


@SOME
def test_a_thief_that_comes_between_the_look_and_the_commit_waits_for_it(
    database: Database,
    other: Database,
    slots: Slots,
    study: optuna.Study,
    mine: tuple[Lease, optuna.Trial],
    write: Callable[..., None],
    watch: Callable[[Database], Callable[[], None]],
) -> None:
    lease, trial = mine
    expire(database)
    waits = watch(other)
    order: list[str] = []
    wrote: list[str] = []
    thief = threading.Thread(
        target=lambda: order.append("stolen" if Slots(other, lease.study_id).claim("you", LEASE_S) else "nothing")
    )
    engine = study._storage._backend.engine

    @sa.event.listens_for(engine, "after_cursor_execute")
    def look(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(("INSERT INTO trial", "UPDATE trial")):
            wrote.append(statement)

    @sa.event.listens_for(engine, "commit")
    def hesitate(_: object) -> None:
        if wrote and thief.ident is None:
            thief.start()
            waits()
            order.append("written")

    before = content(database)
    with suppress(LeaseLost), fenced(lease):  # the loss is for whatever comes after the write
        write(study, trial)
    thief.join(DEADLINE_S)
    assert order == ["written", "stolen"]
    assert content(database) != before


def test_who_was_robbed_can_still_read_and_write_what_is_its_own(
    database: Database, slots: Slots, study: optuna.Study, mine: tuple[Lease, optuna.Trial]
) -> None:
    lease, trial = mine
    expire(database)
    claim(slots, "you")
    with pytest.raises(LeaseLost), fenced(lease):
        trial.set_user_attr("late", 1)
    again, second = begin(slots, study)  # in the same thread, with the same session
    tell(study, again, second)
    assert study.trials[second.number].state == TrialState.COMPLETE


# ---- tell ----


@pytest.mark.parametrize(
    ("state", "value"), [(TrialState.COMPLETE, 0.5), (TrialState.PRUNED, None), (TrialState.FAIL, None)]
)
def test_a_tell_ends_the_slot_and_writes_one_end_into_the_log(
    database: Database,
    record: StudyRecord,
    slots: Slots,
    study: optuna.Study,
    mine: tuple[Lease, optuna.Trial],
    state: TrialState,
    value: float | None,
) -> None:
    lease, trial = mine
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE tuner_slots SET device_seen = device_seen - 100 WHERE slot = 0")
    with fenced(lease, ending=True, values={"value": value, "detail": state.name.lower()}):
        study.tell(trial, value, state=state)
    assert study.trials[0].state == state
    slot = slots.all()[0]
    assert (slot.state, slot.owner, slot.held, slot.trial_number) == ("finished", None, False, 0)
    assert 100 <= slot.device_s < 130
    (end,) = ends(database, record)
    assert (end.slot, end.trial, end.attempt, end.owner) == (0, 0, 1, "me")
    assert (end.value, end.detail) == (value, state.name.lower())
    assert slots.claim("you", LEASE_S, empty=False) is None


def die_telling(number: int, url: str, name: str) -> None:
    import os
    import signal

    import optuna

    from storage import Database, Lease, Studies, crash_points, fenced

    crash_points.hook = lambda point: os.kill(os.getpid(), signal.SIGKILL) if point == "telling" else None
    with Database(url) as database:
        study = optuna.load_study(study_name=name, storage=database.optuna_storage)
        lease = Lease(study_id=Studies(database).get(name).id, slot=0, owner="me", attempt=1)
        with fenced(lease, ending=True, values={"value": 0.5}):
            study.tell(0, 0.5)


@pytest.mark.usefixtures("mine")
def test_of_a_tell_whose_process_is_killed_nothing_is_left(
    database: Database, slots: Slots, study: optuna.Study, url: str, race: Callable[..., list[Any]]
) -> None:
    before, ours = content(database), content(database, ours=True)
    assert race(die_telling, 1, url, "one") == ["killed"]
    assert content(database) == before
    assert content(database, ours=True) == ours
    expire(database)
    lease, trial = begin(slots, study, "you")
    tell(study, lease, trial)
    assert (slots.all()[0].state, study.trials[0].value) == ("finished", 0.5)


def test_a_tell_that_fails_at_its_end_leaves_nothing_and_is_an_outage_that_can_be_tried_again(
    database: Database,
    record: StudyRecord,
    slots: Slots,
    study: optuna.Study,
    mine: tuple[Lease, optuna.Trial],
    at: Callable[[str, Callable[[], None]], None],
) -> None:
    def fail() -> None:
        raise sa.exc.OperationalError("COMMIT", {}, sqlite3.OperationalError("database is locked"))

    before, ours = content(database), content(database, ours=True)
    at("telling", fail)
    with pytest.raises(StorageInternalError) as caught:
        tell(study, *mine)
    assert describe_outage(caught.value) == "database is locked"
    assert content(database) == before
    assert content(database, ours=True) == ours
    tell(study, *mine)
    assert slots.all()[0].state == "finished"
    assert len(ends(database, record)) == 1


def test_a_trial_that_is_told_twice_ends_once(
    database: Database, record: StudyRecord, study: optuna.Study, mine: tuple[Lease, optuna.Trial]
) -> None:
    tell(study, *mine)
    with pytest.raises(LeaseLost):
        tell(study, *mine)
    assert len(ends(database, record)) == 1
    assert study.trials[0].value == 0.5


def test_a_thief_waits_for_a_tell_in_flight_and_finds_the_trial_ended(
    database: Database,
    other: Database,
    slots: Slots,
    study: optuna.Study,
    mine: tuple[Lease, optuna.Trial],
    at: Callable[[str, Callable[[], None]], None],
    watch: Callable[[Database], Callable[[], None]],
) -> None:
    expire(database)
    waits, thief = watch(other), Slots(other, mine[0].study_id)
    told, telling = threading.Event(), threading.Event()

    def hesitate() -> None:
        telling.set()
        assert told.wait(DEADLINE_S)

    at("telling", hesitate)
    with (
        thread(lambda: tell(study, *mine)) as teller,
        thread(lambda: telling.wait(DEADLINE_S) and thief.claim("you", LEASE_S, empty=False)) as stolen,
    ):
        waits()
        told.set()
        teller()
        assert stolen() is None
    assert slots.all()[0].state == "finished"
    assert slots.all()[0].attempt == 1
    assert study.trials[0].state == TrialState.COMPLETE


@SOME
def test_a_write_waits_for_a_theft_in_flight_and_finds_the_lease_lost(
    database: Database,
    other: Database,
    study: optuna.Study,
    mine: tuple[Lease, optuna.Trial],
    write: Callable[..., None],
    watch: Callable[[Database], Callable[[], None]],
) -> None:
    lease, trial = mine
    expire(database)
    before = content(database)
    stealing, steal = threading.Event(), threading.Event()

    @sa.event.listens_for(other.engine, "after_cursor_execute")
    def hesitate(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO tuner_events"):
            stealing.set()
            assert steal.wait(DEADLINE_S)

    def late() -> str:
        try:
            with fenced(lease):
                write(study, trial)
        except LeaseLost:
            return "lost"
        return "written"

    waits = watch(database)
    with thread(lambda: Slots(other, lease.study_id).claim("you", LEASE_S, empty=False)) as thief:
        assert stealing.wait(DEADLINE_S)
        with thread(late) as answer:
            waits()
            steal.set()
            assert answer() == "lost"
        assert thief() is not None
    assert content(database) == before


# ---- events ----


def test_an_event_is_written_by_the_first_transaction_and_only_once(
    database: Database, record: StudyRecord, mine: tuple[Lease, optuna.Trial]
) -> None:
    lease, trial = mine
    with fenced(lease, kind="report", values={"step": 3, "value": 0.25}):
        trial.report(0.25, 3)
        trial.set_user_attr("more", 1)
    reports = [event for event in Events(database, record.id).all() if event.kind == "report"]
    assert [(event.trial, event.step, event.value, event.attempt) for event in reports] == [(0, 3, 0.25, 1)]


def test_an_event_of_a_transaction_that_failed_is_written_by_the_next_one(
    database: Database, record: StudyRecord, study: optuna.Study, mine: tuple[Lease, optuna.Trial]
) -> None:
    lease, trial = mine
    fails = [True]

    @sa.event.listens_for(study._storage._backend.scoped_session.session_factory, "before_commit")
    def fail(_: object) -> None:
        if fails and fails.pop():
            raise sa.exc.OperationalError("COMMIT", {}, sqlite3.OperationalError("database is locked"))

    with fenced(lease, kind="report", values={"step": 3, "value": 0.25}):
        with pytest.raises(StorageInternalError):
            trial.set_user_attr("more", 1)
        assert kinds(database, record) == ["claimed"]
        trial.report(0.25, 3)
    assert kinds(database, record) == ["claimed", "report"]


# ---- what is not fenced ----


def test_a_fence_ends_with_its_block_also_by_an_error_and_the_outer_one_is_back(
    database: Database, slots: Slots, study: optuna.Study, mine: tuple[Lease, optuna.Trial]
) -> None:
    lease, trial = mine
    second_lease, second = begin(slots, study)
    expire(database, slot=0)
    claim(slots, "you")
    with fenced(second_lease):
        with pytest.raises(LeaseLost), fenced(lease):
            trial.set_user_attr("late", 1)
        second.set_user_attr("mine", 1)
    trial.set_user_attr("unfenced", 1)
    assert study.trials[0].user_attrs == {"reason": "one", "unfenced": 1}
    assert study.trials[1].user_attrs == {"mine": 1}


def test_other_threads_and_other_programs_are_not_fenced(
    database: Database, slots: Slots, study: optuna.Study, mine: tuple[Lease, optuna.Trial], url: str
) -> None:
    lease, trial = mine
    expire(database)
    claim(slots, "you")
    theirs = optuna.storages.RDBStorage(url)  # a dashboard's
    with fenced(lease):
        with thread(lambda: trial.set_user_attr("thread", 1)) as done:
            done()
        theirs.set_trial_user_attr(trial._trial_id, "dashboard", 1)
        theirs.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [0.9])
    theirs.remove_session()
    theirs.engine.dispose()
    assert study.trials[0].state == TrialState.COMPLETE
    assert study.trials[0].user_attrs == {"reason": "one", "thread": 1, "dashboard": 1}
    assert slots.all()[0].state == "running"  # that is for whoever holds it to end


def test_reads_under_a_good_lease_read_and_under_a_lost_one_say_so(
    database: Database, slots: Slots, study: optuna.Study, mine: tuple[Lease, optuna.Trial]
) -> None:
    lease, trial = mine
    with fenced(lease):
        stored = study._storage.get_trial(trial._trial_id)
        assert stored.intermediate_values == {1: 0.3}
        assert len(study.get_trials()) == 1
        assert study.best_trials == []
    expire(database)
    claim(slots, "you")
    with pytest.raises(LeaseLost), fenced(lease):
        study._storage.get_trial(trial._trial_id)
    assert study._storage.get_trial(trial._trial_id).intermediate_values == {1: 0.3}


@pytest.mark.usefixtures("mine")
def test_what_a_fence_writes_is_what_the_history_says(database: Database, record: StudyRecord, slots: Slots) -> None:
    trial = History(database, record).trial(0)
    assert (trial.state, trial.steps, trial.checkpoints) == ("running", ((1, 0.3),), Checkpoints())
    assert slots.all()[0].trial_number == trial.number
