"""The result of a trial, as its trainer reports it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How training ended."""

    #: Trained to its end, or stopped early as it no longer improved.
    COMPLETE = "complete"
    #: Stopped because others were better, or because it violates a constraint.
    PRUNED = "pruned"
    #: Ended by an error.
    FAILED = "failed"
    #: Saved, to go on in a later attempt.
    LEFT = "left"


class Constraint(StrEnum):
    """What a trial can violate. Optuna's samplers learn from it to keep away from such points."""

    #: A loss, a gradient or a metric was no finite number.
    DIVERGED = "diverged"
    #: It does not fit in memory, one example at a time.
    OUT_OF_MEMORY = "out_of_memory"
    #: It takes longer than `budget.trial_time`.
    OVER_TIME = "time"


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """How a trial ended, as its trainer saw it."""

    state: Outcome
    #: Value of the best evaluation where the trial is complete, otherwise of the last evaluation; None without any.
    value: float | None = None
    #: Value of the last evaluation; None without any.
    final_value: float | None = None
    #: The step of the best evaluation.
    best_step: int | None = None
    #: Why the trial ended before the end of its schedule: one line that begins with a label; None where it did not.
    reason: str | None = None
    #: The constraint that a pruned trial violates. From it the sampler learns to avoid such points.
    avoid: Constraint | None = None
    #: Traceback of the error that ended the trial, for debugging; None without an error.
    traceback: str | None = None
