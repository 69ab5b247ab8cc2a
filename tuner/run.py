"""The values that pass between a supervisor and its trainers. No torch: both sides import them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search_spaces import Hyperparameters

#: Evaluations are counted in tenths of the trial's own schedule, so that trials of other lengths compare.
TENTHS = 10


def _ignore(_: Mapping[str, Any]) -> None:
    """Record nothing."""


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """A pretrained model, where this machine finds it."""

    #: Folder, or hub id.
    location: str
    #: Commit, for a hub id.
    revision: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrialRun:
    """Everything that one trial's training depends on."""

    #: The trial's number; 0 for runs outside of a study.
    number: int
    hyperparameters: Hyperparameters
    task: str
    model: ModelSource
    #: Folder of the prepared data.
    data: Path
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
    #: Examples per forward pass; a larger batch is accumulated. None chooses by device.
    micro_batch: int | None = None
    #: Folder for the best weights; None keeps none.
    output: Path | None = None
    #: Stop after this many optimiser steps and use this many rows: for smoke runs.
    max_steps: int | None = None
    max_rows: int | None = None
    #: Called once, before the first step, with the effective configuration.
    record: Callable[[Mapping[str, Any]], None] = _ignore


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One look at the validation split."""

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

    #: complete, pruned or failed.
    state: str
    #: The best evaluation's value of a complete trial, the last one's of any other; None without one.
    value: float | None = None
    #: The last evaluation's value, where the trial ran to its end.
    final_value: float | None = None
    #: The step of the best evaluation.
    best_step: int | None = None
    #: Why it ended before its schedule did, in a line that begins with a label.
    reason: str | None = None
    #: Whether the sampler should learn to keep away from such a point.
    avoid: bool = False
    #: For people who debug.
    traceback: str | None = None


def is_better(value: float, than: float | None, direction: str) -> bool:
    """Return whether a value beats the best so far; NaN beats nothing."""
    if than is None:
        return value == value  # NaN differs from itself
    return value > than if direction == "maximize" else value < than
