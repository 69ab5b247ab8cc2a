"""The result of a trial, as its trainer reports it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: Label of the reason of a trial that has taken over the values of another one.
TWIN = "twin"


class Outcome(StrEnum):
    """How an attempt at a trial ended, as its trainer saw it."""

    #: Trained to the end of its schedule, or stopped early because it no longer improved.
    COMPLETE = "complete"
    #: Stopped because other trials were better, or because it violates a constraint.
    PRUNED = "pruned"
    #: Ended by an error.
    FAILED = "failed"
    #: Saved, to be continued by a later attempt.
    LEFT = "left"


class Verdict(StrEnum):
    """The answer of a supervisor to an evaluation."""

    #: The trial goes on.
    GO_ON = "go on"
    #: The trial is over: others are better.
    PRUNED = "pruned"
    #: The trial is put aside: training waits for the word to save, and leaves after it.
    SHELVED = "shelved"


class Constraint(StrEnum):
    """A constraint that a trial can violate. Optuna's samplers learn from violations to avoid such points."""

    #: A loss, a gradient or a metric was not finite.
    DIVERGED = "diverged"
    #: The trial does not fit in memory even with one example per forward pass.
    OUT_OF_MEMORY = "out_of_memory"
    #: The trial takes longer than `budget.trial_time`.
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
    #: The constraint that a pruned trial violates; None where it violates none.
    avoid: Constraint | None = None
    #: Traceback of the error that ended the trial, for debugging; None without an error.
    traceback: str | None = None
