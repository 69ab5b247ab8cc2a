"""What the receiver makes of a message, and which evaluations it has reported and judged."""

from __future__ import annotations

import math
import os
import pickle
from contextlib import nullcontext
from multiprocessing import Pipe
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from attempts import attempt_at, evaluated

from tuner.processes.messages import Answer, Evaluated, Finished, Raised, Recorded, Returned, Saved
from tuner.reporting.events import TrialEvaluated
from tuner.supervisor.attempt import Attempt, Setting
from tuner.supervisor.attempt_state import AttemptState
from tuner.supervisor.crash import Crash, Crashes
from tuner.supervisor.lanes import Lanes
from tuner.supervisor.receiver import Receiver, TrainerEnded, Unreadable, receive
from tuner.trial.evaluation import Evaluation
from tuner.trial.result import Constraint, Outcome, TrialResult, Verdict

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


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

    def needed(self, _: int) -> float | None:
        return 0.75


class Trainer:
    """A process of which only the pipe and the end matter."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.killed = False

    def kill(self) -> None:
        self.killed = True

    def exit(self) -> tuple[int | None, int]:
        """Return an exit code, and the optimiser steps that it has counted."""
        return 1, 4


class Saves:
    """Notes what checkpointing is told."""

    def __init__(self) -> None:
        self.evaluated_last: list[bool] = []
        self.withdrawn = 0
        self.is_best = True

    def evaluated(self, _: Attempt, *, is_last: bool) -> None:
        self.evaluated_last.append(is_last)

    def withdraw(self, _: Attempt) -> None:
        self.withdrawn += 1

    def take(self, _: Attempt, __: Saved) -> bool:
        return self.is_best


class OneTrial:
    """A trial on a lane, and the supervisor that takes its trainer's messages."""

    def __init__(
        self,
        number: int = 3,
        *,
        prunes: bool = True,
        reported: dict[int, float] | None = None,
        train: str | None = "training:train",
        keeps: bool = True,
    ) -> None:
        self.database, self.saves, self.crashes = Judged(prunes=prunes), Saves(), Crashes()
        self.attempt: Attempt = attempt_at(number, reported=reported)
        self.trainer, self.ours = Pipe()
        self.process = Trainer(self.ours)
        self.attempt.start(cast(Any, self.process), prepares=train is None)
        self.watched: list[Any] = []
        self.notices: list[str] = []
        self.recorded: list[dict[str, Any]] = []
        self.keeps = keeps
        self.judged_as: tuple[int, float] | None = None
        lanes = Lanes((self.attempt.lane,))
        lanes.put(self.attempt)
        edges = SimpleNamespace(
            ledger=self.database,
            judge=SimpleNamespace(are_used=False),
            watch=self.watched.append,
            notice=self.notices.append,
            crashes=self.crashes,
            micro_batches=SimpleNamespace(take=self._record),
            best_trials=SimpleNamespace(would_include=self._would_keep),
        )
        lifecycle = SimpleNamespace(checkpointing=self.saves, dropping=nullcontext)
        live = SimpleNamespace(current=SimpleNamespace(train=train))
        self.receiver = Receiver(lanes, cast(Any, live), cast(Any, edges), cast(Any, lifecycle))

    def _record(self, attempt: Attempt, effective: dict[str, Any]) -> str:
        self.recorded.append(effective)
        attempt.setting = Setting(prepared_s=1.0, effective=effective)
        return "a smaller micro-batch"

    def _would_keep(self, number: int, value: float) -> bool:
        self.judged_as = (number, value)
        return self.keeps

    def sends(self, message: object) -> None:
        """Have the trainer send a message."""
        self.trainer.send(message)
        self.receiver.attend(self.ours)

    def judge(self, step: int, value: float = 0.5) -> bool:
        """Return whether the trial goes on after an evaluation, as its trainer hears it."""
        self.attempt.end.pruned_by = None
        self.sends(Evaluated(evaluation=evaluated(step, value)))
        assert self.trainer.poll(), "the trainer is answered"
        answer = self.trainer.recv()
        assert isinstance(answer, Answer)
        assert answer.step == step
        assert (self.attempt.end.pruned_by is None) is (answer.verdict is not Verdict.PRUNED)
        return answer.verdict is not Verdict.PRUNED


# ---- messages


@pytest.mark.parametrize(
    "message",
    [
        Recorded(effective={"micro_batch": 8}),
        Evaluated(evaluation=evaluated(10, 0.5)),
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
    theirs.send(Raised(known=None, text="ValueError: no", traceback="Traceback"))
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
    theirs.send_bytes(pickle.dumps(evaluated(10, 0.5)).replace(b"tuner.trial", b"tuner.trail"))
    received = receive(ours)
    assert isinstance(received, Unreadable)
    assert received.reason.startswith("its trainer has sent what cannot be read: ModuleNotFoundError: No module named")


# ---- evaluations


def test_a_trial_that_the_pruner_prunes_is_told_so() -> None:
    assert not OneTrial().judge(30)
    assert OneTrial(prunes=False).judge(30)


def test_the_published_recipe_is_never_pruned() -> None:
    trial = OneTrial(number=0)
    assert all(trial.judge(step) for step in range(10, 101, 10))
    assert trial.database.asked == 0
    assert not OneTrial(number=1).judge(10)


@pytest.mark.parametrize("step", [1, 10, 40, 99])
def test_trial_0_goes_on_at_a_look_at_which_any_other_trial_is_pruned(step: int) -> None:
    recipe, other = OneTrial(number=0), OneTrial(number=1)
    assert recipe.judge(step, value=0.0)
    assert not other.judge(step, value=0.0)
    assert (recipe.database.asked, other.database.asked) == (0, 1)
    assert [evaluation.step for evaluation in recipe.database.reported] == [step], "it is reported like any other"


def test_a_trial_is_not_pruned_at_its_last_step() -> None:
    assert OneTrial().judge(100)
    assert not OneTrial().judge(90)


def test_a_trial_that_begins_further_back_is_judged_once_it_is_where_it_was() -> None:
    trial = OneTrial(reported={20: 0.5, 40: 0.5})
    assert [trial.judge(step) for step in (10, 20, 30, 40, 50)] == [True, True, True, False, False]


def test_each_evaluation_is_reported_once_over_all_attempts() -> None:
    trial = OneTrial(prunes=False, reported={20: 0.5})
    trial.judge(10), trial.judge(20), trial.judge(30)
    assert [evaluation.step for evaluation in trial.database.reported] == [10, 30]
    assert {step: each["value"] for step, each in trial.attempt.curve.items()} == {10: 0.5, 30: 0.5}
    assert trial.notices == []


def test_every_evaluation_is_shown() -> None:
    trial = OneTrial(reported={10: 0.5})
    trial.judge(10), trial.judge(20)
    assert trial.watched == [TrialEvaluated(number=3, evaluation=evaluated(step, 0.5)) for step in (10, 20)]


@pytest.mark.parametrize("value", [0.25, 0.75])
def test_an_evaluation_that_comes_out_otherwise_is_noticed(value: float) -> None:
    trial = OneTrial(reported={20: 0.5})
    trial.judge(20, value)
    assert trial.database.reported == []
    (notice,) = trial.notices
    assert notice == (
        f"trial 3: the value at 20 % is now {value}, before it was interrupted it was 0.5; "
        "this machine computes otherwise"
    )


@pytest.mark.parametrize(
    ("before", "now", "same"), [(math.nan, math.nan, True), (math.nan, 1.0, False), (1.0, math.nan, False)]
)
def test_a_value_that_is_no_number_again_is_the_same(before: float, now: float, same: bool) -> None:
    trial = OneTrial(reported={20: before})
    trial.judge(20, now)
    assert (trial.notices == []) is same


def test_checkpointing_hears_of_each_evaluation_and_which_is_the_last() -> None:
    trial = OneTrial(prunes=False)
    trial.judge(90), trial.judge(100)
    assert trial.saves.evaluated_last == [False, True]
    assert trial.crashes.can_train, "a machine that has evaluated a trial can train"


def test_a_trainer_that_hears_late_of_its_pruning_is_not_judged_again() -> None:
    trial = OneTrial()
    assert not trial.judge(30)
    trial.sends(Evaluated(evaluation=evaluated(40, 0.9)))
    assert trial.attempt.end.pruned_by == evaluated(30, 0.5)
    assert [evaluation.step for evaluation in trial.database.reported] == [30]
    assert not trial.trainer.poll()


# ---- what else a trainer says


def test_an_effective_configuration_is_taken_and_the_trial_trains() -> None:
    trial = OneTrial(train=None)
    assert trial.attempt.state is AttemptState.PREPARING
    trial.sends(Recorded(effective={"micro_batch": 8}))
    assert trial.recorded == [{"micro_batch": 8}]
    assert trial.notices == ["a smaller micro-batch"]
    assert trial.attempt.state is AttemptState.TRAINING


def test_a_trainer_that_has_left_takes_no_word_to_save() -> None:
    trial = OneTrial()
    trial.sends(Finished(result=TrialResult(state=Outcome.LEFT)))
    assert trial.attempt.state is AttemptState.LEFT
    assert trial.saves.withdrawn == 1


COMPLETE = TrialResult(state=Outcome.COMPLETE, value=0.5)


@pytest.mark.parametrize(
    ("unsaved", "keeps", "pruned", "result", "waits"),
    [
        (True, True, False, COMPLETE, True),
        (False, True, False, COMPLETE, False),
        (True, False, False, COMPLETE, False),
        (True, True, True, COMPLETE, False),
        (True, False, False, TrialResult(state=Outcome.COMPLETE), True),
    ],
)
def test_a_trainer_is_waited_for_where_its_best_weights_will_be_kept(
    unsaved: bool, keeps: bool, pruned: bool, result: TrialResult, waits: bool
) -> None:
    trial = OneTrial(keeps=keeps)
    if pruned:
        trial.attempt.note_pruned(evaluated(30, 0.5))
    trial.sends(Finished(result=result, unsaved=unsaved))
    assert (trial.attempt.state, trial.attempt.end.result) == (AttemptState.FINISHING, result)
    assert trial.attempt.end.is_unsaved is waits
    assert trial.saves.withdrawn == (0 if waits else 1)


def test_whether_weights_will_be_kept_is_asked_by_number_and_value() -> None:
    trial = OneTrial(number=0)
    trial.sends(Finished(result=COMPLETE, unsaved=True))
    assert trial.judged_as == (0, 0.5)


@pytest.mark.parametrize("is_best", [False, True])
def test_best_weights_are_waited_for_until_they_are_written(is_best: bool) -> None:
    trial = OneTrial()
    trial.saves.is_best = is_best
    trial.sends(Finished(result=COMPLETE, unsaved=True))
    trial.sends(Saved(folder="f", optimiser_steps=None, best=evaluated(30, 0.5)))
    assert trial.attempt.end.is_unsaved is not is_best


NO_MEMORY = TrialResult(state=Outcome.PRUNED, reason="out of memory: no", avoid=Constraint.OUT_OF_MEMORY)


@pytest.mark.parametrize(
    ("train", "takes", "pruned", "goes_on"),
    [
        (None, None, False, True),
        ("training:train", None, False, False),
        (None, 8, False, True),
        (None, 1, False, False),
        ("training:train", 8, False, True),
        ("training:train", 8, True, False),
    ],
)
def test_a_trial_without_memory_goes_on_while_a_smaller_micro_batch_may_help(
    train: str | None, takes: int | None, pruned: bool, goes_on: bool
) -> None:
    trial = OneTrial(train=train)
    if takes is not None:
        trial.sends(Recorded(effective={"micro_batch": takes}))
    if pruned:
        trial.attempt.note_pruned(evaluated(30, 0.5))
    trial.sends(Finished(result=NO_MEMORY))
    crash = trial.attempt.end.crash
    if goes_on:
        before = takes is None
        assert crash == Crash(reason="out of memory: no", own=True, memory="device", before_any_step=before)
        assert trial.process.killed
    else:
        assert crash is None
        assert trial.attempt.end.result == NO_MEMORY


def test_any_other_end_is_no_lack_of_memory_though_a_smaller_micro_batch_is_possible() -> None:
    trial = OneTrial()
    trial.sends(Recorded(effective={"micro_batch": 8}))
    trial.sends(Finished(result=COMPLETE))
    assert trial.attempt.end.crash is None


def test_what_cannot_be_read_ends_the_trainer_and_fails_the_trial() -> None:
    trial = OneTrial()
    trial.trainer.send_bytes(b"no pickle")
    trial.receiver.attend(trial.ours)
    assert trial.process.killed
    result = trial.attempt.end.result
    assert result is not None
    assert result.state == Outcome.FAILED
    assert (result.reason or "").startswith("its trainer has sent what cannot be read: ")


# ---- how a trainer ends


def test_a_trainer_that_ends_without_a_word_has_crashed_where_it_was() -> None:
    trial = OneTrial()
    trial.attempt.saving.restored_optimiser_steps = 3
    trial.trainer.close()
    trial.receiver.attend(trial.ours)
    assert trial.attempt.state is AttemptState.CRASHED
    crash = trial.attempt.end.crash
    assert crash is not None
    assert crash.own
    assert "after optimiser step 7: " in crash.reason


def test_a_trainer_that_ends_before_it_has_saved_is_no_fault_of_the_trial() -> None:
    trial = OneTrial()
    trial.attempt.leave()
    trial.trainer.close()
    trial.receiver.attend(trial.ours)
    assert trial.attempt.end.crash == Crash(reason="its trainer ended before it had saved")


@pytest.mark.parametrize("unsaved", [False, True])
def test_a_trainer_that_ends_after_its_trial_has_crashed_only_where_weights_are_lost(unsaved: bool) -> None:
    trial = OneTrial()
    trial.sends(Finished(result=COMPLETE, unsaved=unsaved))
    trial.trainer.close()
    trial.receiver.attend(trial.ours)
    assert (trial.attempt.end.crash is not None) is unsaved
    assert trial.process.killed
    assert trial.attempt.trainer is None


def test_a_message_of_a_trial_that_is_off_its_lane_is_not_read() -> None:
    trial = OneTrial()
    _, another = Pipe()
    trial.receiver.attend(another)
    assert trial.database.reported == []
