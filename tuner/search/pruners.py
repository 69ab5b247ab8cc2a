"""Building the pruner of a study's configuration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import assert_never

import numpy as np
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)

from tuner.study.search_config import PrunerConfig
from tuner.trial.evaluation import LAST_STEP


def make_pruner(config: PrunerConfig) -> BasePruner:
    """Build a study's pruner. Its steps are percents of a trial's schedule."""
    if config.name == "none":
        return NopPruner()
    if config.name == "successive_halving":
        return SuccessiveHalvingPruner(min_resource=config.min_resource, reduction_factor=config.reduction_factor)
    if config.name == "hyperband":
        # With `max_resource="auto"`, each process would derive other brackets from the trials that it sees.
        return HyperbandPruner(
            min_resource=config.min_resource, max_resource=LAST_STEP, reduction_factor=config.reduction_factor
        )
    common = {
        "n_startup_trials": config.n_startup_trials,
        "n_warmup_steps": config.n_warmup_steps,
        "n_min_trials": config.n_min_trials,
    }
    if config.name == "median":
        return MedianPruner(**common)
    if config.name == "percentile" or config.name == "auto":
        return PercentilePruner(config.percentile, **common)
    assert_never(config.name)


def bar_of(config: PrunerConfig, values: Sequence[float], direction: str) -> float | None:
    """Return the value that a trial needs to go on; None where the pruner compares no values, or there are none.

    Args:
        config: The pruner.
        values: Values of the complete trials at the step where the trial is judged.
        direction: `maximize` or `minimize`.
    """
    shares = {"auto": config.percentile, "percentile": config.percentile, "median": 50.0}
    kept, sound = shares.get(config.name), [value for value in values if math.isfinite(value)]
    if kept is None or not sound:
        return None
    return float(np.percentile(np.array(sound), 100.0 - kept if direction == "maximize" else kept))
