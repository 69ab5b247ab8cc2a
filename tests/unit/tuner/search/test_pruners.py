from __future__ import annotations

from typing import Any

import optuna
import pytest

from tuner.search.pruners import bar_of, make_pruner
from tuner.study.search_config import PrunerConfig

CASES: list[dict[str, Any]] = [
    {"name": "percentile", "percentile": 75},
    {"name": "percentile", "percentile": 30},
    {"name": "median"},
    {"name": "auto"},
]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
@pytest.mark.parametrize("document", CASES, ids=lambda case: "-".join(str(value) for value in case.values()))
def test_the_bar_is_the_one_that_optuna_prunes_by(document: dict[str, Any], direction: str) -> None:
    config = PrunerConfig.model_validate(document)
    values = [0.11, 0.23, 0.34, 0.55, 0.62, 0.71, 0.9]
    study = optuna.create_study(direction=direction, pruner=make_pruner(config))
    for value in values:
        complete = study.ask()
        complete.report(value, 20)
        study.tell(complete, value)
    bar = bar_of(config, values, direction)
    assert bar is not None
    for difference, is_pruned in ((0.01, direction == "minimize"), (-0.01, direction == "maximize")):
        trial = study.ask()
        trial.report(bar + difference, 20)
        assert trial.should_prune() == is_pruned
        study.tell(trial, state=optuna.trial.TrialState.FAIL)


def test_pruners_that_rank_trials_have_no_bar_and_neither_has_a_study_without_complete_trials() -> None:
    for name in ("none", "successive_halving", "hyperband"):
        assert bar_of(PrunerConfig(name=name), [0.5], "maximize") is None
    assert bar_of(PrunerConfig(), [], "maximize") is None
    assert bar_of(PrunerConfig(), [float("nan")], "maximize") is None
