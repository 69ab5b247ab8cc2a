"""An attempt: a trial on a lane, from the claim of its slot until it ends or is given back."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage import Checkpoints

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from storage import Lease, SlotRecord
    from tuner.machine.devices import Lane
    from tuner.processes.messages import Answer, Leave, Save
    from tuner.processes.trainers import Trainer
    from tuner.supervisor.crash import Crash
    from tuner.supervisor.ledger import OpenTrial
    from tuner.trial.evaluation import Evaluation
    from tuner.trial.result import TrialResult

#: Saving may cost at most this share of a trial's time.
SAVE_SHARE = 0.1
#: Bytes of a checkpoint for each trained parameter (weights, and two moments of AdamW), and what a disk takes in a
#: second: before the first checkpoint of a trial has been timed.
_BYTES, _BYTES_A_SECOND = 12, 200e6


@dataclass(frozen=True, kw_only=True)
class StopRequest:
    """Why a trial is to leave its lane before its end."""

    #: interrupted or paused; or failed, where it is not to go on anywhere.
    state: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class StagedBest:
    """Weights of a best evaluation that the store has not taken yet."""

    folder: Path
    evaluation: Evaluation


@dataclass(kw_only=True)
class Attempt:
    """What a supervisor knows of a trial that it holds. Only its main thread may change it."""

    lane: Lane
    lease: Lease
    slot: SlotRecord
    open_trial: OpenTrial
    #: What the database points to.
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    trainer: Trainer | None = None
    #: A folder of the store's that `trainer` reads until its first step.
    restored: Path | None = None
    started: float = field(default_factory=time.monotonic)
    #: Steps that were done before this attempt.
    restored_step: int = 0
    #: Whether its training has begun, as far as is known.
    trains: bool = False
    #: Seconds of this attempt before it recorded its effective configuration.
    prepared_s: float | None = None
    #: Examples that its trainer was told to take at a time; None where that was left to it.
    told_micro_batch: int | None = None
    #: By step, every evaluation of every attempt.
    curve: dict[int, dict[str, Any]] = field(default_factory=dict)

    # ---- what is going on
    #: Whether it has left its lane: whatever is still on its way for it counts no more.
    is_off: bool = False
    #: Whether a job of this trial's is with the store: no other may begin.
    storing: bool = False
    #: The folder that the trainer writes to, from the word to save until it says that it has.
    staged: Path | None = None
    #: When the last checkpoint was done.
    saved: float = field(default_factory=time.monotonic)
    #: Seconds that the last checkpoint took, to write it and to bring it into the store.
    save_cost_s: float | None = None
    #: Whether its best weights are in the store, and the rest of the checkpoint is to follow.
    half_saved: bool = False
    #: Whether an evaluation, or time, calls for a checkpoint.
    save_due: bool = False
    #: Best weights that a failing store has refused so far.
    refused: StagedBest | None = None
    #: When the store may be tried again.
    patient_until: float = 0.0

    # ---- what is to come
    pruned_by: Evaluation | None = None
    stop_request: StopRequest | None = None
    #: Whether the trainer was told so, in case it never asks.
    warned: bool = False
    #: Whether the trainer was told to save and leave.
    told_to_leave: bool = False
    result: TrialResult | None = None
    #: Whether the trainer still holds its best weights, and waits for the word to save them.
    unsaved: bool = False
    #: How the trainer ended before the trial did.
    crash: Crash | None = None

    @property
    def number(self) -> int:
        """The trial's number."""
        return int(self.open_trial.trial.number)

    @property
    def connection(self) -> Connection | None:
        """The pipe to the trainer, while there is one to listen to."""
        over = self.trainer is None or self.crash is not None
        return None if over or self.trainer is None else self.trainer.connection

    @property
    def seconds(self) -> float:
        """Seconds of this attempt."""
        return time.monotonic() - self.started

    @property
    def recorded(self) -> bool:
        """Whether this attempt has recorded its effective configuration."""
        return self.prepared_s is not None

    @property
    def device_s(self) -> float:
        """Seconds of a device over all attempts."""
        return self.slot.device_s + self.seconds

    @property
    def micro_batch(self) -> int | None:
        """Examples that its trainer takes at a time; None where it has not said so."""
        found = (self.open_trial.effective or {}).get("micro_batch") if self.recorded else None
        return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None

    @property
    def can_halve(self) -> bool:
        """Whether fewer examples at a time may fit: it takes several, and no more than it was told to.

        A trainer that takes more than it was told would do so again, and run out of memory without end.
        """
        takes, told = self.micro_batch, self.told_micro_batch
        return takes is not None and takes > 1 and (told is None or takes <= told)

    @property
    def last(self) -> float | None:
        """The value of its last evaluation over all attempts."""
        return self.curve[max(self.curve)]["value"] if self.curve else None

    @property
    def is_busy(self) -> bool:
        """Whether a checkpoint is on its way."""
        return self.storing or self.staged is not None

    def say(self, message: Answer | Leave | Save) -> None:
        """Say something to the trainer; one that is gone is noticed by the end of its pipe."""
        assert self.trainer is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.trainer.connection.send(message)

    def cost_s(self, least_s: float) -> float:
        """Return the seconds that a checkpoint takes, as far as is known; without one of its own, so many at least."""
        if self.save_cost_s is not None:
            return self.save_cost_s
        parameters = (self.open_trial.effective or {}).get("trainable_parameters", 0)
        return max(least_s, float(parameters) * _BYTES / _BYTES_A_SECOND if isinstance(parameters, int) else 0.0)

    def wants_save(self, every_s: float, *, least_s: float) -> bool:
        """Return whether a checkpoint is due: after an evaluation, or after so many seconds; and affordable.

        Args:
            every_s: Seconds after which one is due.
            least_s: Seconds that a checkpoint takes, whatever is in it.
        """
        now = time.monotonic()
        if self.trainer is None or not self.trains or self.pruned_by is not None or now < self.patient_until:
            return False
        since = now - self.saved
        due = since >= every_s or self.save_due
        return due and since * SAVE_SHARE >= min(self.cost_s(least_s), every_s * SAVE_SHARE)
