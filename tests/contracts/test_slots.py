from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from storing import LEASE_S, begin, claim, create_study, expire, optuna_study, pass_time

from storage import (
    CheckpointRef,
    Checkpoints,
    Database,
    Events,
    Lease,
    SlotRecord,
    Slots,
    SlotState,
    SlotTotals,
    Studies,
    StudyRecord,
    StudyState,
    new_owner,
)

POINTER = Checkpoints(
    resume=(
        CheckpointRef(key="trial-00000/attempt-1/step-00000020", sha256="b" * 64, bytes=20, optimiser_steps=20),
        CheckpointRef(key="trial-00000/attempt-1/step-00000010", sha256="a" * 64, bytes=10, optimiser_steps=10),
    ),
    best=CheckpointRef(
        key="trial-00000/attempt-1/best-00000010", sha256="c" * 64, bytes=5, optimiser_steps=10, value=0.25, step=1
    ),
)


def states(slots: Slots) -> dict[int, str]:
    return {slot.slot: slot.state for slot in slots.all()}


def begun(slots: Slots, owner: str, trial: int) -> Lease:
    lease, _ = claim(slots, owner)
    assert slots.assign(lease, 100 + trial, trial)
    return lease


def resize(database: Database, slots: Slots, total: int) -> None:
    with database.write() as connection:
        slots.resize(total, connection)


# ---- claims ----


def test_a_new_study_has_as_many_empty_slots_as_its_budget(slots: Slots) -> None:
    assert states(slots) == {0: "empty", 1: "empty", 2: "empty"}
    assert slots.all()[0] == SlotRecord(
        slot=0,
        state="empty",
        trial_id=None,
        trial_number=None,
        owner=None,
        attempt=0,
        held=False,
        crashes=0,
        device_s=0.0,
        checkpoints=Checkpoints(),
        reason=None,
    )
    assert (slots.unfinished(), slots.device_seconds()) == (3, 0.0)


def test_claims_go_through_the_slots_in_order_and_then_there_is_none(slots: Slots, record: StudyRecord) -> None:
    claimed = [slots.claim("me", LEASE_S) for _ in range(4)]
    assert claimed[3] is None
    leases = [each[0] for each in claimed if each]
    assert leases == [Lease(study_id=record.id, slot=slot, owner="me", attempt=1) for slot in range(3)]
    records = [each[1] for each in claimed if each]
    assert all((slot.state, slot.owner, slot.attempt, slot.held) == ("running", "me", 1, True) for slot in records)
    assert [(slot.slot, slot.state, slot.owner) for slot in slots.all()] == [(n, "running", "me") for n in range(3)]
    assert slots.find(leases[1]) == slots.all()[1]


def claim_all(number: int, url: str, study: int) -> list[int]:
    from storage import Database, Slots

    claimed = []
    with Database(url) as database:
        slots = Slots(database, study)
        while (taken := slots.claim(f"owner-{number}", 3600.0)) is not None:
            lease, slot = taken
            assert slot.attempt == 1
            assert slots.assign(lease, slot.slot, slot.slot)
            claimed.append(slot.slot)
            if slot.slot % 3 == 0:
                assert slots.finish(lease)
    return claimed


@pytest.mark.rest
def test_eight_racing_processes_claim_each_slot_exactly_once(
    database: Database, url: str, race: Callable[..., list[Any]]
) -> None:
    study = create_study(database, "many", trials=60)
    answers = race(claim_all, 8, url, study.id)
    assert Counter(slot for answer in answers for slot in answer) == Counter(range(60))
    for slot in Slots(database, study.id).all():
        (holder,) = (number for number, answer in enumerate(answers) if slot.slot in answer)
        assert slot.attempt == 1
        finished = slot.slot % 3 == 0
        assert (slot.state, slot.owner) == (("finished", None) if finished else ("running", f"owner-{holder}"))


def test_an_interrupted_trial_is_claimed_before_an_empty_slot(slots: Slots) -> None:
    empty, _ = claim(slots)
    trial = begun(slots, "me", 1)
    assert slots.release(empty, state="interrupted", reason="preempted")
    assert slots.release(trial, state="interrupted", reason="preempted")
    assert states(slots) == {0: "empty", 1: "interrupted", 2: "empty"}
    lease, slot = claim(slots, "you")
    assert (slot.slot, slot.trial_id, slot.trial_number) == (1, 101, 1)
    assert (slot.attempt, lease.attempt, slot.crashes, slot.owner, slot.reason) == (2, 2, 0, "you", "preempted")
    assert [claim(slots, "you")[0].slot for _ in range(2)] == [0, 2]
    assert slots.claim("you", LEASE_S) is None


def test_a_claim_whose_answer_was_lost_is_found_again(slots: Slots) -> None:
    released = begun(slots, "me", 0)
    theirs, mine = begun(slots, "you", 1), begun(slots, "me", 2)
    assert slots.release(released, state="interrupted", reason="preempted")
    before = slots.all()
    assert slots.reclaim("me", []) == (mine, before[2])
    assert slots.reclaim("me", [released, theirs]) == (mine, before[2])
    assert slots.reclaim("me", [mine]) is None
    assert slots.reclaim("another", []) is None
    assert slots.reclaim("you", [mine]) == (theirs, before[1])
    assert slots.all() == before
    again, _ = claim(slots, "me")
    assert (again.slot, again.attempt) == (0, 2)
    assert slots.reclaim("me", [released, mine]) == (again, slots.all()[0]), "of an earlier attempt it knew"


def test_whoever_wants_no_new_trial_gets_none(database: Database, slots: Slots) -> None:
    begun(slots, "me", 0)
    assert slots.claim("you", LEASE_S, empty=False) is None
    expire(database)
    claimed = slots.claim("you", LEASE_S, empty=False)
    assert claimed is not None
    assert claimed[1].trial_number == 0
    assert slots.claim("you", LEASE_S, empty=False) is None


@pytest.mark.parametrize("state", ["paused", "stopped"])
def test_slots_are_given_out_only_in_the_states_of_the_study_that_were_asked_for(
    database: Database, record: StudyRecord, slots: Slots, state: str
) -> None:
    begun(slots, "me", 0)
    expire(database)
    assert slots.claim("you", LEASE_S, states=(state,)) is None
    Studies(database).set_state(record.id, state)  # type: ignore[arg-type]
    assert slots.claim("you", LEASE_S) is None
    assert slots.claim("you", LEASE_S, states=("open", state)) is not None
    if state == "paused":
        Studies(database).set_state(record.id, "open")
        assert slots.claim("you", LEASE_S, states=(state,)) is None
        assert slots.claim("you", LEASE_S) is not None


def test_slots_of_a_paused_study_are_not_given_out_because_another_study_is_open(
    database: Database, record: StudyRecord, slots: Slots
) -> None:
    create_study(database, "two")
    Studies(database).set_state(record.id, StudyState.PAUSED)
    assert slots.claim("me", LEASE_S) is None


def test_a_paused_trial_is_claimed_like_an_interrupted_one(slots: Slots) -> None:
    lease = begun(slots, "me", 0)
    assert slots.release(lease, state="paused", reason="paused by a person")
    assert states(slots)[0] == "paused"
    assert claim(slots, "you")[1].trial_number == 0


# ---- leases ----


def test_a_lease_holds_until_it_expires_on_the_clock_of_the_database(database: Database, slots: Slots) -> None:
    lease = begun(slots, "me", 0)
    for _ in range(2):
        claim(slots)
    assert slots.claim("you", LEASE_S) is None
    pass_time(database, "tuner_slots", "expires", LEASE_S - 600)
    assert slots.claim("you", LEASE_S) is None
    assert slots.all()[0].held
    pass_time(database, "tuner_slots", "expires", 601)
    assert not slots.all()[0].held
    stolen, slot = claim(slots, "you")
    assert (stolen.slot, stolen.attempt, slot.trial_number, slot.owner) == (0, 2, 0, "you")
    assert slot.held
    assert slot.reason == "its worker ended without a word"
    assert not slots.commit(lease, POINTER, optimiser_steps=10, detail="")


def test_a_lease_that_expired_is_renewed_as_long_as_nobody_took_it(database: Database, slots: Slots) -> None:
    kept, lost = begun(slots, "me", 0), begun(slots, "me", 1)
    expire(database)
    taken, _ = claim(slots, "you")
    assert taken.slot == kept.slot
    kept, lost = lost, kept
    assert slots.renew({kept, lost}, LEASE_S) == {kept}
    assert [(slot.owner, slot.held) for slot in slots.all()[:2]] == [("you", True), ("me", True)]
    assert slots.renew({lost}, LEASE_S) == set()
    assert slots.renew(set(), LEASE_S) == set()


def test_a_lease_is_as_long_as_it_was_last_asked_for(database: Database, slots: Slots) -> None:
    lease = begun(slots, "me", 0)
    assert slots.renew({lease}, 50.0) == {lease}
    pass_time(database, "tuner_slots", "expires", 51)
    assert not slots.all()[0].held


@pytest.mark.parametrize("how", ["steal", "release"])
def test_a_lost_lease_changes_nothing(database: Database, slots: Slots, how: str) -> None:
    lease = begun(slots, "me", 0)
    if how == "steal":
        expire(database)
    else:
        assert slots.release(lease, state="interrupted", reason="preempted")
    again, _ = claim(slots, "me")  # the same owner: it is the attempt that tells
    before = slots.all()
    assert not slots.assign(lease, 7, 7)
    assert not slots.commit(lease, POINTER, optimiser_steps=10, detail="")
    assert not slots.finish(lease)
    assert not slots.release(lease, state="interrupted", reason="late", crashed=True)
    assert slots.renew({lease}, LEASE_S) == set()
    assert slots.all() == before
    assert slots.commit(again, POINTER, optimiser_steps=10, detail="")


def test_a_lease_of_another_owner_or_attempt_is_no_lease(slots: Slots, record: StudyRecord) -> None:
    lease, _ = claim(slots)
    before = slots.all()
    for forged in (
        Lease(study_id=record.id, slot=0, owner="you", attempt=1),
        Lease(study_id=record.id, slot=0, owner="me", attempt=2),
        Lease(study_id=record.id, slot=1, owner="me", attempt=1),
        Lease(study_id=record.id + 1, slot=0, owner="me", attempt=1),
    ):
        assert not slots.assign(forged, 1, 1)
        assert not slots.finish(forged)
        assert not slots.release(forged, state="interrupted", reason="mine")
        assert slots.renew({forged}, LEASE_S) == set()
    assert slots.all() == before
    assert slots.finish(lease)


def test_a_finished_slot_is_neither_finished_again_nor_released_nor_claimed(database: Database, slots: Slots) -> None:
    leases = [begun(slots, "me", trial) for trial in range(3)]
    assert all(slots.finish(lease) for lease in leases)
    before = slots.all()
    assert not slots.finish(leases[0])
    assert not slots.release(leases[0], state="interrupted", reason="late")
    assert slots.renew(set(leases), LEASE_S) == set()
    assert slots.claim("me", LEASE_S) is None
    assert slots.all() == before
    assert slots.unfinished() == 0


def test_a_trial_is_in_one_slot_only_and_a_slot_has_one_trial_for_ever(slots: Slots) -> None:
    first = begun(slots, "me", 0)
    second, _ = claim(slots)
    assert not slots.assign(second, 100, 0)
    assert not slots.assign(first, 107, 7)
    assert [slot.trial_id for slot in slots.all()] == [100, None, None]
    assert slots.assign(second, 107, 7)


def steal_expired(number: int, url: str, study: int) -> list[tuple[int, int]]:
    from storage import Database, Slots

    claimed = []
    with Database(url) as database:
        slots = Slots(database, study)
        while (taken := slots.claim(f"owner-{number}", 3600.0, empty=False)) is not None:
            claimed.append((taken[0].slot, taken[0].attempt))
    return claimed


@pytest.mark.rest
def test_eight_racing_processes_steal_each_expired_trial_exactly_once(
    database: Database, url: str, race: Callable[..., list[Any]]
) -> None:
    study = create_study(database, "many", trials=24)
    slots = Slots(database, study.id)
    for trial in range(20):
        begun(slots, "dead", trial)
    expire(database, study_id=study.id)
    answers = race(steal_expired, 8, url, study.id)
    assert Counter(tuple(each) for answer in answers for each in answer) == Counter((slot, 2) for slot in range(20))
    assert [slot.crashes for slot in slots.all()] == [1] * 20 + [0] * 4


def hold(number: int, url: str, study: int) -> int:
    """Renew for ever what is held, or steal for ever what has expired; return how often it held on, or stole."""
    from storage import Database, Lease, Slots

    done = 0
    with Database(url) as database:
        slots = Slots(database, study)
        lease = Lease(study_id=study, slot=number // 2, owner=f"owner-{number // 2}", attempt=1)
        for _ in range(20):
            if number % 2 == 0:
                done += slots.renew({lease}, -1.0) == {lease}  # expired as soon as it is renewed
            else:
                done += slots.claim(f"thief-{number}", 3600.0, empty=False) is not None
    return done


def test_of_a_renewal_and_a_theft_that_race_one_succeeds(
    database: Database, url: str, race: Callable[..., list[Any]]
) -> None:
    study = create_study(database, "many", trials=2)
    slots = Slots(database, study.id)
    for trial in range(2):
        begun(slots, f"owner-{trial}", trial)
    expire(database, study_id=study.id)
    answers = race(hold, 4, url, study.id)
    assert answers[1] + answers[3] == 2
    assert [(slot.attempt, slot.crashes) for slot in slots.all()] == [(2, 1)] * 2


def test_an_attempt_is_never_repeated_whatever_happens_between_the_look_at_a_slot_and_its_claim(
    database: Database, other: Database, slots: Slots
) -> None:
    begun(slots, "dead", 0)
    expire(database)
    thief = Slots(other, slots._study_id)
    looked: list[str] = []

    @sa.event.listens_for(database.engine, "after_cursor_execute")
    def come_between(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "LIMIT" in statement and not looked:
            looked.append(statement)
            lease, _slot = claim(thief, "you")
            assert lease.attempt == 2
            assert thief.release(lease, state="interrupted", reason="preempted")

    lease, slot = claim(slots, "me")
    assert looked
    assert (lease.slot, lease.attempt, slot.reason) == (0, 3, "preempted")


def test_a_release_comes_before_a_theft_or_after_it_and_the_log_says_which(
    database: Database,
    other: Database,
    slots: Slots,
    record: StudyRecord,
    watch: Callable[[Database], Callable[..., None]],
) -> None:
    lease = begun(slots, "me", 0)
    expire(database)
    waits = watch(database)
    released: list[bool] = []
    release = threading.Thread(
        target=lambda: released.append(slots.release(lease, state="interrupted", reason="preempted"))
    )

    @sa.event.listens_for(other.engine, "after_cursor_execute")
    def come_between(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM tuner_slots" in statement and "LIMIT" not in statement and release.ident is None:
            release.start()
            waits(release)

    _, slot = claim(Slots(other, record.id), "you")
    release.join(60)
    assert released == [False]
    assert slot.crashes == 1
    assert [event.kind for event in Events(database, record.id).all()] == ["claimed", "stolen"]


# ---- release, crashes, device seconds ----


def test_a_released_slot_is_interrupted_with_its_trial_and_empty_without(slots: Slots) -> None:
    first, (second, _) = begun(slots, "me", 0), claim(slots)
    for lease in (first, second):
        assert slots.release(lease, state="interrupted", reason="it crashed", crashed=True)
    with_trial, without, _ = slots.all()
    assert (with_trial.state, with_trial.trial_number, with_trial.owner) == ("interrupted", 0, None)
    assert (without.state, without.trial_number, without.owner) == ("empty", None, None)
    assert {slot.reason for slot in (with_trial, without)} == {"it crashed"}
    assert not with_trial.held


def test_a_crash_counts_unless_a_checkpoint_was_committed_since_the_last_one(slots: Slots) -> None:
    lease = begun(slots, "me", 0)
    crashes = []
    for saves in (False, True, False, True, True):
        if saves:
            assert slots.commit(lease, POINTER, optimiser_steps=10, detail="")
        assert slots.release(lease, state="interrupted", reason="it crashed", crashed=True)
        crashes.append(slots.all()[0].crashes)
        lease, _ = claim(slots)
    assert crashes == [1, 1, 2, 2, 2]


def test_a_preemption_counts_as_no_crash_and_leaves_the_next_crash_free(slots: Slots) -> None:
    lease = begun(slots, "me", 0)
    assert slots.commit(lease, POINTER, optimiser_steps=10, detail="")
    assert slots.release(lease, state="interrupted", reason="preempted")
    lease, slot = claim(slots)
    assert slot.crashes == 0
    assert slots.release(lease, state="interrupted", reason="it crashed", crashed=True)
    lease, slot = claim(slots)
    assert slot.crashes == 0
    assert slots.release(lease, state="interrupted", reason="it crashed", crashed=True)
    assert slots.all()[0].crashes == 1


def test_a_stolen_trial_counts_as_crashed_under_the_same_rule(database: Database, slots: Slots) -> None:
    lease = begun(slots, "me", 0)
    crashes = []
    for saves in (False, True, False):
        if saves:
            assert slots.commit(lease, POINTER, optimiser_steps=10, detail="")
        expire(database)
        lease, slot = claim(slots, "you")
        crashes.append(slot.crashes)
    assert crashes == [1, 1, 2]
    assert slots.all()[0].attempt == 4


def test_an_expired_slot_without_a_trial_is_taken_first_and_counts_no_crash(database: Database, slots: Slots) -> None:
    begun(slots, "me", 0)
    claim(slots)
    expire(database, slot=1)
    lease, slot = claim(slots, "you")
    assert (slot.slot, slot.attempt, slot.crashes, slot.trial_id) == (1, 2, 0, None)
    assert slots.assign(lease, 101, 1)


def test_the_seconds_of_a_device_are_counted_while_a_slot_is_held_and_over_all_attempts(
    database: Database, slots: Slots
) -> None:
    lease = begun(slots, "me", 0)
    pass_time(database, "tuner_slots", "device_seen", 100)
    assert 100 <= slots.device_seconds() < 130  # though nobody has written them down yet
    assert slots.all()[0].device_s == 0.0
    assert slots.renew({lease}, LEASE_S) == {lease}
    assert 100 <= slots.all()[0].device_s < 130
    pass_time(database, "tuner_slots", "device_seen", 100)
    assert slots.release(lease, state="interrupted", reason="preempted")
    assert 200 <= slots.all()[0].device_s < 230
    released = slots.device_seconds()
    assert released == slots.all()[0].device_s
    again, _ = claim(slots, "you")
    pass_time(database, "tuner_slots", "device_seen", 100)
    assert slots.finish(again)
    assert 300 <= slots.all()[0].device_s < 330
    assert slots.device_seconds() == slots.all()[0].device_s


def test_a_silent_owner_takes_no_device_time(database: Database, slots: Slots) -> None:
    lease = begun(slots, "me", 0)
    pass_time(database, "tuner_slots", "device_seen", 100)
    assert slots.renew({lease}, LEASE_S) == {lease}
    pass_time(database, "tuner_slots", "device_seen", 50_000)
    expire(database)  # as after a power cut, hours before somebody goes on
    assert 100 <= slots.device_seconds() < 130


def test_the_lease_of_a_process_of_this_machine_ends_with_it(database: Database, slots: Slots, dead_owner: str) -> None:
    alive, waiting = new_owner(), begun(slots, "elsewhere", 1)
    dead, living = begun(slots, dead_owner, 2), begun(slots, alive, 3)
    before = slots.all()
    assert [slot.held for slot in before] == [True, False, True], "whoever reads is told so at once"
    assert slots.claim("me", LEASE_S) is None
    slots.expire_gone()
    lease, slot = claim(slots, "me")
    assert (lease.slot, lease.attempt, slot.trial_id) == (dead.slot, 2, 102)
    assert (slot.crashes, slot.reason) == (1, "its worker ended without a word")
    assert slots.claim("me", LEASE_S) is None
    assert slots.renew({waiting, living, dead}, LEASE_S) == {waiting, living}
    assert [event.detail for event in Events(database, lease.study_id).all() if event.kind == "stolen"] == [
        f"from {dead_owner}"
    ]


def test_a_machine_that_was_suspended_has_taken_no_device_time_meanwhile(database: Database, slots: Slots) -> None:
    lease = begun(slots, "me", 0)
    pass_time(database, "tuner_slots", "device_seen", 50_000)
    assert slots.renew({lease}, LEASE_S, at_most_s=15.0) == {lease}
    assert slots.all()[0].device_s == 15
    pass_time(database, "tuner_slots", "device_seen", 10)
    assert slots.renew({lease}, LEASE_S, at_most_s=15_000.0) == {lease}
    assert 25 <= slots.all()[0].device_s < 60


def test_the_seconds_after_the_last_sign_of_life_of_a_stolen_trial_are_nobodys(
    database: Database, slots: Slots
) -> None:
    lease = begun(slots, "me", 0)
    pass_time(database, "tuner_slots", "device_seen", 100)
    assert slots.renew({lease}, LEASE_S) == {lease}
    pass_time(database, "tuner_slots", "device_seen", 5000)
    expire(database)
    _, slot = claim(slots, "you")
    assert 100 <= slot.device_s < 130


def test_what_was_heard_of_a_stolen_trial_after_its_last_sign_of_life_counts(database: Database, slots: Slots) -> None:
    lease = begun(slots, "me", 0)
    pass_time(database, "tuner_slots", "device_seen", 100)
    assert slots.commit(lease, POINTER, optimiser_steps=20, detail="step 20")  # so it was alive a hundred seconds later
    for table, column in (("tuner_slots", "device_seen"), ("tuner_slots", "expires"), ("tuner_events", "moment")):
        pass_time(database, table, column, 1.1 * LEASE_S)
    _, slot = claim(slots, "you")
    assert 90 <= slot.device_s < 130


def test_what_was_heard_of_a_stolen_trial_before_its_last_sign_of_life_takes_nothing_back(
    database: Database, slots: Slots
) -> None:
    lease = begun(slots, "me", 0)
    pass_time(database, "tuner_events", "moment", 100)
    assert slots.renew({lease}, LEASE_S) == {lease}
    for table, column in (("tuner_slots", "device_seen"), ("tuner_slots", "expires"), ("tuner_events", "moment")):
        pass_time(database, table, column, 1.1 * LEASE_S)
    _, slot = claim(slots, "you")
    assert slot.device_s >= 0


def test_what_was_heard_of_another_trial_is_not_counted_for_a_stolen_one(database: Database, slots: Slots) -> None:
    begun(slots, "me", 0)
    neighbour = begun(slots, "me", 1)
    in_another_study = begun(Slots(database, create_study(database, "two", trials=1).id), "me", 0)
    for table, column in (("tuner_slots", "device_seen"), ("tuner_events", "moment")):
        pass_time(database, table, column, 100)
    for other in (neighbour, in_another_study):
        assert Slots(database, other.study_id).commit(other, POINTER, optimiser_steps=20, detail="step 20")
    for table, column in (("tuner_slots", "device_seen"), ("tuner_slots", "expires"), ("tuner_events", "moment")):
        pass_time(database, table, column, 1.1 * LEASE_S)
    lease, slot = claim(slots, "you")
    assert (lease.slot, lease.attempt) == (0, 2)
    assert slot.device_s < 30


# ---- checkpoints ----


def test_a_committed_pointer_is_read_as_it_was_written_by_whoever_goes_on(slots: Slots) -> None:
    lease = begun(slots, "me", 0)
    assert slots.commit(lease, POINTER, optimiser_steps=20, detail="step 20")
    assert slots.all()[0].checkpoints == POINTER
    assert slots.release(lease, state="interrupted", reason="preempted")
    _, slot = claim(slots, "you")
    assert slot.checkpoints == POINTER
    assert slot.checkpoints.keys == tuple(
        f"trial-00000/attempt-1/{each}" for each in ("step-00000020", "step-00000010", "best-00000010")
    )


# ---- the budget ----


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
    leases = [begun(slots, "me", trial) for trial in range(5)]
    assert slots.finish(leases[0])
    assert slots.release(leases[3], state="interrupted", reason="preempted")
    assert slots.release(leases[4], state="paused", reason="paused")
    resize(database, slots, 2)
    kept = {0: "finished", 1: "running", 2: "running", 3: "interrupted", 4: "paused"}
    assert states(slots) == kept
    resize(database, slots, 6)
    assert states(slots) == {**kept, 5: "empty"}


def test_gaps_are_filled_so_that_n_trials_are_n(database: Database, slots: Slots) -> None:
    leases = [claim(slots)[0] for _ in range(3)]
    assert slots.release(leases[0], state="interrupted", reason="before its trial was asked for")
    resize(database, slots, 2)
    assert states(slots) == {1: "running", 2: "running"}
    resize(database, slots, 4)
    assert states(slots) == {0: "empty", 1: "running", 2: "running", 3: "empty"}
    resize(database, slots, 3)
    assert states(slots) == {0: "empty", 1: "running", 2: "running"}


def resize_many(number: int, url: str, study: int) -> int:
    from storage import Database, Slots

    with Database(url) as database:
        slots = Slots(database, study)
        for total in (4, 12, 7, 9):
            with database.write() as connection:
                slots.resize(total + number % 2, connection)
        with database.write() as connection:
            slots.resize(8, connection)
    return 8


@pytest.mark.rest
def test_a_budget_that_eight_processes_change_at_once_is_what_one_of_them_says(
    database: Database, slots: Slots, record: StudyRecord, url: str, race: Callable[..., list[Any]]
) -> None:
    race(resize_many, 8, url, record.id)
    assert states(slots) == dict.fromkeys(range(8), "empty")


def test_a_budget_that_shrinks_counts_a_trial_that_is_claimed_meanwhile(
    database: Database, other: Database, slots: Slots, watch: Callable[[Database], Callable[[], None]]
) -> None:
    waits = watch(other)
    shrink = threading.Thread(target=resize, args=(other, Slots(other, slots._study_id), 1))
    with database.write() as connection:
        # What a claim of the last slot does, before its transaction ends.
        query = "UPDATE tuner_slots SET state = 'running', owner = 'me', attempt = 1, expires = 1e12 WHERE slot = 2"
        connection.exec_driver_sql(query)
        shrink.start()
        waits()
    shrink.join()
    assert states(slots) == {2: "running"}


def grow_and_claim(number: int, url: str, study: int) -> int:
    from storage import Database, Slots

    claimed = 0
    with Database(url) as database:
        slots = Slots(database, study)
        for total in range(3, 25):
            if number == 0:
                with database.write() as connection:
                    slots.resize(total, connection)
            while slots.claim(f"owner-{number}", 3600.0) is not None:
                claimed += 1
    return claimed


def test_a_budget_that_grows_while_others_claim_is_claimed_exactly(
    slots: Slots, record: StudyRecord, url: str, race: Callable[..., list[Any]]
) -> None:
    assert sum(race(grow_and_claim, 4, url, record.id)) == 24
    assert [slot.attempt for slot in slots.all()] == [1] * 24


def test_the_slots_of_two_studies_do_not_know_each_other(database: Database, slots: Slots) -> None:
    other = Slots(database, create_study(database, "two", trials=1).id)
    begun(slots, "me", 0)
    assert states(other) == {0: "empty"}
    lease = begun(other, "me", 0)
    assert other.claim("me", LEASE_S) is None
    assert other.finish(lease)
    assert states(slots) == {0: "running", 1: "empty", 2: "empty"}
    resize(database, other, 0)
    assert (slots.unfinished(), other.unfinished()) == (3, 0)


def test_what_begins_and_ends_in_another_study_is_not_listed(database: Database, slots: Slots) -> None:
    other = Slots(database, create_study(database, "two", trials=2).id)
    mine, _ = begun(slots, "me", 0), begun(slots, "me", 1)
    theirs, _ = begun(other, "me", 0), begun(other, "me", 1)
    assert slots.finish(mine)
    with database.read() as connection:
        assert slots.begun(connection) == [slots.all()[1]]
        assert other.begun(connection) == other.all()
    assert other.over([0, 1]) == []
    assert other.finish(theirs)
    assert slots.over([0, 1]) == [slots.all()[0]]
    assert (slots.totals().finished, other.totals().slots) == (1, 2)


# ---- what a reader sees ----


def test_the_slots_can_be_read_as_a_transaction_sees_them(database: Database, slots: Slots) -> None:
    with database.read() as connection:
        before = slots.all(connection)
        claim(slots)
        assert slots.all(connection) == before
    assert slots.all() != before


def test_a_slot_that_the_budget_lost_is_found_no_more(database: Database, slots: Slots) -> None:
    lease, _ = claim(slots)
    assert slots.release(lease, state="interrupted", reason="preempted")
    resize(database, slots, 0)
    assert slots.find(lease) is None
    assert slots.renew({lease}, LEASE_S) == set()


def test_threads_of_one_process_share_a_database(slots: Slots) -> None:
    with ThreadPoolExecutor(6) as pool:
        claimed = list(pool.map(lambda number: slots.claim(f"owner-{number}", LEASE_S), range(6)))
    assert sorted(each[0].slot for each in claimed if each) == [0, 1, 2]


def test_a_claim_is_told_apart_from_a_theft(database: Database, slots: Slots) -> None:
    lease = begun(slots, "me", 0)
    assert slots.release(lease, state=SlotState.INTERRUPTED, reason="preempted")
    claim(slots, "you")
    expire(database)
    claim(slots, "me")
    told = [(event.kind, event.detail) for event in Events(database, lease.study_id).all()]
    assert told == [("claimed", None), ("released", "preempted"), ("claimed", None), ("stolen", "from you")]


def test_what_is_told_of_a_trial_stands_under_its_number(database: Database, slots: Slots) -> None:
    begun(Slots(database, create_study(database, "two", trials=2).id), "me", 7)
    begun(slots, "me", 3)
    lease = begun(slots, "me", 5)
    assert slots.warn(lease, "hot")
    assert slots.commit(lease, POINTER, optimiser_steps=20, detail="step 20")
    assert slots.finish(lease)
    assert not slots.warn(lease, "too late")
    told = [event for event in Events(database, lease.study_id).all() if event.slot == lease.slot]
    assert [(event.kind, event.trial) for event in told][-3:] == [("warning", 5), ("checkpoint", 5), ("end", 5)]
    assert told[-3].detail == "hot"


def test_of_a_trial_that_was_taken_over_the_one_before_tells_nothing(database: Database, slots: Slots) -> None:
    lease = begun(slots, "me", 0)
    expire(database)
    claim(slots, "you")
    before = Events(database, lease.study_id).all()
    assert not slots.warn(lease, "hot")
    assert Events(database, lease.study_id).all() == before


# ---- what they add up to ----


def test_totals_are_those_of_the_slots(database: Database, slots: Slots) -> None:
    assert slots.totals() == SlotTotals(slots=3, finished=0, device_s=0.0)
    lease = begun(slots, "me", 0)
    begun(slots, "me", 1)
    pass_time(database, "tuner_slots", "device_seen", 100)
    assert slots.finish(lease)
    totals = slots.totals()
    assert (totals.slots, totals.finished) == (3, 1)
    assert totals.device_s == sum(slot.device_s for slot in slots.all()) >= 100
    assert totals.finished == totals.slots - slots.unfinished()


def test_the_totals_of_a_study_without_slots_are_nothing(database: Database, slots: Slots) -> None:
    resize(database, slots, 0)
    assert slots.totals() == SlotTotals(slots=0, finished=0, device_s=0.0)


def test_those_that_are_over_and_those_that_are_begun_are_told_apart(database: Database, slots: Slots) -> None:
    over = begun(slots, "me", 0)
    begun(slots, "me", 1)
    claim(slots)  # it has no trial yet
    assert slots.finish(over)
    assert slots.over([0, 1, 7]) == [slots.all()[0]]
    assert slots.over([1, 2]) == slots.over([]) == []
    with database.read() as connection:
        assert [slot.trial_number for slot in slots.begun(connection)] == [1]


def test_trials_that_run_in_no_slot_are_found_by_number(database: Database, record: StudyRecord, slots: Slots) -> None:
    theirs = optuna_study(database, record.name)
    mine, _ = begin(slots, theirs)
    orphans = [theirs.ask() for _ in range(3)]
    theirs.tell(orphans[1], 0.5)
    create_study(database, "two")
    optuna_study(database, "two").ask()
    found = [(orphans[number]._trial_id, orphans[number].number) for number in (0, 2)]
    assert slots.orphans() == found
    lease, _ = claim(slots)
    assert slots.assign(lease, *found[0])
    assert slots.orphans() == found[1:]
    assert slots.release(mine, state="interrupted", reason="preempted")
    assert slots.orphans() == found[1:]
