"""Trials that are put aside at a rung: who may shelve, promote, claim and forget them, on each database."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from storing import LEASE_S, begin, claim, content, create_study, expire, optuna_study, pass_time

from storage import (
    CheckpointRef,
    Checkpoints,
    Database,
    Events,
    History,
    Lease,
    LeaseLost,
    Plans,
    PromotionRecord,
    Shelves,
    SlotRecord,
    Slots,
    SlotState,
    Studies,
    StudyRecord,
    fenced,
)

POINTER = Checkpoints(
    resume=(CheckpointRef(key="trial-00000/attempt-1/step-00000020", sha256="b" * 64, bytes=20, optimiser_steps=20),),
    best=CheckpointRef(
        key="trial-00000/attempt-1/best-00000010", sha256="c" * 64, bytes=5, optimiser_steps=10, value=0.25, step=4
    ),
)


@pytest.fixture
def shelves(database: Database, record: StudyRecord) -> Shelves:
    return Shelves(database, record.id)


@pytest.fixture
def plans(database: Database, record: StudyRecord) -> Plans:
    return Plans(database, record.id)


def begun(
    slots: Slots, shelves: Shelves, study: optuna.Study, *, target: int = 4, values: dict[int, float] | None = None
) -> tuple[Lease, optuna.Trial]:
    """Begin a trial that may train to a rung, and have it report."""
    lease, trial = begin(slots, study)
    assert shelves.begin(lease, first_rung=4, target=target) == target
    for step, value in (values or {}).items():
        with fenced(lease):
            trial.report(value, step)
    return lease, trial


def put_aside(slots: Slots, shelves: Shelves, study: optuna.Study, value: float = 0.5) -> SlotRecord:
    """Shelve a new trial at its first rung; return its slot."""
    lease, _ = begun(slots, shelves, study, values={4: value})
    assert shelves.shelve(lease, 4, reason=f"{value} at 4 %") is SlotState.SHELVED
    return found(slots, lease)


def promote(plans: Plans, slot: SlotRecord, target: int) -> int | None:
    lease = plans.take("planner", LEASE_S)
    assert lease is not None
    assert slot.trial_number is not None
    promotion = PromotionRecord(
        slot=slot.slot, trial_number=slot.trial_number, rung=4, target=target, reason=f"goes on to {target} %"
    )
    return plans.commit(lease, promotions=[promotion])


def found(slots: Slots, lease: Lease) -> SlotRecord:
    slot = slots.find(lease)
    assert slot is not None
    return slot


def told(database: Database, study: int, *kinds: str) -> list[tuple[Any, ...]]:
    """Return trial, step and detail of the events of some kinds."""
    events = Events(database, study).all()
    return [(event.kind, event.trial, event.step, event.detail) for event in events if event.kind in kinds]


# ---- how far a trial may train


def test_a_trial_is_told_once_how_far_it_may_train(slots: Slots, shelves: Shelves, study: optuna.Study) -> None:
    lease, _ = begin(slots, study)
    assert shelves.target(lease) is None
    assert shelves.begin(lease, first_rung=4, target=8) == 8
    assert shelves.begin(lease, first_rung=16, target=100) == 8, "it is said already"
    assert shelves.target(lease) == 8
    assert (found(slots, lease).first_rung, found(slots, lease).target) == (4, 8)


def test_a_trial_of_a_study_without_rungs_has_no_target(slots: Slots, study: optuna.Study) -> None:
    lease, _ = begin(slots, study)
    assert (found(slots, lease).first_rung, found(slots, lease).target) == (None, None)


# ---- putting aside


def test_a_shelved_trial_is_given_to_no_worker_and_is_not_waited_for(
    slots: Slots, shelves: Shelves, study: optuna.Study
) -> None:
    slot = put_aside(slots, shelves, study)
    assert (slot.state, slot.owner, slot.held, slot.reason) == (SlotState.SHELVED, None, False, "0.5 at 4 %")
    assert slots.unfinished() == 2, "of three slots"
    assert slots.shelved() == [slot]
    assert slots.totals().finished == 0
    others = [claim(slots)[0].slot for _ in range(2)]
    assert others == [1, 2]
    assert slots.claim("me", LEASE_S) is None
    slots.expire_gone()
    assert slots.claim("me", LEASE_S, empty=False) is None


def test_a_shelved_trial_is_running_to_optuna_and_shelved_to_readers(
    database: Database, record: StudyRecord, slots: Slots, shelves: Shelves, study: optuna.Study
) -> None:
    put_aside(slots, shelves, study)
    lease, _ = begun(slots, shelves, study)
    assert slots.release(lease, state=SlotState.INTERRUPTED, reason="preempted")
    history = History(database, record)
    assert [(trial.state, trial.reason, trial.value) for trial in history.trials()] == [
        ("shelved", "0.5 at 4 %", 0.5),
        ("interrupted", "preempted", None),
    ]
    assert history.trial(0).state == "shelved"
    counts = history.counts()
    assert (counts["shelved"], counts["interrupted"], counts.get("running", 0)) == (1, 1, 0)
    assert study.trials[0].state == optuna.trial.TrialState.RUNNING


def test_device_time_is_counted_until_a_trial_is_put_aside_and_not_after(
    database: Database, slots: Slots, shelves: Shelves, study: optuna.Study
) -> None:
    lease, _ = begun(slots, shelves, study)
    pass_time(database, "tuner_slots", "device_seen", 100)
    assert shelves.shelve(lease, 4, reason="0.5 at 4 %") is SlotState.SHELVED
    before = found(slots, lease).device_s
    assert 100 <= before < 160
    assert shelves.claim("ender", LEASE_S, found(slots, lease)) is not None
    assert slots.all()[0].device_s == before, "to end it takes no device"


def test_a_trial_that_was_promoted_while_it_ran_is_interrupted_at_its_rung(
    database: Database, record: StudyRecord, slots: Slots, shelves: Shelves, plans: Plans, study: optuna.Study
) -> None:
    lease, _ = begun(slots, shelves, study)
    assert promote(plans, found(slots, lease), 8) == 1
    assert found(slots, lease).state == SlotState.RUNNING
    assert shelves.target(lease) == 8
    assert shelves.shelve(lease, 4, reason="0.5 at 4 %") is SlotState.INTERRUPTED
    again, slot = claim(slots, "you")
    assert (again.slot, again.attempt, slot.target, slot.crashes) == (lease.slot, 2, 8, 0)
    assert [event[0] for event in told(database, record.id, "promoted", "shelved", "claimed")] == [
        "claimed",
        "promoted",
        "shelved",
        "claimed",
    ]


def test_a_trial_that_was_promoted_to_the_rung_where_it_is_is_put_aside_there(
    slots: Slots, shelves: Shelves, plans: Plans, study: optuna.Study
) -> None:
    lease, _ = begun(slots, shelves, study)
    assert promote(plans, found(slots, lease), 8) == 1
    assert shelves.shelve(lease, 8, reason="0.5 at 8 %") is SlotState.SHELVED


def test_a_shelved_trial_keeps_its_checkpoints_unless_it_is_told_otherwise(
    database: Database, record: StudyRecord, slots: Slots, shelves: Shelves, study: optuna.Study
) -> None:
    for keeps in (True, False):
        lease, _ = begun(slots, shelves, study)
        assert slots.commit(lease, POINTER, optimiser_steps=20, detail="step")
        assert shelves.shelve(lease, 4, reason="0.5 at 4 %", keeps=keeps) is SlotState.SHELVED
        assert found(slots, lease).checkpoints == (POINTER if keeps else Checkpoints())
    # Their bytes count until the files are gone.
    assert [slot.stored_bytes for slot in slots.all()] == [25, 25, 0]
    shelves.hold(1, 0, attempt=0)
    assert [slot.stored_bytes for slot in slots.all()] == [25, 25, 0], "a later attempt may have stored more since"
    shelves.hold(1, 0, attempt=1)
    assert [slot.stored_bytes for slot in slots.all()] == [25, 0, 0]
    assert told(database, record.id, "shelved") == [
        ("shelved", 0, 4, "0.5 at 4 %"),
        ("shelved", 1, 4, "0.5 at 4 %"),
    ]


@pytest.mark.parametrize("how", ["stolen", "released", "forged"])
def test_a_lost_lease_says_and_shelves_nothing(
    database: Database, record: StudyRecord, slots: Slots, shelves: Shelves, study: optuna.Study, how: str
) -> None:
    lease, _ = begin(slots, study)
    if how == "forged":
        lease = Lease(study_id=record.id, slot=lease.slot, owner=lease.owner, attempt=lease.attempt + 1)
    elif how == "stolen":
        expire(database)
        claim(slots, "you")
    else:
        assert slots.release(lease, state=SlotState.PAUSED, reason="paused by a person")
        claim(slots, "you")
    before = content(database, ours=True)
    assert shelves.begin(lease, first_rung=4, target=4) is None
    assert shelves.target(lease) is None
    assert shelves.shelve(lease, 4, reason="late", keeps=False) is None
    for limit in (0, 1000):  # without a lease there is no room to be made by taking that of others
        with pytest.raises(LeaseLost):
            shelves.reserve(lease, 1, limit=limit)
    assert content(database, ours=True) == before


def test_what_an_outage_hid_of_putting_aside_is_found_by_doing_it_again(
    database: Database, record: StudyRecord, slots: Slots, shelves: Shelves, plans: Plans, study: optuna.Study
) -> None:
    slot = put_aside(slots, shelves, study)
    lease = Lease(study_id=record.id, slot=slot.slot, owner="me", attempt=slot.attempt)
    before = content(database, ours=True)
    assert shelves.shelve(lease, 4, reason="again") is SlotState.SHELVED
    assert content(database, ours=True) == before, "it was done the first time"
    assert promote(plans, slot, 8) == 1
    assert shelves.shelve(lease, 4, reason="again") is SlotState.INTERRUPTED
    claim(slots, "you")
    assert shelves.shelve(lease, 4, reason="again") is None


# ---- promotions


def test_a_promoted_trial_is_the_next_one_to_be_claimed(
    slots: Slots, shelves: Shelves, plans: Plans, study: optuna.Study
) -> None:
    slot = put_aside(slots, shelves, study)
    assert promote(plans, slot, 8) == 1
    after = slots.all()[0]
    assert (after.state, after.target, after.first_rung, after.reason) == (
        SlotState.INTERRUPTED,
        8,
        4,
        "goes on to 8 %",
    )
    assert (slots.shelved(), slots.unfinished()) == ([], 3)
    lease, taken = claim(slots, "you")
    assert (lease.slot, taken.trial_number, taken.target, taken.crashes) == (0, 0, 8, 0)
    with fenced(lease):
        optuna.Trial(study, taken.trial_id or 0).report(0.75, 8)


# ---- ending


def test_a_shelved_trial_is_claimed_to_be_ended_by_one(
    database: Database, record: StudyRecord, slots: Slots, shelves: Shelves, study: optuna.Study
) -> None:
    slot = put_aside(slots, shelves, study)
    lease = shelves.claim("ender", LEASE_S, slot)
    assert lease == Lease(study_id=record.id, slot=0, owner="ender", attempt=2)
    assert shelves.claim("other", LEASE_S, slot) is None
    held = found(slots, lease)
    assert (held.state, held.owner, held.held, held.crashes) == (SlotState.RUNNING, "ender", True, 0)
    assert told(database, record.id, "claimed")[-1] == ("claimed", 0, None, "to end it")
    assert slots.finish(lease)


def test_what_an_outage_hid_of_a_claim_is_found_by_claiming_again(
    slots: Slots, shelves: Shelves, study: optuna.Study
) -> None:
    slot = put_aside(slots, shelves, study)
    lease = shelves.claim("ender", LEASE_S, slot)
    assert lease is not None
    assert shelves.claim("ender", LEASE_S, slot) == lease, "otherwise the trial would wait until the lease expires"
    assert slots.finish(lease)
    assert shelves.claim("ender", LEASE_S, slot) is None


def test_a_trial_whose_ender_dies_is_claimed_by_any_worker_once_the_lease_is_over(
    database: Database, slots: Slots, shelves: Shelves, study: optuna.Study
) -> None:
    lease = shelves.claim("ender", LEASE_S, put_aside(slots, shelves, study))
    assert lease is not None
    expire(database)
    again, slot = claim(slots, "you")
    assert (again.slot, again.attempt, slot.trial_number, slot.target) == (0, 3, 0, 4)
    assert not slots.finish(lease)


def end_shelved(number: int, url: str, study: int) -> list[int]:
    """Claim to end whatever is shelved; return the slots that were had."""
    from storage import Database, Shelves, Slots

    with Database(url) as database:
        slots, shelves = Slots(database, study), Shelves(database, study)
        claims = [(slot.slot, shelves.claim(f"owner-{number}", 3600.0, slot)) for slot in slots.shelved()]
        return [slot for slot, lease in claims if lease is not None]


@pytest.mark.rest
def test_of_two_that_race_to_end_a_shelved_trial_one_does(
    database: Database, url: str, race: Callable[..., list[Any]]
) -> None:
    record = create_study(database, "many", trials=6)
    slots, shelves, study = Slots(database, record.id), Shelves(database, record.id), optuna_study(database, "many")
    for _ in range(6):
        put_aside(slots, shelves, study)
    answers = race(end_shelved, 2, url, record.id)
    assert sorted(slot for answer in answers for slot in answer) == list(range(6))
    assert [slot.attempt for slot in slots.all()] == [2] * 6


# ---- checkpoints


def test_checkpoints_of_a_shelved_trial_are_forgotten_while_it_is_as_it_was_read(
    database: Database, record: StudyRecord, slots: Slots, shelves: Shelves, plans: Plans, study: optuna.Study
) -> None:
    lease, _ = begun(slots, shelves, study)
    assert slots.commit(lease, POINTER, optimiser_steps=20, detail="step")
    running = found(slots, lease)
    assert not shelves.drop_checkpoints(running, reason="no room"), "it is not shelved"
    assert shelves.shelve(lease, 4, reason="0.5 at 4 %") is SlotState.SHELVED
    first = found(slots, lease)
    assert promote(plans, first, 8) == 1
    assert not shelves.drop_checkpoints(first, reason="no room"), "it is promoted"
    again, _ = claim(slots, "you")
    assert shelves.shelve(again, 8, reason="0.6 at 8 %") is SlotState.SHELVED
    assert not shelves.drop_checkpoints(first, reason="no room"), "it has been trained since"
    assert found(slots, again).checkpoints == POINTER

    second = found(slots, again)
    assert shelves.drop_checkpoints(second, reason="no room in the store")
    after = found(slots, again)
    assert (after.state, after.checkpoints, after.reason, after.target) == (
        SlotState.SHELVED,
        Checkpoints(),
        "no room in the store",
        8,
    )
    (event,) = [each for each in Events(database, record.id).all() if each.detail == "no room in the store"]
    assert (event.kind, event.trial, event.attempt) == ("checkpoint", 0, 2)
    claimed = shelves.claim("ender", LEASE_S, after)
    assert claimed is not None
    assert not shelves.drop_checkpoints(after, reason="no room"), "another ends it"


def test_room_is_reserved_until_the_lease_ends(
    database: Database, record: StudyRecord, slots: Slots, shelves: Shelves, study: optuna.Study
) -> None:
    one, _ = begun(slots, shelves, study)
    other, _ = begun(slots, shelves, study)
    assert shelves.reserve(one, 60, limit=100)
    assert not shelves.reserve(other, 50, limit=100)
    assert shelves.reserve(other, 40, limit=100)
    assert shelves.reserve(one, 60, limit=100), "its own does not count against it"
    assert not shelves.reserve(one, 61, limit=100)
    assert slots.commit(one, POINTER, optimiser_steps=20, detail="step")  # 25 bytes
    assert not shelves.reserve(other, 41, limit=100), "files that it replaces may still be there"
    assert shelves.shelve(other, 4, reason="0.5 at 4 %") is SlotState.SHELVED  # it holds nothing
    assert shelves.reserve(one, 100, limit=100)
    assert slots.release(one, state=SlotState.INTERRUPTED, reason="preempted")
    again, _ = claim(slots, "you")
    third, _ = begun(slots, shelves, study)
    assert shelves.reserve(third, 75, limit=100), "a claim ends the reservation of the attempt before"
    assert not shelves.reserve(third, 76, limit=100), "but what is stored is stored"
    assert slots.finish(again)
    assert not shelves.reserve(third, 76, limit=100), "its files are still to be removed"
    shelves.hold_only([again.slot])
    assert not shelves.reserve(third, 76, limit=100)
    shelves.hold_only([])
    assert shelves.reserve(third, 100, limit=100), "a trial that is over and has no files needs no room"
    other_study = create_study(database, "two", trials=1)
    theirs, _ = begin(Slots(database, other_study.id), optuna_study(database, "two"))
    assert Shelves(database, other_study.id).reserve(theirs, 100, limit=100), "each study has its own limit"


def reserve_each(number: int, url: str, study: int) -> int:
    """Reserve once for each of four trials; return for how many there was room."""
    from storage import Database, Lease, Shelves

    with Database(url) as database:
        shelves = Shelves(database, study)
        leases = [Lease(study_id=study, slot=4 * number + k, owner=f"owner-{number}", attempt=1) for k in range(4)]
        return sum(shelves.reserve(lease, 10, 70) for lease in leases)


@pytest.mark.rest
def test_reservations_that_race_never_exceed_the_limit(
    database: Database, url: str, race: Callable[..., list[Any]]
) -> None:
    record = create_study(database, "many", trials=12)
    slots, study = Slots(database, record.id), optuna_study(database, "many")
    for slot in range(12):
        begin(slots, study, f"owner-{slot // 4}")
    answers = race(reserve_each, 3, url, record.id)
    assert sum(answers) == 7, answers
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT sum(reserved_bytes) FROM tuner_slots").scalar() == 70


# ---- standings


def test_standings_are_all_slots_in_order_with_the_values_at_rungs(
    slots: Slots, shelves: Shelves, study: optuna.Study
) -> None:
    values = {4: 0.25, 5: 7.0, 8: -0.5, 10: 9.0}
    lease, _ = begun(slots, shelves, study, target=16, values=values)
    other, trial = begun(slots, shelves, study, values={4: math.nan})
    with fenced(other, ending=True):
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    first, second, third = shelves.standings((4, 8, 16))
    assert [each.slot for each in (first, second, third)] == slots.all()
    assert first.values == {4: 0.25, 8: -0.5}
    assert list(second.values) == [4]
    assert math.isnan(second.values[4])
    assert second.slot.state is SlotState.FINISHED
    assert (third.values, third.slot.trial_id) == ({}, None)
    assert found(slots, lease) == first.slot


def test_standings_know_values_that_are_no_numbers(slots: Slots, shelves: Shelves, study: optuna.Study) -> None:
    lease, trial = begun(slots, shelves, study)
    for step, value in ((4, math.inf), (8, -math.inf), (16, math.nan), (32, 0.5)):
        with fenced(lease):
            trial.report(value, step)
    (first, *_) = shelves.standings((4, 8, 16, 32, 64))
    assert repr(sorted(first.values.items())) == "[(4, inf), (8, -inf), (16, nan), (32, 0.5)]"


def test_standings_are_those_of_one_study(database: Database, slots: Slots, study: optuna.Study) -> None:
    record = create_study(database, "two", trials=2)
    theirs, shelves = Slots(database, record.id), Shelves(database, record.id)
    begin(slots, study)[1].report(0.5, 4)
    begun(theirs, shelves, optuna_study(database, "two"), values={4: 0.75})
    assert [each.values for each in shelves.standings((4,))] == [{4: 0.75}, {}]


def test_the_standings_of_a_thousand_trials_are_complete(database: Database) -> None:
    record = create_study(database, "large", trials=1000)
    _fill(database, record.id, 1000)
    statements: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *each: statements.append(each[2]))
    standings = Shelves(database, record.id).standings((4, 8, 16))
    assert len(standings) == 1000
    assert [each.slot.slot for each in standings] == list(range(1000))
    assert all(each.values == {4: each.slot.slot / 4, 8: each.slot.slot / 8} for each in standings)
    read = [statement for statement in statements if "SELECT" in statement and "FROM" in statement]
    assert len(read) == 2, "one query for slots and one for values, however many there are"


def _fill(database: Database, study: int, trials: int) -> None:
    """Put a trial with values at 4, 8 and 10 % into each slot, by statements for all of them at once."""
    with database.write() as connection:
        first = (connection.exec_driver_sql("SELECT max(trial_id) FROM trials").scalar() or 0) + 1
        # Number 0 waits in Optuna's queue.
        rows = [{"id": first + slot, "number": slot + 1, "slot": slot, "study": study} for slot in range(trials)]
        connection.execute(
            sa.text("INSERT INTO trials (trial_id, number, study_id, state) VALUES (:id, :number, :study, 'RUNNING')"),
            [{key: row[key] for key in ("id", "number", "study")} for row in rows],
        )
        connection.execute(
            sa.text(
                "UPDATE tuner_slots SET trial_id = :id, trial_number = :number, state = 'shelved', target = 4 "
                "WHERE study_id = :study AND slot = :slot"
            ),
            rows,
        )
        values = sa.text(
            "INSERT INTO trial_intermediate_values "
            "(trial_id, step, intermediate_value, intermediate_value_type) VALUES (:id, :step, :value, 'FINITE')"
        )
        reports = [{**row, "step": step, "value": row["slot"] / step} for row in rows for step in (4, 8, 10)]
        connection.execute(values, [{key: row[key] for key in ("id", "step", "value")} for row in reports])


# ---- studies with shelved slots


def test_a_smaller_budget_takes_no_shelved_trial_and_a_larger_one_adds_slots(
    database: Database, record: StudyRecord, slots: Slots, shelves: Shelves, study: optuna.Study
) -> None:
    slot = put_aside(slots, shelves, study)
    for total, states in ((1, ["shelved"]), (0, ["shelved"]), (2, ["shelved", "empty"])):
        config = {**record.config, "budget": {"trials": total}}
        current = Studies(database).get(record.name)
        if total:
            assert Studies(database).update(current, config, record.facts)
        else:
            with database.write() as connection:
                slots.resize(0, connection)
        assert [each.state for each in slots.all()] == states
    assert slots.all()[0] == slot


def test_a_study_with_shelved_trials_and_a_plan_is_deleted_whole(
    database: Database, record: StudyRecord, slots: Slots, shelves: Shelves, plans: Plans, study: optuna.Study
) -> None:
    slot = put_aside(slots, shelves, study)
    lease = plans.take("planner", LEASE_S)
    assert lease is not None
    assert plans.commit(lease, content={"first_rung": 2}, decided="the first rung is 2 %") == 0
    Studies(database).delete(record.name)
    left = content(database, ours=True)
    assert {name for name, rows in left.items() if rows} == {"tuner_schema"}, json.dumps(left)
    assert shelves.claim("ender", LEASE_S, slot) is None
    assert not shelves.drop_checkpoints(slot, reason="no room")
    assert shelves.standings((4,)) == []
