"""The values that pass between a supervisor and its trainers. No torch: both sides import them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from search_spaces import Hyperparameters

#: Evaluations are counted in tenths of the trial's own schedule, so that trials of other lengths compare.
TENTHS = 10

#: The most steps that a database's integer holds.
MAX_STEPS = 2**31 - 1

#: Constraints that a trial can violate.
DIVERGED, OUT_OF_MEMORY, OVER_TIME = "diverged", "out_of_memory", "time"


#: Writes files into an empty folder.
Write: TypeAlias = Callable[[Path], None]


def _ignore(_: Mapping[str, Any]) -> None:
    """Record nothing."""


class TrialStopped(BaseException):
    """Ends training from within, wherever the trial is asked whether to save.

    No `Exception`: code that goes on after any error must not go on after this one.

    Attributes:
        state: `pruned`, or `left` where the trial goes on elsewhere.
    """

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class Saver(Protocol):
    """Where a trial saves itself while it trains, so that it can go on elsewhere.

    Training asks `wanted` at every step and calls `save` when it says so; it never decides itself how often.
    """

    def wanted(self) -> bool:
        """Return whether the trial should be saved now. Costs microseconds.

        Raises:
            TrialStopped: The trial is to end here.
        """

    def save(self, step: int, write: Write) -> None:
        """Save where the trial is.

        Args:
            step: Steps done so far; the files belong to the moment after it.
            write: Writes everything that training needs to go on from here, bit for bit.

        Raises:
            ValueError: The steps are no whole number from 0 to 2**31 - 1.
            TrialStopped: The trial is saved and goes on elsewhere.
        """

    def keep(self, evaluation: Evaluation, write: Write) -> None:
        """Take the weights of the best evaluation so far.

        Args:
            evaluation: The evaluation.
            write: Writes the weights. It is called later, at the next save or at the trial's end, and must hold what
                it needs until then.
        """

    @property
    def leaving(self) -> bool:
        """Whether the trial is about to be moved: what takes long, such as an evaluation, may be broken off.

        False again once the trial is saved.
        """


class NoSaver:
    """Saves nothing: for runs outside of a study."""

    leaving = False

    def wanted(self) -> bool:
        """Never."""
        return False

    def save(self, step: int, write: Write) -> None:
        """Do nothing."""

    def keep(self, evaluation: Evaluation, write: Write) -> None:
        """Do nothing."""


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """A pretrained model, where this machine finds it."""

    #: Folder, or hub id.
    location: str
    #: Commit, for a hub id.
    revision: str | None = None
    #: Whether code that it brings along may run; then the commit is named in full.
    trust_remote_code: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """What every `from_pretrained` of it is told besides where it is."""
        if not self.trust_remote_code:
            return {"revision": self.revision, "trust_remote_code": False}
        # Code may lie in another repository than the weights, which has no such commit: then it is not loaded.
        return {"revision": self.revision, "code_revision": self.revision, "trust_remote_code": True}


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Which of the techniques that make training cheaper are used. A trial learns the same with and without them."""

    #: What frozen layers make of each example is computed once for all trials of the machine.
    trunk_cache: bool = True
    #: Where the head reads one token, the last layer is computed for that token alone. Its dropout is then drawn for
    #: that token alone.
    one_token: bool = True
    #: A batch is parted into forward passes of examples of alike length, where else it is cut as it comes.
    length_grouping: bool = True


@dataclass(frozen=True, kw_only=True)
class TrunkHome:
    """Where this machine keeps what frozen layers have made of a study's examples, and what that depends on."""

    #: Folder of the cache, for all studies.
    folder: Path
    #: Fingerprint of the pretrained weights.
    weights: str
    #: What the study may freeze: shares of the layers, or `gradual`.
    shares: tuple[float | str, ...]
    #: Bytes that the cache may take; None is a share of what the disk has left.
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class TrialRun:
    """Everything that one trial's training depends on."""

    #: The trial's number; 0 for runs outside of a study.
    number: int
    hyperparameters: Hyperparameters
    task: str
    #: None where a study trains with a function of its own and names no model.
    model: ModelSource | None
    #: Folder of the prepared data; for a function of the study's own, its data source as found here, or None.
    data: Path | None
    metric: str
    #: `maximize` or `minimize`.
    direction: str
    seed: int
    #: auto, fp32, bf16 or fp16.
    precision: str = "auto"
    lr_scheduler_kwargs: Mapping[str, float] = field(default_factory=dict)
    #: Evaluations without a better one after which the trial ends; None never ends it.
    patience: int | None = None
    #: 10, 5, 2, 1 or `auto`.
    evaluations: int | str = "auto"
    #: Threads of the processor for tensor operations; None leaves the library's default.
    threads: int | None = None
    #: Examples per forward pass; a larger batch is accumulated. None chooses by device. It is what an earlier attempt
    #: has recorded, or what is known to fit: of more than that some trial ran out of memory.
    micro_batch: int | None = None
    #: What an earlier attempt has saved, as `save` wrote it; None begins at the beginning.
    restored: Path | None = None
    #: Evaluations that earlier attempts have reported, in order.
    earlier: tuple[Evaluation, ...] = ()
    saver: Saver = field(default_factory=NoSaver)
    speed: Speed = field(default_factory=Speed)
    #: None keeps nothing of what frozen layers make: each trial computes it anew.
    trunk: TrunkHome | None = None
    #: Stop after this many optimiser steps and use this many rows: for smoke runs.
    max_steps: int | None = None
    max_rows: int | None = None
    #: Called before the first step with the effective configuration, and again where it has changed: with a smaller
    #: `micro_batch`, what was larger did not fit in memory.
    record: Callable[[Mapping[str, Any]], None] = _ignore


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One look at the validation split.

    Raises:
        ValueError: A number is none, the step no tenth, or the steps are no whole number that can be stored.
    """

    #: The tenth of the trial's schedule that it ends, 1 to 10.
    step: int
    #: The metric of the study.
    value: float
    #: Epochs and optimiser steps trained so far.
    epoch: float
    optimiser_steps: int
    #: Mean loss per example over the training since the evaluation before.
    train_loss: float
    #: Mean loss per example over the validation split.
    validation_loss: float
    #: Rate of the encoder's last layer at this step, before any layer-wise decay.
    learning_rate: float

    def __post_init__(self) -> None:
        step = self.step
        if isinstance(step, bool) or int(step) != step or not 1 <= step <= TENTHS:
            raise ValueError(f"an evaluation's step is {step!r}; it is the tenth that it ends, 1 to {TENTHS}")
        object.__setattr__(self, "step", int(step))
        object.__setattr__(self, "optimiser_steps", whole_steps(self.optimiser_steps))
        # Numbers of numpy's and torch's look like numbers until they are to be stored.
        for name in ("value", "epoch", "train_loss", "validation_loss", "learning_rate"):
            object.__setattr__(self, name, float(getattr(self, name)))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Evaluation:
        """Build from what `to_dict` returned."""
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return the evaluation as JSON values."""
        return {
            "step": self.step,
            "value": self.value,
            "epoch": round(self.epoch, 4),
            "optimiser_steps": self.optimiser_steps,
            "train_loss": self.train_loss,
            "validation_loss": self.validation_loss,
            "learning_rate": self.learning_rate,
        }


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """How a trial ended, as its trainer saw it."""

    #: complete, pruned, failed, or left: to go on elsewhere.
    state: str
    #: The best evaluation's value of a complete trial, the last one's of any other; None without one.
    value: float | None = None
    #: The last evaluation's value, where the trial ran to its end.
    final_value: float | None = None
    #: The step of the best evaluation.
    best_step: int | None = None
    #: Why it ended before its schedule did, in a line that begins with a label.
    reason: str | None = None
    #: Of a pruned trial: the constraint that it violates, by which the sampler learns to keep away from such a point.
    avoid: str | None = None
    #: For people who debug.
    traceback: str | None = None


def whole_steps(steps: Any) -> int:
    """Return a number of steps as an integer of Python's: numpy's and torch's are no JSON.

    Raises:
        ValueError: It is no whole number from 0 to 2**31 - 1, which is what every database holds.
    """
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        whole = -1 if isinstance(steps, bool) else int(steps)
        if 0 <= whole <= MAX_STEPS and whole == steps:
            return whole
    raise ValueError(f"{steps!r} is no number of steps; it is a whole number from 0 to {MAX_STEPS}")


def is_better(value: float, than: float | None, direction: str) -> bool:
    """Return whether a value beats the best so far; what is no finite number beats nothing."""
    if not math.isfinite(value):
        return False
    if than is None:
        return True
    return value > than if direction == "maximize" else value < than
