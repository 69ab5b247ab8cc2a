from __future__ import annotations

import pytest

from storage import CheckpointRef, Checkpoints, SlotRecord, SlotState
from tuner.study.retention import kept_trials, last_collectable_attempt, needed_keys


def ref(key: str) -> CheckpointRef:
    return CheckpointRef(key=key, sha256="0", bytes=1, optimiser_steps=1)


STEPS = (ref("trial-3/attempt-2/step-20"), ref("trial-3/attempt-2/step-10"))
BEST = ref("trial-3/attempt-1/best-10")


def slot(state: SlotState, *, best: CheckpointRef | None = BEST) -> SlotRecord:
    return SlotRecord(
        slot=0,
        state=state,
        trial_id=9,
        trial_number=3,
        owner=None,
        attempt=2,
        held=False,
        crashes=0,
        device_s=0.0,
        checkpoints=Checkpoints(resume=STEPS, best=best),
        reason=None,
    )


@pytest.mark.parametrize("state", [SlotState.RUNNING, SlotState.INTERRUPTED, SlotState.PAUSED])
def test_a_trial_that_is_not_finished_needs_every_checkpoint_that_its_slot_points_to(state: SlotState) -> None:
    assert needed_keys(slot(state), kept=()) == (STEPS[0].key, STEPS[1].key, BEST.key)


def test_a_finished_trial_needs_its_best_weights_while_it_is_among_those_that_keep_them() -> None:
    assert needed_keys(slot(SlotState.FINISHED), kept={3, 4}) == (BEST.key,)
    assert needed_keys(slot(SlotState.FINISHED), kept={4}) == ()
    assert needed_keys(slot(SlotState.FINISHED, best=None), kept={3}) == ()


@pytest.mark.parametrize(
    ("ranking", "keep", "tested", "twins", "kept"),
    [
        ([4, 2, 0, 1], 1, (), (), [4, 0]),
        ([4, 2, 0, 1], 2, (), (), [4, 2, 0]),
        ([4, 2, 0, 1], 3, (), (), [4, 2, 0]),
        ([0, 2], 1, (), (), [0]),
        ([4, 2], 1, (), (), [4]),  # trial 0 runs, or has ended before it was complete
        ([], 1, (), (), []),
        ([4, 2, 0, 1], 1, (0, 2), (), [4, 0, 2]),  # trial 2 was the best when the test split was opened
        ([2, 0], 1, (0, 2), (), [2, 0]),
        ([4, 5, 2, 0], 2, (), (5,), [4, 2, 0]),  # trial 5 has taken over the values of trial 4
    ],
)
def test_trial_0_and_tested_trials_keep_their_weights_besides_the_best_ones(
    ranking: list[int], keep: int, tested: tuple[int, ...], twins: tuple[int, ...], kept: list[int]
) -> None:
    assert kept_trials([(number, 0.5) for number in ranking], keep, others=tested, twins=twins) == kept


def test_a_trial_without_a_slot_needs_nothing() -> None:
    assert needed_keys(None, kept={3}) == ()


def test_checkpoints_of_an_attempt_that_may_still_write_are_not_collected() -> None:
    assert last_collectable_attempt(slot(SlotState.RUNNING)) == 1
    assert last_collectable_attempt(slot(SlotState.INTERRUPTED)) == 2
    assert last_collectable_attempt(slot(SlotState.FINISHED)) is None
    assert last_collectable_attempt(None) is None
