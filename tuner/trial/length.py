"""The length of a trial in optimiser steps, from its hyperparameters and the number of its training examples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tuner.trial.evaluation import LAST_STEP

if TYPE_CHECKING:
    from search_spaces import Hyperparameters


def optimiser_steps_per_epoch(examples: int, batch_size: int) -> int:
    """Return the optimiser steps of an epoch; the last batch may be smaller."""
    return math.ceil(examples / batch_size)


def total_optimiser_steps(examples: int, batch_size: int, epochs: float) -> int:
    """Return the optimiser steps of a trial."""
    # The rounding keeps 0.1 * 30 from becoming 4.
    return max(1, math.ceil(round(epochs * optimiser_steps_per_epoch(examples, batch_size), 6)))


def warmup_optimiser_steps(hyperparameters: Hyperparameters, total: int) -> int:
    """Return the optimiser steps of a trial's warm-up, rounded as transformers' Trainer rounds them."""
    if hyperparameters.lr_scheduler_type == "constant":
        return 0
    return math.ceil(total * hyperparameters.warmup_ratio)


def optimiser_steps_at(percent: int, total: int) -> int:
    """Return the optimiser steps after which a trial has gone through a percent of its schedule."""
    return -(-total * percent // LAST_STEP)
