"""An attempt: a trial on a lane, from the claim of its slot until the trial ends or is given back."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tuner.processes.messages import Leave
from tuner.reporting.events import TrialAdvanced
from tuner.supervisor.attempt_state import AttemptState, is_allowed
from tuner.supervisor.saving import Saving
from tuner.trial.evaluation import LAST_STEP
from tuner.trial.result import Outcome, TrialResult

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.connection import Connection

    from storage import Lease, SlotRecord
    from tuner.machine.devices import Lane
    from tuner.processes.messages import Answer, Save
    from tuner.processes.trainers import Trainer
    from tuner.search.optuna_trials import OpenTrial
    from tuner.supervisor.crash import Crash
    from tuner.supervisor.stop_request import StopRequest
    from tuner.trial.evaluation import Evaluation


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The micro-batch that a trainer was told, and the configuration that it has recorded."""

    #: Examples that the trainer was told to take at a time, as `Attempt.micro_batch`; None where that was left to it.
    told_micro_batch: int | None = None
    #: The effective configuration that was recorded last, in this attempt or an earlier one.
    effective: Mapping[str, Any] | None = None
    #: Seconds of this attempt before it recorded its effective configuration; None before that.
    prepared_s: float | None = None


@dataclass(kw_only=True)
class End:
    """Facts about how the attempt will end. Only the methods of `Attempt` change them."""

    #: The evaluation after which the trial was pruned, and why.
    pruned_by: Evaluation | None = None
    pruned_because: str | None = None
    #: Why the trial is to leave its lane, if it is.
    stop_request: StopRequest | None = None
    #: Whether the trainer was told to leave at its next evaluation, in case it never asks whether to save.
    is_warned: bool = False
    #: Whether the trainer was told to save and leave.
    told_to_leave: bool = False
    #: How the trial ended.
    result: TrialResult | None = None
    #: Whether the trainer still holds its best weights, and waits for the word to save them.
    is_unsaved: bool = False
    #: How the trainer ended before the trial did.
    crash: Crash | None = None


@dataclass(kw_only=True)
class Attempt:
    """A trial on a lane: its state, and the facts from which its next move follows.

    Only the main thread may change it. The state and the facts of its end change by the methods here alone, each other
    part only in the file that it names.
    """

    lane: Lane
    lease: Lease
    slot: SlotRecord
    open_trial: OpenTrial
    #: When it began, on this process's clock.
    started: float = field(default_factory=time.monotonic)
    state: AttemptState = AttemptState.RESTORING
    end: End = field(default_factory=End)
    #: The process that trains; None before it starts and after it is killed.
    trainer: Trainer | None = None
    #: Only `micro_batches.py` changes it.
    setting: Setting = field(default_factory=Setting)
    #: Only `checkpointing.py` changes it.
    saving: Saving = field(default_factory=Saving)
    #: The percent of its schedule from which on it is judged. Only `launch.py` sets it.
    target: int = LAST_STEP
    #: By step, every evaluation of every attempt. Only `receiver.py` adds to it.
    curve: dict[int, dict[str, Any]] = field(default_factory=dict)

    # ---- derived

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.open_trial.number

    @property
    def connection(self) -> Connection | None:
        """The pipe to the trainer, while there is one to listen to."""
        return None if self.trainer is None else self.trainer.connection

    @property
    def seconds(self) -> float:
        """Seconds of this attempt."""
        return time.monotonic() - self.started

    @property
    def device_s(self) -> float:
        """Seconds of a device over all attempts."""
        return self.slot.device_s + self.seconds

    @property
    def trained_s(self) -> float:
        """Seconds of training over all attempts, without the preparation of this one."""
        return self.device_s - (self.setting.prepared_s or 0.0)

    @property
    def effective(self) -> Mapping[str, Any] | None:
        """The effective configuration that was recorded last, in this attempt or an earlier one."""
        return self.open_trial.effective if self.setting.effective is None else self.setting.effective

    @property
    def has_recorded(self) -> bool:
        """Whether this attempt has recorded its effective configuration."""
        return self.setting.prepared_s is not None

    @property
    def micro_batch(self) -> int | None:
        """Examples that the trainer takes at a time; None where it has not said so.

        0 stands for one example with gradient checkpointing, the smallest step of all.
        """
        effective = self.effective or {}
        found = effective.get("micro_batch") if self.has_recorded else None
        if not isinstance(found, int) or isinstance(found, bool) or found < 1:
            return None
        return 0 if found == 1 and effective.get("gradient_checkpointing") is True else found

    @property
    def can_halve(self) -> bool:
        """Whether the trainer may do with less memory, and takes no more than it was told to.

        It may where it takes several examples at a time, or one without the gradient checkpointing that its model has.
        A trainer that takes more than it was told would do so again, and run out of memory without end.
        """
        takes, told = self.micro_batch, self.setting.told_micro_batch
        if takes is None or (told is not None and takes > told):
            return False
        return takes > 1 or (takes == 1 and (self.effective or {}).get("gradient_checkpointing") is False)

    @property
    def takes_least(self) -> bool:
        """Whether the trainer takes one example at a time, and cannot do with less memory."""
        return self.micro_batch in (0, 1) and not self.can_halve

    @property
    def evaluations(self) -> tuple[Mapping[str, Any], ...]:
        """The evaluations of all attempts, in the order of their steps."""
        return tuple(dict(entry) for _, entry in sorted(self.curve.items()))

    @property
    def last_value(self) -> float | None:
        """The value of the last evaluation over all attempts."""
        return self.curve[max(self.curve)]["value"] if self.curve else None

    def percent_of(self, optimiser_steps: int) -> int | None:
        """Return the percent of its schedule that so many optimiser steps are; None where that is not known."""
        total = self._total_steps
        return None if total is None else min(LAST_STEP, LAST_STEP * optimiser_steps // total)

    def advanced(self) -> TrialAdvanced | None:
        """Return how far training has come; None where it does not train, or does not count its steps."""
        total = self._total_steps
        if total is None or self.trainer is None or self.state is not AttemptState.TRAINING:
            return None
        counted = self.trainer.optimiser_steps
        done = self.saving.restored_optimiser_steps + counted
        return TrialAdvanced(number=self.number, done=done, total=total) if counted else None

    @property
    def _total_steps(self) -> int | None:
        total = (self.effective or {}).get("optimiser_steps")
        return total if isinstance(total, int) and total > 0 else None

    @property
    def saved_at(self) -> int | None:
        """The percent of its schedule from which it goes on, 0 without a checkpoint; None where that is not known."""
        resume = self.saving.checkpoints.resume
        return self.percent_of(resume[0].optimiser_steps) if resume else 0

    # ---- transitions, and the facts that come with them

    def enter(self, state: AttemptState) -> None:
        """Move to another state.

        Raises:
            AssertionError: There is no such transition: a defect of the supervisor.
        """
        assert is_allowed(self.state, state), f"trial {self.number}: {self.state} -> {state}"
        self.state = state

    def start(self, trainer: Trainer, *, prepares: bool) -> None:
        """Take the trainer that was started for it.

        Args:
            trainer: The process.
            prepares: Whether training records its effective configuration before its first optimiser step.
        """
        self.trainer = trainer
        self.enter(AttemptState.PREPARING if prepares else AttemptState.TRAINING)

    def note_recorded(self) -> None:
        """Note that the trainer has recorded its effective configuration, for the first time or again."""
        if self.state is AttemptState.PREPARING:
            self.enter(AttemptState.TRAINING)

    def note_pruned(self, evaluation: Evaluation, because: str | None = None) -> None:
        """Note that the trial is pruned; its trainer hears so at its next optimiser step.

        Args:
            evaluation: The evaluation after which it is.
            because: Why; None where the pruner does not say.
        """
        self.end.pruned_by, self.end.pruned_because = evaluation, because

    def ask_to_stop(self, request: StopRequest) -> None:
        """Have the trial leave its lane, unless it is known how it ends; the first request counts."""
        if self.end.stop_request is None and self.end.result is None:
            self.end.stop_request = request

    def warn(self) -> None:
        """Tell the trainer to leave at its next evaluation."""
        self.end.is_warned = True
        if self.trainer is not None:
            self.say(Leave())

    def leave(self) -> None:
        """Note that the trainer is told to save and leave."""
        self.end.told_to_leave = True
        self.enter(AttemptState.LEAVING)

    def note_left(self) -> None:
        """Note that the trainer has left, or that nothing more can be saved."""
        self.end.result = TrialResult(state=Outcome.LEFT)
        self.enter(AttemptState.LEFT)

    def crash(self, crash: Crash) -> None:
        """Note how the trainer ended before the trial did, and kill the process."""
        self.kill_trainer()
        self.end.crash = crash
        self.enter(AttemptState.CRASHED)

    def finish(self, result: TrialResult, *, is_unsaved: bool = False) -> None:
        """Note how the trial ends.

        Args:
            result: How.
            is_unsaved: Whether the trainer waits for the word to save its best weights.
        """
        self.end.result, self.end.is_unsaved, self.end.crash = result, is_unsaved, None
        self.enter(AttemptState.FINISHING)

    def note_best_written(self) -> None:
        """Note that the trainer has written its best weights, and has nothing more to give."""
        self.end.is_unsaved = False

    def kill_trainer(self) -> None:
        """End the trainer at once, if there is one."""
        if self.trainer is not None:
            self.trainer.kill()
            self.trainer = None

    def say(self, message: Answer | Leave | Save) -> None:
        """Say something to the trainer. If it is dead, its closed pipe tells the supervisor so."""
        assert self.trainer is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.trainer.connection.send(message)
