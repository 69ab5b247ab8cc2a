"""Points of a study's search space, drawn once and given to every system that is compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

#: What all points have beside the searched names: the same rate for head and encoder, so that others can have it too.
EQUAL_RATES = {"head_learning_rate_factor": 1.0}


def draw_points(study: dict[str, Any], count: int, seed: int) -> list[dict[str, Any]]:
    """Return points of a study's space, drawn at random.

    Args:
        study: The content of a study file.
        count: How many.
        seed: Decides them.
    """
    import optuna

    from tuner.config import parse_config
    from tuner.setup import resolve

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    config = parse_config(study, source="a benchmark", folder=Path())
    _, _, space = resolve(config, source="a benchmark")
    drawn = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    points = []
    for _ in range(count):
        trial = drawn.ask()
        space.suggest(trial)
        points.append(dict(trial.params))
    return points
