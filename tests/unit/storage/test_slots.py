from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from storage import SlotRecord, Slots

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage import Database, StudyRecord


@pytest.fixture
def study(make_study: Callable[..., StudyRecord]) -> StudyRecord:
    return make_study(trials=3)


@pytest.fixture
def slots(database: Database, study: StudyRecord) -> Slots:
    return Slots(database, study.id)


def states(slots: Slots) -> dict[int, str]:
    return {slot.slot: slot.state for slot in slots.all()}


def taken(slots: Slots, owner: str) -> SlotRecord:
    slot = slots.claim(owner)
    assert slot is not None
    return slot


def begun(slots: Slots, owner: str, trial: int) -> SlotRecord:
    slot = taken(slots, owner)
    assert slots.assign(slot.slot, owner, 100 + trial, trial)
    return slot


def resize(database: Database, slots: Slots, total: int) -> None:
    with database.write() as connection:
        slots.resize(total, connection)


def test_a_new_study_has_as_many_empty_slots_as_its_budget(slots: Slots) -> None:
    assert states(slots) == {0: "empty", 1: "empty", 2: "empty"}
    assert slots.all()[0] == SlotRecord(
        slot=0,
        state="empty",
        trial_id=None,
        trial_number=None,
        owner=None,
        attempt=0,
        crashes=0,
        device_s=0.0,
        reason=None,
    )


def test_claims_go_through_the_slots_in_order_and_then_there_is_none(slots: Slots) -> None:
    claimed = [slots.claim("me") for _ in range(4)]
    assert [slot.slot if slot else None for slot in claimed] == [0, 1, 2, None]
    assert all(slot.state == "running" and slot.owner == "me" and slot.attempt == 1 for slot in claimed if slot)
    assert [slot for slot in claimed if slot] == slots.all()


def claim_all(number: int, url: str, study: int) -> list[int]:
    from storage import Database, Slots

    claimed = []
    with Database(url) as database:
        slots = Slots(database, study)
        while (slot := slots.claim(f"owner-{number}")) is not None:
            assert slots.assign(slot.slot, f"owner-{number}", slot.slot, slot.slot)
            claimed.append(slot.slot)
            if slot.slot % 3 == 0:
                assert slots.finish(slot.slot, f"owner-{number}", 1.0)
    return claimed


def test_four_racing_processes_claim_each_slot_exactly_once(
    make_study: Callable[..., StudyRecord], database: Database, url: str, race: Callable[..., list[Any]]
) -> None:
    study = make_study("many", trials=60)
    answers = race(claim_all, 4, url, study.id)
    assert Counter(slot for answer in answers for slot in answer) == Counter(range(60))
    for slot in Slots(database, study.id).all():
        (holder,) = (number for number, answer in enumerate(answers) if slot.slot in answer)
        assert slot.attempt == 1
        finished = slot.slot % 3 == 0
        assert (slot.state, slot.owner) == (("finished", None) if finished else ("running", f"owner-{holder}"))


def test_an_interrupted_trial_is_claimed_before_an_empty_slot(slots: Slots) -> None:
    taken(slots, "me")
    begun(slots, "me", 1)
    for slot in (0, 1):
        assert slots.release(slot, "me", reason="preempted", device_s=2.0, crashed=False)
    assert states(slots) == {0: "empty", 1: "interrupted", 2: "empty"}
    again = taken(slots, "you")
    assert (again.slot, again.trial_id, again.trial_number) == (1, 101, 1)
    assert (again.attempt, again.crashes, again.device_s, again.owner) == (2, 0, 2.0, "you")
    assert [taken(slots, "you").slot for _ in range(2)] == [0, 2]
    assert slots.claim("you") is None


def test_a_released_slot_is_interrupted_with_its_trial_and_empty_without(slots: Slots) -> None:
    begun(slots, "me", 0)
    taken(slots, "me")
    for slot in (0, 1):
        assert slots.release(slot, "me", reason="it crashed", device_s=1.5, crashed=True)
    first, second, _ = slots.all()
    assert (first.state, first.trial_number, first.owner) == ("interrupted", 0, None)
    assert (second.state, second.trial_number, second.owner) == ("empty", None, None)
    assert {slot.reason for slot in (first, second)} == {"it crashed"}
    assert {slot.crashes for slot in (first, second)} == {1}
    assert {slot.device_s for slot in (first, second)} == {1.5}


def test_seconds_and_crashes_add_up_over_the_attempts(slots: Slots) -> None:
    begun(slots, "me", 0)
    for seconds, crashed in ((1.0, True), (2.0, False), (4.0, True)):
        assert slots.release(0, "me", reason="again", device_s=seconds, crashed=crashed)
        assert taken(slots, "me").slot == 0
    assert slots.finish(0, "me", 8.0)
    slot = slots.all()[0]
    assert (slot.device_s, slot.crashes, slot.attempt, slot.state) == (15.0, 2, 4, "finished")
    assert (slot.owner, slot.trial_number) == (None, 0)


def test_only_its_owner_can_assign_finish_or_release_a_slot(slots: Slots) -> None:
    slot = taken(slots, "me").slot
    before = slots.all()
    assert not slots.assign(slot, "you", 1, 1)
    assert not slots.finish(slot, "you", 1.0)
    assert not slots.release(slot, "you", reason="mine", device_s=1.0, crashed=True)
    assert slots.all() == before


def test_an_owner_that_lost_its_slot_changes_nothing(slots: Slots) -> None:
    begun(slots, "me", 0)
    assert slots.interrupt_abandoned() == 1
    begun_again = taken(slots, "you")
    assert begun_again.trial_number == 0
    before = slots.all()
    assert not slots.assign(0, "me", 7, 7)
    assert not slots.finish(0, "me", 1.0)
    assert not slots.release(0, "me", reason="late", device_s=1.0, crashed=True)
    assert slots.all() == before


def test_a_finished_slot_is_neither_finished_again_nor_released_nor_claimed(slots: Slots) -> None:
    for trial in range(3):
        begun(slots, "me", trial)
        assert slots.finish(trial, "me", 1.0)
    before = slots.all()
    assert not slots.finish(0, "me", 1.0)
    assert not slots.release(0, "me", reason="late", device_s=1.0, crashed=False)
    assert slots.interrupt_abandoned() == 0
    assert slots.claim("me") is None
    assert slots.all() == before


def test_what_a_dead_supervisor_held_is_given_back(slots: Slots) -> None:
    begun(slots, "dead", 0)
    begun(slots, "dead", 1)
    taken(slots, "dead")
    assert slots.finish(0, "dead", 1.0)
    assert slots.interrupt_abandoned() == 2
    assert states(slots) == {0: "finished", 1: "interrupted", 2: "empty"}
    assert all(slot.owner is None for slot in slots.all())
    assert slots.all()[1].reason == "its supervisor ended without a word"
    assert slots.interrupt_abandoned() == 0


def test_a_larger_budget_adds_empty_slots_and_the_same_one_none(database: Database, slots: Slots) -> None:
    begun(slots, "me", 0)
    before = slots.all()
    resize(database, slots, 3)
    assert slots.all() == before
    resize(database, slots, 5)
    assert states(slots) == {0: "running", 1: "empty", 2: "empty", 3: "empty", 4: "empty"}
    assert slots.all()[:3] == before


@pytest.mark.parametrize(("total", "left"), [(2, [0, 1]), (1, [0]), (0, [])])
def test_a_smaller_budget_removes_empty_slots_from_the_end(
    database: Database, slots: Slots, total: int, left: list[int]
) -> None:
    resize(database, slots, total)
    assert list(states(slots)) == left


def test_a_smaller_budget_keeps_every_trial_that_was_begun(database: Database, slots: Slots) -> None:
    resize(database, slots, 6)
    for trial in range(4):
        begun(slots, "me", trial)
    assert slots.finish(0, "me", 1.0)
    assert slots.release(3, "me", reason="preempted", device_s=1.0, crashed=False)
    resize(database, slots, 2)
    assert states(slots) == {0: "finished", 1: "running", 2: "running", 3: "interrupted"}
    resize(database, slots, 5)
    assert states(slots) == {0: "finished", 1: "running", 2: "running", 3: "interrupted", 4: "empty"}


def test_gaps_are_filled_so_that_n_trials_are_n(database: Database, slots: Slots) -> None:
    for trial in range(3):
        begun(slots, "me", trial)
    with database.write() as connection:
        # What a release before the first trial leaves: an empty slot below begun ones.
        connection.exec_driver_sql("UPDATE tuner_slots SET state = 'empty', trial_id = NULL WHERE slot = 0")
    resize(database, slots, 2)
    assert states(slots) == {1: "running", 2: "running"}
    resize(database, slots, 4)
    assert states(slots) == {0: "empty", 1: "running", 2: "running", 3: "empty"}
    resize(database, slots, 3)
    assert states(slots) == {0: "empty", 1: "running", 2: "running"}


def test_trials_begun_in_high_slots_count_against_a_budget_that_grows_again(database: Database, slots: Slots) -> None:
    resize(database, slots, 6)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE tuner_slots SET state = 'finished' WHERE slot >= 4")
    resize(database, slots, 3)
    assert states(slots) == {0: "empty", 4: "finished", 5: "finished"}
    resize(database, slots, 4)
    assert states(slots) == {0: "empty", 1: "empty", 4: "finished", 5: "finished"}


def test_the_slots_of_two_studies_do_not_know_each_other(
    make_study: Callable[..., StudyRecord], database: Database, slots: Slots
) -> None:
    other = Slots(database, make_study("two", trials=1).id)
    begun(slots, "me", 0)
    assert states(other) == {0: "empty"}
    assert taken(other, "me").slot == 0
    assert other.claim("me") is None
    assert other.interrupt_abandoned() == 1
    resize(database, other, 0)
    assert states(slots) == {0: "running", 1: "empty", 2: "empty"}


def test_the_slots_can_be_read_as_a_transaction_sees_them(database: Database, slots: Slots) -> None:
    with database.read() as connection:
        before = slots.all(connection)
        assert taken(slots, "me").slot == 0
        assert slots.all(connection) == before
    assert slots.all() != before
