"""The values that a study's own training imports.

Stored studies name modules of users that import from here, so this module and its names must stay.
"""

from tuner.trial.evaluation import TENTHS, Evaluation, is_better
from tuner.trial.run import TrialRun
from tuner.trial.saver import TrialStopped

__all__ = ["TENTHS", "Evaluation", "TrialRun", "TrialStopped", "is_better"]
