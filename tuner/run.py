"""The values that a study's own training imports.

Stored studies name modules of users that import from here, so this module and its names must stay.
"""

from tuner.trial.evaluation import Evaluation
from tuner.trial.run import TrialRun

__all__ = ["Evaluation", "TrialRun"]
