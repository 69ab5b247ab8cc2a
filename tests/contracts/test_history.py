from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from storing import LEASE_S, claim, create_study, expire

from storage import (
    DEVICE_ATTR,
    EFFECTIVE_ATTR,
    EVALUATION_ATTR,
    REASON_ATTR,
    CheckpointRef,
    Checkpoints,
    Database,
    History,
    Lease,
    Slots,
    StudyRecord,
    TrialNotFound,
    TrialRecord,
    fenced,
    tables,
)
from storage.clock import now_s

TrialState = optuna.trial.TrialState
STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
CHOICES = {"schedule": ["linear", "cosine", "constant"], "frozen": [0.0, 0.5, "gradual"], "batch": [8, 16]}


@pytest.fixture
def record(database: Database) -> StudyRecord:
    return create_study(database, trials=20)


@pytest.fixture
def study(database: Database, record: StudyRecord) -> optuna.Study:
    sampler = optuna.samplers.RandomSampler(seed=0)
    return optuna.load_study(study_name=record.name, storage=database.optuna_storage, sampler=sampler)


@pytest.fixture
def history(database: Database, record: StudyRecord) -> History:
    return History(database, record)


@pytest.fixture
def overrides(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock is not on UTC."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def begin(study: optuna.Study, steps: tuple[float, ...] = ()) -> optuna.Trial:
    """A trial with every kind of parameter that has reported."""
    trial = study.ask()
    trial.suggest_float("rate", 1e-6, 1e-2, log=True)
    trial.suggest_float("dropout", 0.0, 0.3)
    trial.suggest_float("fixed", 0.1, 0.1)
    trial.suggest_int("epochs", 1, 6)
    trial.suggest_int("layers", 1, 1000, log=True)
    trial.suggest_int("odd", 1, 9, step=2)
    for name, choices in CHOICES.items():
        trial.suggest_categorical(name, choices)
    for number, value in enumerate(steps, start=1):
        trial.report(value, 10 * number)
    return trial


def same(one: object, other: object) -> bool:
    """Equal, of one type, and NaN like NaN."""
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


def in_utc(moment: datetime | None) -> str | None:
    return moment and moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def assert_as_optuna_says(records: list[TrialRecord], study: optuna.Study) -> None:
    told = [trial for trial in study.get_trials() if trial.state != TrialState.WAITING]
    assert [record.number for record in records] == [trial.number for trial in told]
    for record, trial in zip(records, told, strict=True):
        assert record.state == STATES.get(trial.state, record.state)
        assert (record.state in ("running", "interrupted")) == (trial.state == TrialState.RUNNING)
        assert set(record.hyperparameters) == set(trial.params)
        for name, value in trial.params.items():
            assert same(record.hyperparameters[name], value), name
        assert [step for step, _ in record.steps] == sorted(trial.intermediate_values)
        assert all(same(value, trial.intermediate_values[step]) for step, value in record.steps)
        if trial.state == TrialState.COMPLETE or (trial.state == TrialState.PRUNED and trial.value is not None):
            assert same(record.value, trial.value)
        assert record.reason == trial.user_attrs.get(REASON_ATTR)
        assert record.effective == trial.user_attrs.get(EFFECTIVE_ATTR)
        assert record.started == in_utc(trial.datetime_start)
        assert record.ended == in_utc(trial.datetime_complete)


@pytest.mark.usefixtures("overrides")
def test_the_history_is_what_optuna_itself_says(history: History, study: optuna.Study) -> None:
    study.enqueue_trial({"rate": 1e-6, "epochs": 6, "layers": 1000, "schedule": "constant", "frozen": "gradual"})
    study.tell(begin(study), 0.5)
    study.tell(begin(study, (0.1, 0.2, 0.9)), 0.9)
    study.tell(begin(study, (math.nan, math.inf, -math.inf, 0.1)), math.inf)
    study.tell(begin(study), -math.inf)
    study.tell(begin(study, (0.1, 0.05)), state=TrialState.PRUNED)
    study.tell(begin(study), state=TrialState.PRUNED)
    study.tell(begin(study, (0.4,)), state=TrialState.FAIL)
    study.tell(begin(study), state=TrialState.FAIL)
    study.tell(study.ask(), 1)
    begin(study, (0.3,))
    study.enqueue_trial({"rate": 1e-3})  # waits: it was not begun
    trials = history.trials()
    assert_as_optuna_says(trials, study)
    assert len(trials) == 10
    assert trials[1].hyperparameters["frozen"] == "gradual"
    assert {type(trials[0].hyperparameters[name]) for name in ("rate", "dropout", "fixed")} == {float}
    assert {type(trials[0].hyperparameters[name]) for name in ("epochs", "layers", "odd", "batch")} == {int}


def test_a_study_without_a_begun_trial_has_no_history(history: History, study: optuna.Study) -> None:
    assert [trial.state for trial in study.trials] == [TrialState.WAITING]
    assert history.trials() == []
    assert history.best() is None
    with pytest.raises(TrialNotFound, match="study 'one' has no trial 0; there is none yet"):
        history.trial(0)


def test_the_value_is_the_told_one_of_a_complete_trial_and_else_the_last_report(
    history: History, study: optuna.Study
) -> None:
    study.tell(begin(study, (0.9, 0.2)), 0.9)
    study.tell(begin(study, (0.8, 0.3)), state=TrialState.PRUNED)
    study.tell(begin(study, (0.7, 0.4)), state=TrialState.FAIL)
    begin(study, (0.6, 0.5))
    study.tell(begin(study), state=TrialState.FAIL)
    study.tell(begin(study), state=TrialState.PRUNED)
    assert [trial.value for trial in history.trials()] == [0.9, 0.3, 0.4, 0.5, None, None]


def test_steps_come_in_order_whatever_the_order_of_the_reports(history: History, study: optuna.Study) -> None:
    trial = begin(study)
    for step in (100, 20, 90, 10):
        trial.report(step / 100, step)
    assert history.trial(0).steps == ((10, 0.1), (20, 0.2), (90, 0.9), (100, 1.0))
    assert history.trial(0).value == 1.0


def test_the_attributes_that_carry_our_facts_are_read_whole(history: History, study: optuna.Study) -> None:
    trial = begin(study)
    effective = {"groups": [{"lr": 1e-4, "n": 3}], "dropout": {"a.b": 0.1}, "nothing": None}
    trial.set_user_attr(EFFECTIVE_ATTR, effective)
    trial.set_user_attr(REASON_ATTR, "diverged: loss is nan at step 3 — “stopped”")
    # Keys of other lengths have another order than their numbers.
    for step, key in ((100, "100"), (20, "20"), (90, "090"), (10, "010")):
        trial.set_user_attr(f"{EVALUATION_ATTR}{key}", {"step": step, "loss": step / 100})
    trial.set_user_attr("best_step", 30)
    study.tell(trial, state=TrialState.PRUNED)
    record = history.trial(0)
    assert record.effective == effective
    assert record.reason == "diverged: loss is nan at step 3 — “stopped”"
    assert [evaluation["step"] for evaluation in record.evaluations] == [10, 20, 90, 100]
    assert record.evaluations[1] == {"step": 20, "loss": 0.2}


def test_trial_0_is_read_alone_as_it_is_read_with_the_others(history: History, study: optuna.Study) -> None:
    assert history.first() is None
    for steps in ((0.5, 0.6), (0.7,)):
        trial = begin(study, steps)
        trial.set_user_attr(EFFECTIVE_ATTR, {"layers": len(steps)})
        study.tell(trial, steps[-1])
    assert history.first() == history.trials()[0]


def test_device_seconds_are_summed_by_the_device_that_trials_have_recorded(
    database: Database, record: StudyRecord, history: History, study: optuna.Study
) -> None:
    assert history.device_seconds() == {}
    for slot, name in enumerate(["NVIDIA H200", "cpu", None, "cpu"]):
        lease, _ = claim(Slots(database, record.id))
        with fenced(lease, asking=True):
            trial = study.ask()
        if name is not None:
            trial.set_user_attr(DEVICE_ATTR, name)
        trial.set_user_attr(EFFECTIVE_ATTR, {"device_name": "another"})
        with database.write() as connection:
            mine = tables.slots.c.slot == slot
            connection.execute(tables.slots.update().where(mine).values(device_s=10.0**slot))
    with database.write() as connection:  # none of them runs any more, so that no second is counted beside these
        connection.execute(tables.slots.update().values(expires=now_s() - 1))
    assert history.device_seconds() == {"NVIDIA H200": 1.0, "cpu": 1010.0, None: 100.0}


# ---- running, interrupted and paused ----


@pytest.fixture
def lease(slots: Slots, study: optuna.Study) -> Lease:
    """Of trial 0, which has reported, and is held by `me`."""
    taken, _ = claim(slots)
    with fenced(taken, asking=True):
        trial = study.ask()
    trial.report(0.3, 10)
    return taken


@pytest.mark.usefixtures("lease")
def test_a_trial_that_is_held_is_running(history: History) -> None:
    trial = history.trial(0)
    assert (trial.state, trial.value, trial.reason, trial.restarts, trial.ended) == ("running", 0.3, None, 0, None)


def test_the_range_of_values_is_that_of_all_finite_reports_of_one_study(database: Database) -> None:
    record, other = create_study(database, "two"), create_study(database, "three")
    assert History(database, record).value_range() is None
    study = optuna.load_study(study_name="two", storage=database.optuna_storage)
    for value in (0.5, 0.25, math.inf, -math.inf, math.nan, 0.75):
        trial = study.ask()
        trial.report(value, 10)
        study.tell(trial, state=TrialState.PRUNED)
    assert History(database, record).value_range() == (0.25, 0.75)
    assert History(database, other).value_range() is None


@pytest.mark.parametrize("state", ["interrupted", "paused"])
def test_a_released_trial_is_what_it_was_released_as_and_counts_its_restarts(
    history: History, slots: Slots, lease: Lease, state: str
) -> None:
    assert slots.release(lease, state=state, reason="preempted")
    assert (history.trial(0).state, history.trial(0).reason, history.trial(0).restarts) == (state, "preempted", 0)
    claim(slots)
    assert (history.trial(0).state, history.trial(0).reason, history.trial(0).restarts) == ("running", None, 1)


def test_a_trial_whose_lease_has_expired_is_interrupted_until_somebody_takes_or_renews_it(
    history: History, database: Database, slots: Slots, lease: Lease
) -> None:
    expire(database)
    assert history.trial(0).state == "interrupted"
    assert slots.renew({lease}, LEASE_S) == {lease}
    assert history.trial(0).state == "running"
    expire(database)
    claim(slots, "you")
    assert (history.trial(0).state, history.trial(0).restarts) == ("running", 1)


def test_a_trial_tells_its_seconds_and_its_checkpoints(
    history: History, database: Database, slots: Slots, lease: Lease
) -> None:
    pointer = Checkpoints(
        best=CheckpointRef(
            key="trial-00000/attempt-1/best-00000010", sha256="c" * 64, bytes=5, optimiser_steps=10, value=0.3, step=10
        )
    )
    assert slots.commit(lease, pointer, optimiser_steps=10, detail="")
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE tuner_slots SET device_seen = device_seen - 100 WHERE slot = 0")
    assert slots.release(lease, state="interrupted", reason="preempted")
    assert history.trial(0).checkpoints == pointer
    assert 100 <= history.trial(0).device_s < 130


def test_a_trial_that_no_slot_holds_is_interrupted(history: History, study: optuna.Study) -> None:
    begin(study)
    assert history.trial(0).state == "interrupted"


def test_a_told_trial_is_what_it_was_told_whatever_its_slot_says(
    history: History, study: optuna.Study, slots: Slots, lease: Lease
) -> None:
    study.tell(0, 0.3)
    assert slots.all()[0].state == "running"
    assert history.trial(0).state == "complete"
    assert slots.finish(lease)
    assert history.trial(0).state == "complete"


# ---- one, and the best ----


def test_a_trial_that_is_not_there_is_told_the_last_one(history: History, study: optuna.Study) -> None:
    study.tell(begin(study), 0.1)
    study.tell(begin(study), 0.2)
    assert history.trial(1).value == 0.2
    with pytest.raises(TrialNotFound, match="study 'one' has no trial 7; the last is 1"):
        history.trial(7)


@pytest.mark.parametrize(("direction", "number"), [("maximize", 2), ("minimize", 1)])
def test_the_best_is_the_first_of_the_complete_with_the_best_value(
    database: Database, direction: str, number: int
) -> None:
    record = create_study(database, "two", direction=direction)
    study = optuna.load_study(study_name="two", storage=database.optuna_storage)
    for value in (0.5, 0.0, 0.9, 0.9, 0.0):
        study.tell(study.ask(), value)
    for report in (0.99, -0.99):
        trial = study.ask()
        trial.report(report, 10)
        study.tell(trial, state=TrialState.PRUNED)
    history = History(database, record)
    assert history.direction == direction
    best = history.best()
    assert best is not None
    assert best.number == number
    assert best == history.best(history.trials())
    assert best.value == study.best_value


def test_the_trials_of_two_studies_do_not_mix(database: Database, history: History, study: optuna.Study) -> None:
    other = create_study(database, "two")
    theirs = optuna.load_study(study_name="two", storage=database.optuna_storage)
    study.tell(begin(study, (0.1,)), 0.1)
    theirs.tell(begin(theirs, (0.9, 0.8)), 0.9)
    assert_as_optuna_says(history.trials(), study)
    assert_as_optuna_says(History(database, other).trials(), theirs)
    assert [trial.value for trial in history.trials()] == [0.1]


def test_a_trial_that_begins_while_the_history_is_read_does_not_look_interrupted(
    history: History, study: optuna.Study, database: Database, record: StudyRecord, url: str
) -> None:
    slots = Slots(database, record.id)
    with Database(url) as reader:
        seen = []

        @sa.event.listens_for(reader.engine, "after_cursor_execute")
        def begin_now(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if "FROM tuner_slots" in statement and not seen:
                seen.append(statement)
                taken, _ = claim(slots)
                with fenced(taken, asking=True):
                    study.ask()

        assert History(reader, record).trials() == []
        assert seen
    assert history.trial(0).state == "running"


# ---- the best few ----


def test_the_top_are_the_first_of_the_ranked(history: History, study: optuna.Study) -> None:
    for value in (0.5, 0.9, -math.inf, 0.9, math.inf, 0.1):
        study.tell(study.ask(), value)
    begin(study, (2.0,))
    ranked = [(trial.number, trial.value) for trial in history.ranked()]
    assert ranked == [(4, math.inf), (1, 0.9), (3, 0.9), (0, 0.5), (5, 0.1), (2, -math.inf)]
    for length in range(8):
        assert history.top(length) == ranked[:length]


# ---- how many of each ----


def test_the_counts_are_those_of_the_trials(
    history: History, database: Database, slots: Slots, study: optuna.Study
) -> None:
    assert history.counts() == {}
    study.enqueue_trial({"x": 0.5})
    study.tell(begin(study), 0.1)
    study.tell(begin(study), 0.2)
    study.tell(begin(study), state=TrialState.PRUNED)
    study.tell(begin(study), state=TrialState.FAIL)
    begin(study)  # in no slot
    leases = []
    for _ in range(4):
        taken, _ = claim(slots)
        with fenced(taken, asking=True):
            study.ask()
        leases.append(taken)
    assert slots.release(leases[0], state="paused", reason="paused")
    assert slots.release(leases[1], state="interrupted", reason="preempted")
    expire(database, slot=leases[2].slot)
    study.enqueue_trial({"x": 0.5})  # which waits
    expected = {"complete": 2, "pruned": 1, "failed": 1, "running": 1, "paused": 1, "interrupted": 3}
    assert history.counts() == expected
    assert Counter(trial.state for trial in history.trials()) == expected
