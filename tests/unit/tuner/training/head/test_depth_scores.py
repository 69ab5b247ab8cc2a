from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from tuner.training.head.depth_scores import ROWS, accuracy, depth_scores, depths_to_score, logme


def features(apart: float, *, rows: int = 120, classes: int = 4, width: int = 16) -> tuple[Any, Any]:
    """Return features whose classes are so far apart, in standard deviations."""
    rng = np.random.default_rng(1)
    told = np.arange(rows) % classes
    return rng.standard_normal((rows, width)) + apart * rng.standard_normal((classes, width))[told], told


def test_the_further_apart_classes_are_the_higher_are_both_scores() -> None:
    made = [features(apart) for apart in (0.0, 0.3, 1.0, 3.0)]
    for score in (accuracy, logme):
        found = [score(*each) for each in made]
        assert found == sorted(found), score.__name__
    assert accuracy(*made[0]) == pytest.approx(0.25, abs=0.15), "guessing"
    assert accuracy(*made[3]) == 1.0


def test_logme_is_the_evidence_of_a_bayesian_regression_that_scikit_learn_fits_too() -> None:
    from sklearn.linear_model import BayesianRidge

    states, classes = features(1.0)
    told = []
    for each in range(4):
        ridge = BayesianRidge(
            alpha_1=0,
            alpha_2=0,
            lambda_1=0,
            lambda_2=0,
            max_iter=1000,
            tol=1e-9,
            fit_intercept=False,
            compute_score=True,
        )
        told.append(ridge.fit(states, (classes == each).astype(float)).scores_[-1] / len(classes))
    assert logme(states, classes) == pytest.approx(float(np.mean(told)), abs=1e-3)


class Passes:
    """Forward passes whose states tell the more the more layers they have passed."""

    def __init__(self, targets: torch.Tensor) -> None:
        self._targets = targets

    def targets(self, split: str, rows: Any) -> torch.Tensor:
        assert len(rows) <= ROWS
        return self._targets[torch.as_tensor(rows)]

    def mean_states(self, split: str, rows: Any, depths: list[int]) -> dict[int, Any]:
        told = self._targets.numpy()[rows]
        rng = np.random.default_rng(2)
        return {depth: rng.standard_normal((len(rows), 8)) + depth * np.eye(8)[told % 8] for depth in depths}


def scores(targets: list[float], dtype: torch.dtype = torch.int64) -> list[dict[str, float]]:
    passes = cast(Any, Passes(torch.tensor(targets, dtype=dtype)))
    rows = np.arange(len(targets))
    return [each.to_dict() for each in depth_scores(passes, rows, (0.0, 0.5, 1.0), 4)]


def test_each_depth_that_a_trial_may_freeze_has_its_scores() -> None:
    found = scores([number % 3 for number in range(600)])
    assert [each["frozen"] for each in found] == [0.5, 1.0]
    assert found[0]["accuracy"] < found[1]["accuracy"]
    assert all(math.isfinite(each["logme"]) for each in found)


def test_rare_classes_are_left_out_and_targets_that_are_no_classes_have_no_scores() -> None:
    assert len(scores([0, 1] * 30 + [2])) == 2
    assert scores([0.5] * 30, torch.float32) == []
    assert scores([0] * 30) == []


def test_depths_that_come_to_the_same_layers_are_scored_once() -> None:
    assert depths_to_score((0.0, 0.25, 0.5, 0.75, 1.0), 6) == {2: 0.25, 3: 0.5, 5: 0.75, 6: 1.0}
    assert depths_to_score((0.1, 1.0), 2) == {2: 1.0}


def test_the_scores_are_the_same_twice() -> None:
    assert SimpleNamespace(a=scores([0, 1] * 30)) == SimpleNamespace(a=scores([0, 1] * 30))


@pytest.mark.parametrize("scale", [0.0, 1e-9, 1e9])
def test_features_that_tell_nothing_or_are_out_of_scale_have_a_finite_score_or_none(scale: float) -> None:
    states, classes = features(0.5)
    assert math.isfinite(logme(scale * states, classes)) or scale == 0.0
    passes = Passes(torch.tensor(classes))
    passes.mean_states = lambda _, rows, depths: dict.fromkeys(depths, scale * states[rows])  # type: ignore[method-assign]
    found = depth_scores(cast(Any, passes), np.arange(len(classes)), (1.0,), 4)
    assert len(found) == (1 if scale else 0)
