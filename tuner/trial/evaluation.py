"""An evaluation: the metric of a trial on the validation split, at one step."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

#: The step that ends every trial. A step is a percent of the trial's own schedule, so that trials of different lengths
#: compare.
LAST_STEP = 100

#: The most optimiser steps that a database's integer column holds.
MAX_STEPS = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The result of evaluating a trial's model on the validation split.

    Raises:
        ValueError: A field is not a number, the step is not from 1 to 100, or the optimiser steps are no whole number
            that can be stored.
    """

    #: Steps of a whole schedule.
    steps: ClassVar[int] = LAST_STEP

    #: The percent of the trial's schedule after which the model was evaluated, 1 to 100.
    step: int
    #: Value of the study's metric.
    value: float
    #: Epochs trained so far.
    epoch: float
    #: Optimiser steps taken so far.
    optimiser_steps: int
    #: Mean loss per example over the training since the previous evaluation.
    train_loss: float
    #: Mean loss per example over the validation split.
    validation_loss: float
    #: Learning rate of the encoder's last layer at this optimiser step, before any layer-wise decay.
    learning_rate: float
    #: Which rows of the validation split are right, as `tuner.trial.row_bits.packed` returns them; None where that is
    #: not known. Training of a study's own may leave it out.
    rows: str | None = None
    #: Values of other metrics on the validation split, by name. They are recorded, and decide nothing.
    metrics: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        step, last = self.step, self.steps
        if isinstance(step, bool) or int(step) != step or not 1 <= step <= last:
            part = "percent" if last == LAST_STEP else "tenth"
            raise ValueError(f"an evaluation's step is {step!r}; it is the {part} of the schedule, 1 to {last}")
        object.__setattr__(self, "step", int(step))
        object.__setattr__(self, "optimiser_steps", whole_steps(self.optimiser_steps))
        # Scalars of numpy and torch behave as numbers but cannot be written as JSON, so they become floats here.
        for name in ("value", "epoch", "train_loss", "validation_loss", "learning_rate"):
            object.__setattr__(self, name, float(getattr(self, name)))
        others = {str(name): float(value) for name, value in self.metrics.items()}
        object.__setattr__(self, "metrics", {name: value for name, value in others.items() if math.isfinite(value)})

    def in_percent(self) -> Evaluation:
        """Return the evaluation with its step in percent; a subclass may count otherwise."""
        if self.steps == LAST_STEP:
            return self
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return Evaluation(**{**values, "step": self.step * LAST_STEP // self.steps})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Evaluation:
        """Build an evaluation from the dictionary that `to_dict` returned."""
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return the evaluation as JSON values, without its rows: they are kept for two evaluations a trial."""
        return {
            "step": self.step,
            "value": self.value,
            "epoch": round(self.epoch, 4),
            "optimiser_steps": self.optimiser_steps,
            "train_loss": self.train_loss,
            "validation_loss": self.validation_loss,
            "learning_rate": self.learning_rate,
            **({"metrics": dict(self.metrics)} if self.metrics else {}),
        }


def whole_steps(steps: Any) -> int:
    """Return a number of optimiser steps as a Python integer, as integers of numpy and torch cannot be written as JSON.

    Raises:
        ValueError: It is not a whole number from 0 to 2**31 - 1, the range that every database can store.
    """
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        whole = -1 if isinstance(steps, bool) else int(steps)
        if 0 <= whole <= MAX_STEPS and whole == steps:
            return whole
    raise ValueError(f"{steps!r} is no number of optimiser steps; it is a whole number from 0 to {MAX_STEPS}")


def is_better(value: float, than: float | None, direction: str) -> bool:
    """Return whether a value is better than the best so far. A value that is not finite is never better."""
    if not math.isfinite(value):
        return False
    if than is None:
        return True
    return value > than if direction == "maximize" else value < than
