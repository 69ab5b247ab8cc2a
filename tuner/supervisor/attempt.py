"""An attempt: a trial on a lane, from the claim of its slot until the trial ends or is given back."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tuner.supervisor.attempt_state import AttemptState
from tuner.supervisor.saving import Saving

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.connection import Connection

    from storage import Lease, SlotRecord
    from tuner.machine.devices import Lane
    from tuner.processes.messages import Answer, Leave, Save
    from tuner.processes.trainers import Trainer
    from tuner.search.optuna_trials import OpenTrial
    from tuner.supervisor.crash import Crash
    from tuner.supervisor.stop_request import StopRequest
    from tuner.trial.evaluation import Evaluation
    from tuner.trial.result import TrialResult


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a trainer was told of memory, and what it has recorded. Only `micro_batches.py` changes it."""

    #: Examples that the trainer was told to take at a time; None where that was left to it.
    told_micro_batch: int | None = None
    #: The effective configuration that was recorded last, in this attempt or an earlier one.
    effective: Mapping[str, Any] | None = None
    #: Seconds of this attempt before it recorded its effective configuration; None before that.
    prepared_s: float | None = None


@dataclass(kw_only=True)
class End:
    """What is known of how the attempt will end. Only `lifecycle.py` changes it."""

    #: The evaluation after which the pruner ended the trial.
    pruned_by: Evaluation | None = None
    #: Why the trial is to leave its lane, if it is.
    stop_request: StopRequest | None = None
    #: Whether the trainer was told so, in case it never asks whether to save.
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
    """A trial that a supervisor holds. Only its main thread may change it, and each part only in the file it names."""

    lane: Lane
    lease: Lease
    slot: SlotRecord
    open_trial: OpenTrial
    #: When it began, on this process's clock.
    started: float = field(default_factory=time.monotonic)
    #: `lifecycle.py` alone changes it, by transitions that `attempt_state.py` allows.
    state: AttemptState = AttemptState.RESTORING
    #: The process that trains; None before it starts and after it is killed. Changed by the two methods here alone.
    trainer: Trainer | None = None
    setting: Setting = field(default_factory=Setting)
    saving: Saving = field(default_factory=Saving)
    end: End = field(default_factory=End)
    #: By step, every evaluation of every attempt. Only `receiver.py` adds to it.
    curve: dict[int, dict[str, Any]] = field(default_factory=dict)

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
    def effective(self) -> Mapping[str, Any] | None:
        """The effective configuration that was recorded last, in this attempt or an earlier one."""
        return self.open_trial.effective if self.setting.effective is None else self.setting.effective

    @property
    def has_recorded(self) -> bool:
        """Whether this attempt has recorded its effective configuration."""
        return self.setting.prepared_s is not None

    @property
    def micro_batch(self) -> int | None:
        """Examples that the trainer takes at a time; None where it has not said so."""
        found = (self.effective or {}).get("micro_batch") if self.has_recorded else None
        return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None

    @property
    def can_halve(self) -> bool:
        """Whether the trainer takes several examples at a time, and no more than it was told to.

        A trainer that takes more than it was told would do so again, and run out of memory without end.
        """
        takes, told = self.micro_batch, self.setting.told_micro_batch
        return takes is not None and takes > 1 and (told is None or takes <= told)

    @property
    def last_value(self) -> float | None:
        """The value of the last evaluation over all attempts."""
        return self.curve[max(self.curve)]["value"] if self.curve else None

    def start_trainer(self, trainer: Trainer) -> None:
        """Take a trainer that was started for this attempt."""
        self.trainer = trainer

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
