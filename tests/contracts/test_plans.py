"""Decisions that hold for a whole study: one supervisor at a time makes them, on each database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
import pytest
from storing import LEASE_S, begin, claim, content, create_study, pass_time

from storage import (
    BeginRecord,
    Database,
    Events,
    PlanPart,
    Plans,
    PromotionRecord,
    Shelves,
    SlotRecord,
    Slots,
    SlotState,
    StudyRecord,
    new_owner,
)


@pytest.fixture
def plans(database: Database, record: StudyRecord) -> Plans:
    return Plans(database, record.id)


def taken(plans: Plans, owner: str = "me") -> Any:
    lease = plans.take(owner, LEASE_S)
    assert lease is not None
    return lease


@pytest.fixture
def shelved(database: Database, record: StudyRecord, slots: Slots, study: optuna.Study) -> list[SlotRecord]:
    """Two trials that are put aside at 4 %, and one that runs up to there."""
    shelves = Shelves(database, record.id)
    leases = [begin(slots, study)[0] for _ in range(3)]
    for lease in leases:
        assert shelves.begin(lease, first_rung=4, target=4) == 4
    for lease in leases[:2]:
        assert shelves.shelve(lease, 4, reason="0.5 at 4 %") is SlotState.SHELVED
    return slots.all()


def promotion(slot: SlotRecord, target: int = 8, *, trial: int | None = None) -> PromotionRecord:
    number = slot.trial_number if trial is None else trial
    assert number is not None
    return PromotionRecord(
        slot=slot.slot, trial_number=number, rung=4, target=target, reason=f"goes on to {target} %: 1st of 2 at 4 %"
    )


def targets(slots: Slots) -> list[tuple[str, int | None]]:
    return [(slot.state, slot.target) for slot in slots.all()]


# ---- the lease


def test_a_study_without_decisions_has_an_empty_plan(database: Database, record: StudyRecord, plans: Plans) -> None:
    before = content(database, ours=True)
    assert plans.content() == {}
    assert content(database, ours=True) == before, "to look writes nothing"


def test_one_supervisor_at_a_time_decides(database: Database, other: Database, record: StudyRecord) -> None:
    ours, theirs = Plans(database, record.id), Plans(other, record.id)
    lease = taken(ours)
    assert (lease.owner, lease.attempt, lease.content) == ("me", 1, {})
    assert theirs.take("you", LEASE_S) is None
    assert ours.commit(lease) == 0
    again = taken(theirs, "you")
    assert again.attempt == 2
    assert ours.take("me", LEASE_S) is None


def test_plans_of_two_studies_are_two(database: Database, plans: Plans) -> None:
    taken(plans)
    theirs = Plans(database, create_study(database, "two").id)
    lease = taken(theirs, "you")
    assert theirs.commit(lease, content={"first_rung": 2}) == 0
    assert (plans.content(), theirs.content()) == ({}, {"first_rung": 2})


def test_the_parts_of_a_plan_have_leases_and_findings_of_their_own(
    database: Database, record: StudyRecord, plans: Plans
) -> None:
    lease, head = taken(plans), Plans(database, record.id, PlanPart.HEAD)
    fitting = taken(head, "you")
    assert (lease.attempt, fitting.attempt) == (1, 1)
    assert head.commit(fitting, content={"key": "heads/0123456789abcdef"}) == 0
    assert (plans.content(), head.content()) == ({}, {"key": "heads/0123456789abcdef"})
    assert plans.take("you", LEASE_S) is None


def test_a_lease_can_be_kept_for_longer_work_until_another_supervisor_has_taken_it(
    database: Database, plans: Plans
) -> None:
    lease = taken(plans)
    pass_time(database, "tuner_plans", "expires", LEASE_S - 1)
    assert plans.renew(lease, LEASE_S)
    pass_time(database, "tuner_plans", "expires", LEASE_S - 1)
    assert plans.take("you", LEASE_S) is None
    pass_time(database, "tuner_plans", "expires", 2)
    taken(plans, "you")
    assert not plans.renew(lease, LEASE_S)


def test_a_supervisor_that_took_the_lease_unseen_takes_it_again(plans: Plans) -> None:
    first, second = taken(plans), taken(plans)
    assert (first.attempt, second.attempt) == (1, 2)
    assert plans.commit(first, content={"first_rung": 4}) is None
    assert plans.commit(second, content={"first_rung": 2}) == 0
    assert plans.content() == {"first_rung": 2}


def test_a_lease_that_has_expired_is_taken_over_and_its_decision_is_lost(
    database: Database, plans: Plans, slots: Slots, shelved: list[SlotRecord]
) -> None:
    lost = taken(plans)
    pass_time(database, "tuner_plans", "expires", LEASE_S - 60)
    assert plans.take("you", LEASE_S) is None
    pass_time(database, "tuner_plans", "expires", 61)
    lease = taken(plans, "you")
    before = content(database, ours=True)
    late = plans.commit(lost, content={"first_rung": 2}, decided="late", promotions=[promotion(shelved[0])])
    assert late is None
    assert content(database, ours=True) == before
    assert plans.commit(lease, promotions=[promotion(shelved[0])]) == 1


def test_a_lease_that_has_expired_is_good_as_long_as_no_one_took_it(database: Database, plans: Plans) -> None:
    lease = taken(plans)
    pass_time(database, "tuner_plans", "expires", 10 * LEASE_S)
    assert plans.commit(lease, content={"first_rung": 2}) == 0
    assert plans.content() == {"first_rung": 2}


def test_the_lease_of_a_dead_supervisor_of_this_machine_is_taken_at_once(plans: Plans, dead_owner: str) -> None:
    taken(plans, dead_owner)
    assert taken(plans, "you").attempt == 2


def test_the_lease_of_a_living_supervisor_of_this_machine_is_left_alone(plans: Plans) -> None:
    alive = new_owner()
    lease = taken(plans, alive)
    assert plans.take("you", LEASE_S) is None
    assert plans.commit(lease) == 0


def decide(number: int, url: str, study: int) -> list[int]:
    """Take the lease again and again, and count on in the plan; return the numbers that were written."""
    from storage import Database, Plans

    counted: list[int] = []
    with Database(url) as database:
        plans = Plans(database, study)
        while len(counted) < 5:
            lease = plans.take(f"owner-{number}", 3600.0)
            if lease is not None:
                count = lease.content.get("count", 0) + 1
                assert plans.commit(lease, content={"count": count}) == 0
                counted.append(count)
    return counted


@pytest.mark.rest
def test_decisions_that_race_are_made_one_after_the_other(
    database: Database, url: str, plans: Plans, record: StudyRecord, race: Callable[..., list[Any]]
) -> None:
    answers = race(decide, 4, url, record.id)
    assert sorted(count for answer in answers for count in answer) == list(range(1, 21)), "none is lost"
    assert plans.content() == {"count": 20}


# ---- decisions


def test_a_decision_is_kept_and_written_down_with_its_grounds(
    database: Database, record: StudyRecord, plans: Plans
) -> None:
    lease = taken(plans)
    assert plans.commit(lease, content={"first_rung": 2}, decided="the first rung is 2 %") == 0
    assert plans.content() == {"first_rung": 2}
    assert taken(plans).content == {"first_rung": 2}
    (event,) = Events(database, record.id).all()
    assert (event.kind, event.detail, event.owner, event.slot, event.trial) == (
        "decided",
        "the first rung is 2 %",
        "me",
        None,
        None,
    )


def test_a_commit_without_a_decision_leaves_the_plan_as_it_is(plans: Plans) -> None:
    assert plans.commit(taken(plans), content={"first_rung": 2}) == 0
    assert plans.commit(taken(plans)) == 0
    assert plans.content() == {"first_rung": 2}


def test_promotions_let_shelved_trials_be_claimed_and_running_ones_train_on(
    database: Database, record: StudyRecord, plans: Plans, slots: Slots, shelved: list[SlotRecord]
) -> None:
    running = slots.all()[2]
    lease = taken(plans)
    assert plans.commit(lease, promotions=[promotion(shelved[2], 16), promotion(shelved[0])]) == 2
    assert targets(slots) == [("interrupted", 8), ("shelved", 4), ("running", 16)]
    after = slots.all()
    assert after[0].reason == "goes on to 8 %: 1st of 2 at 4 %"
    assert (after[2].owner, after[2].attempt, after[2].reason) == (running.owner, running.attempt, running.reason)
    events = [event for event in Events(database, record.id).all() if event.kind == "promoted"]
    assert [(event.slot, event.trial, event.step, event.detail, event.owner) for event in events] == [
        (0, 0, 8, "goes on to 8 %: 1st of 2 at 4 %", "me"),
        (2, 2, 16, "goes on to 16 %: 1st of 2 at 4 %", "me"),
    ]
    assert claim(slots, "you")[1].trial_number == 0


def test_a_promotion_raises_how_far_a_trial_may_train_and_never_lowers_it(
    plans: Plans, slots: Slots, shelved: list[SlotRecord]
) -> None:
    assert plans.commit(taken(plans), promotions=[promotion(shelved[0], 16)]) == 1
    for target in (16, 8, 4):
        assert plans.commit(taken(plans), promotions=[promotion(shelved[0], target)]) == 0
    assert targets(slots)[0] == ("interrupted", 16)


def test_the_same_promotion_twice_is_one(
    database: Database, record: StudyRecord, plans: Plans, slots: Slots, shelved: list[SlotRecord]
) -> None:
    lease = taken(plans)
    assert plans.commit(lease, promotions=[promotion(shelved[0])]) == 1
    before = content(database, ours=True)
    assert plans.commit(lease, promotions=[promotion(shelved[0])]) is None, "the lease ended with the first"
    assert content(database, ours=True) == before
    assert plans.commit(taken(plans), promotions=[promotion(shelved[0])]) == 0
    assert targets(slots) == [("interrupted", 8), ("shelved", 4), ("running", 4)]
    assert [event.kind for event in Events(database, record.id).all()].count("promoted") == 1


def test_a_trial_that_was_claimed_since_its_promotion_is_not_taken_from_its_worker(
    plans: Plans, slots: Slots, shelved: list[SlotRecord]
) -> None:
    assert plans.commit(taken(plans), promotions=[promotion(shelved[0])]) == 1
    lease, _ = claim(slots, "you")
    assert plans.commit(taken(plans), promotions=[promotion(shelved[0], 16)]) == 1
    assert targets(slots)[0] == ("running", 16)
    assert slots.renew({lease}, LEASE_S) == {lease}


def test_what_is_over_or_another_trial_or_was_never_told_a_rung_is_not_promoted(
    database: Database, plans: Plans, slots: Slots, study: optuna.Study
) -> None:
    leases = [begin(slots, study)[0] for _ in range(3)]
    shelves = Shelves(database, leases[0].study_id)
    assert [shelves.begin(lease, first_rung=4, target=4) for lease in leases[:2]] == [4, 4]
    assert slots.finish(leases[0])
    over, told, untold = slots.all()
    wrong = [promotion(over), promotion(told, trial=7), promotion(untold)]
    assert plans.commit(taken(plans), promotions=wrong) == 0
    assert targets(slots) == [("finished", 4), ("running", 4), ("running", None)]


# ---- trials that are to begin


def begins(count: int, *, arm: str = "0.5/fitted") -> BeginRecord:
    return BeginRecord(arm=arm, count=count, reason="they are expected to improve the best trial")


def arms_of(slots: Slots) -> list[str | None]:
    return [slot.arm for slot in slots.all()]


def test_slots_are_made_for_trials_that_are_to_begin_with_the_grounds_in_the_log(
    database: Database, record: StudyRecord, plans: Plans, slots: Slots
) -> None:
    before = len(slots.all())
    assert plans.commit(taken(plans), begins=begins(before + 1)) == before + 1
    assert arms_of(slots) == [None, *["0.5/fitted"] * (before + 1)], "the first empty slots, beside that of trial 0"
    told = [event for event in Events(database, record.id).all() if event.kind == "decided"]
    assert [(event.slot, event.detail) for event in told] == [
        (number, "they are expected to improve the best trial") for number in range(1, before + 2)
    ]


def test_of_the_empty_slots_those_are_claimed_that_have_an_arm_and_that_of_trial_0(plans: Plans, slots: Slots) -> None:
    def claimed() -> int | None:
        found = slots.claim("me", LEASE_S, planned=True)
        return None if found is None else found[1].slot

    assert (claimed(), claimed()) == (0, None)
    plans.commit(taken(plans), begins=begins(2))
    assert (claimed(), claimed(), claimed()) == (1, 2, None)


def test_a_supervisor_that_has_lost_the_lease_makes_no_slots(
    database: Database, record: StudyRecord, plans: Plans, slots: Slots
) -> None:
    lease = taken(plans)
    pass_time(database, "tuner_plans", "expires", LEASE_S + 1)
    taken(Plans(database, record.id), "you")
    assert plans.commit(lease, begins=begins(3)) is None
    assert set(arms_of(slots)) == {None}


def test_as_the_search_ends_the_slots_without_a_trial_go_and_those_with_one_stay(
    plans: Plans, slots: Slots, study: optuna.Study
) -> None:
    begin(slots, study)
    plans.commit(taken(plans), begins=begins(2))
    assert plans.commit(taken(plans), content={"over": {}}, drops_empty=True) == 0
    assert [slot.trial_number for slot in slots.all()] == [0]
    assert plans.commit(taken(plans), begins=begins(2)) == 2
    assert [slot.slot for slot in slots.all()] == [0, 1, 2]


def test_a_decision_is_written_before_work_that_is_done_under_the_same_lease(
    database: Database, record: StudyRecord, plans: Plans
) -> None:
    lease = taken(plans)
    assert plans.write(lease, {"opened": 1}, decided="it is opened")
    assert plans.content() == {"opened": 1}
    assert plans.take("another", LEASE_S) is None, "the lease is kept"
    assert plans.commit(lease, content={"opened": 1, "result": 2}, decided="it has told") is not None
    assert plans.content() == {"opened": 1, "result": 2}
    details = [event.detail for event in Events(database, record.id).all() if event.kind == "decided"]
    assert details == ["it is opened", "it has told"]


def test_a_lost_lease_writes_no_decision(database: Database, record: StudyRecord, plans: Plans) -> None:
    lease = taken(plans)
    pass_time(database, "tuner_plans", "expires", 2 * LEASE_S)
    assert plans.take("another", LEASE_S) is not None
    assert not plans.write(lease, {"opened": 1}, decided="it is opened")
    assert plans.content() == {}
    assert [event for event in Events(database, record.id).all() if event.kind == "decided"] == []


def test_parts_of_a_plan_are_decided_by_different_supervisors_at_once(database: Database, record: StudyRecord) -> None:
    search, test = (Plans(database, record.id, part) for part in (PlanPart.SEARCH, PlanPart.TEST))
    assert taken(search).content == {}
    lease = taken(test, "another")
    assert test.commit(lease, content={"opened": 1}) is not None
    assert (search.content(), test.content()) == ({}, {"opened": 1})
