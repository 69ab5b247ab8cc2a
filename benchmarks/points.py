"""What systems are given to train: points of a study's search space, drawn once, and its data, encoded once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search_spaces import SearchSpace
    from tuner.study.config import StudyConfig
    from tuner.study.prepared import PreparationRequest, Prepared
    from tuner.trial.run import ModelSource

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

    from tuner.study.setup import resolve
    from tuner.study.study_file import parse_config

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


def request_of(study: dict[str, Any], cache: str) -> tuple[StudyConfig, ModelSource, SearchSpace, PreparationRequest]:
    """Return a study's configuration, its model and its space, and what is to be prepared for it.

    Args:
        study: The content of a study file.
        cache: Folder for the encoded data.
    """
    from tuner.study.setup import preparation_request, resolve
    from tuner.study.study_file import parse_config

    config = parse_config(study, source="a benchmark", folder=Path())
    model, _, space = resolve(config, source="a benchmark")
    assert model is not None
    request = replace(preparation_request(config, model), cache=Path(cache))
    return config, model, space, request


def prepare_study(study: dict[str, Any], cache: str) -> tuple[StudyConfig, ModelSource, SearchSpace, Prepared]:
    """Encode a study's data.

    Args:
        study: The content of a study file.
        cache: Folder for the encoded data.

    Returns:
        Its configuration, model and space, and what preparation found.
    """
    from tuner.training.preparation import prepare

    config, model, space, request = request_of(study, cache)
    return config, model, space, prepare(request)
