"""Which looks the trials of a study have: at which percents of its schedule each one is evaluated.

They are the same for all trials. With more looks at one trial than at another, the first would more often be worth a
high value by chance: a trial is worth its best evaluation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_spaces import Hyperparameters
from tuner.trial.evaluation import LAST_STEP
from tuner.trial.length import optimiser_steps_at, total_optimiser_steps, warmup_optimiser_steps
from tuner.trial.looks import LOOKS, affordable_looks
from tuner.trial.rungs import first_rungs, ladder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from search_spaces import SearchSpace
    from tuner.study.config import StudyConfig
    from tuner.study.prepared import Prepared

#: Fewer optimiser steps tell nothing about a trial, nor does a part of its warm-up.
LEAST_STEPS = 20
#: The percent from which the trials of a search over depths are evaluated.
FIRST_LOOK = 16


def looks_of(
    config: StudyConfig,
    prepared: Prepared | None,
    first_point: Mapping[str, Any],
    space: SearchSpace,
    *,
    over_depths: bool = False,
) -> tuple[int, ...]:
    """Return the percents after which every trial of a study is evaluated.

    Where trials are put aside at rungs, these are the looks, from the lowest first rung on that any trial of the space
    may be put aside at. Otherwise the study's `evaluations` is a number of looks, or `auto`: as many as the first trial
    can afford.

    Args:
        config: The study.
        prepared: The data; None where the study has its own training function, which may evaluate at other percents.
        first_point: The values of trial 0.
        space: The search space.
        over_depths: Whether the study is a search over depths.
    """
    if config.has_rungs:
        eta = config.search.eta
        if over_depths:
            return tuple(look for look in ladder(first_rungs(eta)[-1], eta) if look >= FIRST_LOOK)
        *lower, surest = first_rungs(eta)
        if prepared is None:
            return ladder(surest, eta)
        rows = prepared.sizes["train"]
        longest = max(first_rung(corner, rows, (*lower, surest, LAST_STEP)) for corner in space.corners())
        return ladder(min(longest, surest), eta)
    if config.evaluations != "auto":
        return LOOKS[config.evaluations]
    if prepared is None:
        return LOOKS[10]
    hyperparameters = Hyperparameters.from_values(first_point)
    frozen = hyperparameters.frozen_layers
    return affordable_looks(
        train_tokens=prepared.tokens["train"],
        validation_tokens=prepared.tokens["validation"],
        epochs=hyperparameters.num_train_epochs,
        # Gradual unfreezing ends with all layers trained.
        trained_share=1.0 if isinstance(frozen, str) else 1.0 - frozen,
    )


def put_aside_at(looks: Sequence[int]) -> Sequence[int]:
    """Return the looks at which a search over depths may put trials aside, and their end: the last one before it alone.

    Such a search has few trials, and they begin in different ways. While the rate is near its peak their values tell
    nothing of how they end: in benchmarks/depths the rank correlation with the final value is -0.1 to 0.5 at the first
    rung of halving, and -0.1 to 0.9 at 32 %, but 0.7 to 1.0 at 64 %.
    """
    return looks[-2:]


def first_rung(hyperparameters: Hyperparameters, rows: int, looks: Sequence[int]) -> int:
    """Return the look at which a trial may first be put aside: after its warm-up, and not before 20 optimiser steps.

    Args:
        hyperparameters: The trial's.
        rows: Training examples.
        looks: Percents of a schedule, in order; the last is 100.
    """
    total = total_optimiser_steps(rows, hyperparameters.batch_size, hyperparameters.num_train_epochs)
    least = max(LEAST_STEPS, warmup_optimiser_steps(hyperparameters, total))
    return next((look for look in looks if optimiser_steps_at(look, total) >= least), LAST_STEP)
