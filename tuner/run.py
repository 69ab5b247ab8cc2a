"""The values that a study's own training of version 0.1 imports. New ones import `Evaluation` from `tuner`.

Stored studies name modules of users that import from here, so this module and its names must stay, and its steps stay
tenths of a trial's schedule.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from tuner.trial import evaluation as in_percent
from tuner.trial.evaluation import is_better
from tuner.trial.run import TrialRun
from tuner.trial.saver import TrialStopped

__all__ = ["TENTHS", "Evaluation", "TrialRun", "TrialStopped", "is_better"]

#: Steps of every trial here.
TENTHS = 10


@dataclass(frozen=True, kw_only=True)
class Evaluation(in_percent.Evaluation):
    """The result of evaluating a trial's model. Its step is the tenth of the schedule that it ends, 1 to 10."""

    steps: ClassVar[int] = TENTHS

    @classmethod
    def of(cls, evaluation: in_percent.Evaluation) -> Evaluation:
        """Return an evaluation whose step is in percent as one whose step is in tenths."""
        values = {field.name: getattr(evaluation, field.name) for field in fields(evaluation)}
        return cls(**{**values, "step": max(1, evaluation.step * TENTHS // evaluation.steps)})
