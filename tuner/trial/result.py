"""How a trial ended."""

from __future__ import annotations

from dataclasses import dataclass

#: Constraints that a trial can violate.
DIVERGED, OUT_OF_MEMORY, OVER_TIME = "diverged", "out_of_memory", "time"


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
