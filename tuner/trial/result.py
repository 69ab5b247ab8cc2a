"""How a trial ended."""

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
    #: The best evaluation's value of a complete trial, the last one's of any other; None without one.
    value: float | None = None
    #: The last evaluation's value, where the trial ran to its end.
    final_value: float | None = None
    #: The step of the best evaluation.
    best_step: int | None = None
    #: Why it ended before its schedule did, in a line that begins with a label.
    reason: str | None = None
    #: Of a pruned trial: the constraint that it violates.
    avoid: Constraint | None = None
    #: For people who debug.
    traceback: str | None = None
