"""An evaluation: one look at the validation split."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Evaluations are counted in tenths of the trial's own schedule, so that trials of other lengths compare.
TENTHS = 10


#: The most steps that a database's integer holds.
MAX_STEPS = 2**31 - 1


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
