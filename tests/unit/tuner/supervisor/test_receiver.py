"""What the receiver makes of a message, and which evaluations it has reported and judged."""

from __future__ import annotations

import math
import os
import pickle
from multiprocessing import Pipe
from types import SimpleNamespace
from typing import Any, cast

import pytest
from attempts import attempt_at, evaluated

from tuner.processes.messages import Answer, Evaluated, Finished, Raised, Recorded, Returned, Saved
from tuner.reporting.events import TrialEvaluated
from tuner.supervisor.attempt import Attempt
from tuner.supervisor.receiver import Receiver, TrainerEnded, Unreadable, receive
from tuner.trial.evaluation import Evaluation
from tuner.trial.result import Outcome, TrialResult


class Judged:
    """A database whose pruner would prune every trial, and what was asked of it."""

    def __init__(self, *, prunes: bool = True) -> None:
        self.prunes = prunes
        self.reported: list[Evaluation] = []
        self.asked = 0

    def report(self, _: object, __: object, evaluation: Evaluation) -> None:
        self.reported.append(evaluation)

    def should_prune(self, _: object, __: object) -> bool:
        self.asked += 1
        return self.prunes


class Lane:
    """A trial whose trainer evaluates it, and what the supervisor says of that."""

    def __init__(self, number: int = 3, *, prunes: bool = True, reported: dict[int, float] | None = None) -> None:
        self.database = Judged(prunes=prunes)
        self.attempt: Attempt = attempt_at(number, reported=reported)
        self.trainer, ours = Pipe()
        self.attempt.trainer = cast(Any, SimpleNamespace(connection=ours))
        self.watched: list[Any] = []
        self.notices: list[str] = []
        self.receiver = Receiver(cast(Any, self.database), watch=self.watched.append, notice=self.notices.append)

    def judge(self, step: int, value: float = 0.5) -> bool:
        """Return whether the trial goes on, as its trainer hears it."""
        goes_on = self.receiver.judge(self.attempt, evaluated(step, value))
        assert self.trainer.poll(), "the trainer is answered"
        assert self.trainer.recv() == Answer(step=step, go_on=goes_on)
        return goes_on


# ---- messages


@pytest.mark.parametrize(
    "message",
    [
        Recorded(effective={"micro_batch": 8}),
        Evaluated(evaluation=evaluated(1, 0.5)),
        Saved(folder="f", optimiser_steps=3, best=None),
        Finished(result=TrialResult(state=Outcome.LEFT)),
    ],
)
def test_a_message_is_received_as_it_was_sent(message: object) -> None:
    ours, theirs = Pipe()
    theirs.send(message)
    assert receive(ours) == message


@pytest.mark.parametrize("message", [Returned(value=1), "text", None])
def test_a_message_that_no_trial_sends_is_none(message: object) -> None:
    ours, theirs = Pipe()
    theirs.send(message)
    assert receive(ours) is None


def test_an_error_that_ended_the_call_is_a_failed_trial() -> None:
    ours, theirs = Pipe()
    theirs.send(Raised(config=None, text="ValueError: no", traceback="Traceback"))
    failed = TrialResult(state=Outcome.FAILED, reason="ValueError: no", traceback="Traceback")
    assert receive(ours) == Finished(result=failed)


def test_a_closed_pipe_is_a_trainer_that_ended() -> None:
    ours, theirs = Pipe()
    theirs.close()
    assert receive(ours) == TrainerEnded()


def test_half_a_message_is_a_trainer_that_ended() -> None:
    ours, theirs = Pipe()
    os.write(theirs.fileno(), b"\0\0\1\0half")
    theirs.close()
    assert receive(ours) == TrainerEnded()


def test_an_object_of_a_class_that_only_the_trainer_can_import_is_unreadable() -> None:
    ours, theirs = Pipe()
    theirs.send_bytes(pickle.dumps(evaluated(1, 0.5)).replace(b"tuner.trial", b"tuner.trail"))
    received = receive(ours)
    assert isinstance(received, Unreadable)
    assert received.reason.startswith("its trainer has sent what cannot be read: ModuleNotFoundError: No module named")


# ---- evaluations


def test_a_trial_that_the_pruner_prunes_is_told_so() -> None:
    assert not Lane().judge(3)
    assert Lane(prunes=False).judge(3)


def test_the_published_recipe_is_never_pruned() -> None:
    lane = Lane(number=0)
    assert all(lane.judge(step) for step in range(1, 11))
    assert lane.database.asked == 0
    assert not Lane(number=1).judge(1)


def test_a_trial_is_not_pruned_at_its_last_step() -> None:
    assert Lane().judge(10)
    assert not Lane().judge(9)


def test_a_trial_that_begins_further_back_is_judged_once_it_is_where_it_was() -> None:
    lane = Lane(reported={2: 0.5, 4: 0.5})
    assert [lane.judge(step) for step in (1, 2, 3, 4, 5)] == [True, True, True, False, False]


def test_each_evaluation_is_reported_once_over_all_attempts() -> None:
    lane = Lane(prunes=False, reported={2: 0.5})
    lane.judge(1), lane.judge(2), lane.judge(3)
    assert [evaluation.step for evaluation in lane.database.reported] == [1, 3]
    assert {step: each["value"] for step, each in lane.attempt.curve.items()} == {1: 0.5, 3: 0.5}
    assert lane.notices == []


def test_every_evaluation_is_shown() -> None:
    lane = Lane(reported={1: 0.5})
    lane.judge(1), lane.judge(2)
    assert lane.watched == [TrialEvaluated(number=3, evaluation=evaluated(step, 0.5)) for step in (1, 2)]


@pytest.mark.parametrize("value", [0.25, 0.75])
def test_an_evaluation_that_comes_out_otherwise_is_noticed(value: float) -> None:
    lane = Lane(reported={2: 0.5})
    lane.judge(2, value)
    assert lane.database.reported == []
    (notice,) = lane.notices
    assert notice == (
        f"trial 3: tenth 2 is now {value}, before it was interrupted it was 0.5; this machine computes otherwise"
    )


@pytest.mark.parametrize(
    ("before", "now", "same"), [(math.nan, math.nan, True), (math.nan, 1.0, False), (1.0, math.nan, False)]
)
def test_a_value_that_is_no_number_again_is_the_same(before: float, now: float, same: bool) -> None:
    lane = Lane(reported={2: before})
    lane.judge(2, now)
    assert (lane.notices == []) is same
