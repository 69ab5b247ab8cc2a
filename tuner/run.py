"""The values that a study's own training imports. Stored studies name modules that import from here: it stays."""

from tuner.trial.evaluation import Evaluation
from tuner.trial.run import TrialRun

__all__ = ["Evaluation", "TrialRun"]
