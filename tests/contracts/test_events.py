from __future__ import annotations

import math
import time

import optuna
import pytest
import sqlalchemy as sa
from storing import LEASE_S, begin, claim, count, create_study, expire

from storage import Checkpoints, Database, EventRecord, Events, LeaseLost, Slots, Studies, StudyRecord, fenced, tables
from storage.clock import now_s


@pytest.fixture
def events(database: Database, record: StudyRecord) -> Events:
    return Events(database, record.id)


def told(event: EventRecord) -> tuple[object, ...]:
    return (
        event.kind,
        event.slot,
        event.trial,
        event.attempt,
        event.owner,
        event.step or event.optimiser_steps,
        event.value,
        event.detail,
    )


def test_the_log_tells_the_life_of_a_trial(
    database: Database, record: StudyRecord, slots: Slots, study: optuna.Study, events: Events
) -> None:
    lease, trial = begin(slots, study, "me")
    with fenced(lease, kind="report", values={"step": 1, "value": 0.25}):
        trial.report(0.25, 1)
    assert slots.commit(lease, Checkpoints(), optimiser_steps=40, detail="step 40, 12 bytes")
    assert slots.release(lease, state="interrupted", reason="preempted")
    Studies(database).set_state(record.id, "paused")
    Studies(database).set_state(record.id, "open")
    begin(slots, study, "you")
    expire(database)
    lease, trial = begin(slots, study, "they")
    with fenced(lease, ending=True, values={"value": 0.5, "detail": "complete"}):
        study.tell(trial, 0.5)
    Studies(database).set_state(record.id, "stopped")
    assert [told(event) for event in events.all()] == [
        ("claimed", 0, 0, 1, "me", None, None, None),
        ("report", 0, 0, 1, "me", 1, 0.25, None),
        ("checkpoint", 0, 0, 1, "me", 40, None, "step 40, 12 bytes"),
        ("released", 0, 0, 1, "me", None, None, "preempted"),
        ("paused", None, None, None, None, None, None, None),
        ("resumed", None, None, None, None, None, None, None),
        ("claimed", 0, 0, 2, "you", None, None, None),
        ("stolen", 0, 0, 3, "they", None, None, "from you"),
        ("end", 0, 0, 3, "they", None, 0.5, "complete"),
        ("stopped", None, None, None, None, None, None, None),
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_told_in_words(slots: Slots, study: optuna.Study, events: Events, value: float) -> None:
    lease, trial = begin(slots, study)
    with fenced(lease, kind="report", values={"step": 1, "value": value}):
        trial.report(value, 1)
    with fenced(lease, ending=True, values={"value": value, "detail": "failed: no number"}):
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    assert [(event.kind, event.value, event.detail) for event in events.all()[1:]] == [
        ("report", None, f"value {value}"),
        ("end", None, f"failed: no number; value {value}"),
    ]
    reported = study.trials[0].intermediate_values[1]
    assert reported == value or (math.isnan(reported) and math.isnan(value))


def test_moments_are_of_the_clock_of_the_database_in_order(slots: Slots, events: Events) -> None:
    before = time.time()
    for _ in range(3):
        claim(slots)
    moments = [event.moment for event in events.all()]
    assert moments == sorted(moments)
    assert before - 1 < moments[0] <= moments[-1] < time.time() + 1  # both run on this machine


def test_the_events_of_one_trial_begin_with_the_claim_that_came_before_it(
    slots: Slots, study: optuna.Study, events: Events
) -> None:
    begin(slots, study, "me")
    lease, _ = claim(slots, "you")
    assert [(event.kind, event.trial) for event in events.all()] == [("claimed", 0), ("claimed", None)]
    with fenced(lease, asking=True):
        study.ask()
    begin(slots, study, "they")
    assert [event.trial for event in events.all()] == [0, 1, 2]
    assert [(event.kind, event.owner) for event in events.all(trial=1)] == [("claimed", "you")]
    assert events.all(trial=7) == []


def test_a_slot_that_was_given_back_before_its_trial_tells_both_claims(
    slots: Slots, study: optuna.Study, events: Events
) -> None:
    lease, _ = claim(slots, "me")
    assert slots.release(lease, state="interrupted", reason="preempted")
    begin(slots, study, "you")
    assert [(event.kind, event.attempt) for event in events.all(trial=0)] == [
        ("claimed", 1),
        ("released", 1),
        ("claimed", 2),
    ]


def test_what_does_not_happen_is_not_told(
    database: Database, slots: Slots, study: optuna.Study, events: Events
) -> None:
    lease, trial = begin(slots, study)
    expire(database)
    claim(slots, "you")
    before = events.all()
    with pytest.raises(LeaseLost), fenced(lease, kind="report", values={"step": 1, "value": 0.25}):
        trial.report(0.25, 1)
    with pytest.raises(LeaseLost), fenced(lease, ending=True, values={"value": 0.5}):
        study.tell(trial, 0.5)
    assert not slots.commit(lease, Checkpoints(), optimiser_steps=40, detail="")
    assert not slots.release(lease, state="interrupted", reason="late")
    assert slots.renew({lease}, LEASE_S) == set()
    assert events.all() == before


@pytest.mark.parametrize("write", ["claim", "commit", "release", "set_state"])
def test_what_fails_as_it_is_told_does_not_happen(
    database: Database, record: StudyRecord, slots: Slots, study: optuna.Study, events: Events, write: str
) -> None:
    lease, _ = begin(slots, study)
    before, told_before = slots.all(), events.all()

    @sa.event.listens_for(database.engine, "before_cursor_execute")
    def fail(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO tuner_events"):
            raise RuntimeError("no more")

    writes = {
        "claim": lambda: slots.claim("you", LEASE_S),
        "commit": lambda: slots.commit(lease, Checkpoints(), optimiser_steps=40, detail=""),
        "release": lambda: slots.release(lease, state="interrupted", reason="preempted"),
        "set_state": lambda: Studies(database).set_state(record.id, "stopped"),
    }
    with pytest.raises(RuntimeError, match="no more"):
        writes[write]()
    assert slots.all() == before
    assert events.all() == told_before
    assert Studies(database).get(record.name).state == "open"


def test_the_events_of_two_studies_do_not_mix(database: Database, slots: Slots, events: Events) -> None:
    other = create_study(database, "two")
    claim(slots)
    claim(Slots(database, other.id), "you")
    assert [event.owner for event in events.all()] == ["me"]
    assert [event.owner for event in Events(database, other.id).all()] == ["you"]
    assert count(database, "tuner_events") == 2


def end(database: Database, record: StudyRecord, *details: str) -> None:
    """Write ends of trials, as the transactions that tell them do."""
    with database.write() as connection:
        for detail in details:
            values = {"study_id": record.id, "moment": now_s(), "kind": "end", "detail": detail}
            connection.execute(tables.events.insert().values(**values))


def test_failures_in_a_row_are_counted_from_the_last_word_of_a_person(
    database: Database, record: StudyRecord, events: Events
) -> None:
    studies = Studies(database)
    end(database, record, "failed: a", "complete", "failed: b", "failed: c")
    assert events.failed_in_a_row(2) == "c"
    assert events.failed_in_a_row(3) is None
    studies.set_state(record.id, "paused", reason="too many")
    assert events.failed_in_a_row(2) == "c"
    assert events.paused_because() == "too many"
    studies.set_state(record.id, "open")
    assert events.failed_in_a_row(1) is None
    end(database, record, "failed: d")
    assert events.failed_in_a_row(1) == "d"
    assert studies.update(record, {"budget": {"trials": 3}}, {}, edited="keep: 1 -> 2")
    assert events.failed_in_a_row(1) is None
    end(database, record, "failed: e", "pruned: out of memory")
    assert events.failed_in_a_row(1) is None
    studies.set_state(record.id, "paused")
    assert events.paused_because() is None


def test_the_last_event_is_the_one_after_which_none_comes(
    database: Database, record: StudyRecord, events: Events
) -> None:
    before = events.last()
    end(database, record, "failed: a", "complete")
    assert before < events.last() == events.all()[-1].id
    assert events.all(after=events.last()) == []
