from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from tuner.training.tasks import get_task
from tuner.training.tasks.base import Predictions
from tuner.training.tasks.classification import METRICS


def score(metric: str, logits: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], loss: float) -> float:
    predictions = Predictions(outputs=torch.from_numpy(logits), targets=torch.from_numpy(labels))
    return get_task("text-classification").score(metric, predictions, loss)


def logits(*rows: tuple[float, ...]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.asarray(rows, dtype=np.float32)


LABELS = np.array([0, 0, 0, 1, 1])
#: Right, right, wrong, right, wrong.
BINARY = logits((2, 1), (3, 0), (0, 1), (-1, 1), (1, 0))


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("accuracy", 3 / 5),
        ("f1_macro", (2 / 3 + 1 / 2) / 2),
        ("f1_weighted", (3 * 2 / 3 + 2 * 1 / 2) / 5),
        # Of the 3 × 2 pairs of a 0 and a 1, those where the 1 has the larger difference of logits (-1, -3 and 1 against
        # 2 and -1); a tie counts a half.
        ("roc_auc", (3 + 1 + 0.5) / 6),
        ("matthews", (2 * 1 - 1 * 1) / math.sqrt(3 * 3 * 2 * 2)),
        ("loss", 0.25),
    ],
)
def test_the_values_that_a_hand_computes(metric: str, value: float) -> None:
    assert score(metric, BINARY, LABELS, 0.25) == pytest.approx(value)


def test_every_metric_of_the_study_file_has_a_value() -> None:
    assert {metric: math.isfinite(score(metric, BINARY, LABELS, 0.5)) for metric in METRICS} == dict.fromkeys(
        METRICS, True
    )


SCIKIT: dict[str, Callable[[Any, Any], float]] = {
    "accuracy": metrics.accuracy_score,
    "f1_macro": lambda labels, predicted: metrics.f1_score(labels, predicted, average="macro", zero_division=0.0),
    "f1_weighted": lambda labels, predicted: metrics.f1_score(labels, predicted, average="weighted", zero_division=0.0),
    "matthews": metrics.matthews_corrcoef,
}


@pytest.mark.parametrize("metric", SCIKIT)
@given(seed=st.integers(0, 1000), classes=st.integers(2, 5))
def test_predictions_are_scored_as_scikit_learn_scores_them(metric: str, seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(30, classes)).astype(np.float32)
    labels = np.concatenate([np.arange(classes), rng.integers(classes, size=30 - classes)])
    assert score(metric, scores, labels, 0.0) == SCIKIT[metric](labels, np.argmax(scores, axis=1))


def test_the_curve_of_several_classes_is_the_mean_of_one_against_the_rest() -> None:
    rng = np.random.default_rng(4)
    scores = rng.normal(size=(40, 3)).astype(np.float32)
    labels = rng.integers(3, size=40)
    probabilities = np.exp(scores.astype(np.float64))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    each = [metrics.roc_auc_score(labels == number, probabilities[:, number]) for number in range(3)]
    assert score("roc_auc", scores, labels, 0.0) == pytest.approx(sum(each) / 3)


def test_the_curve_of_large_logits_is_not_lost_in_rounding() -> None:
    scores = logits((0, 100), (0, 101), (0, 102), (0, 103))
    assert score("roc_auc", scores, np.array([0, 0, 1, 1]), 0.0) == 1.0


@pytest.mark.parametrize("metric", [metric for metric in METRICS if metric != "loss"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_logits_that_are_no_numbers_have_no_score(metric: str, bad: float) -> None:
    scores = BINARY.copy()
    scores[2, 1] = bad
    assert math.isnan(score(metric, scores, LABELS, math.nan))


def test_a_class_that_is_never_predicted_counts_as_0() -> None:
    scores = logits((1, 0), (1, 0), (1, 0), (1, 0), (1, 0))
    assert score("f1_macro", scores, LABELS, 0.0) == pytest.approx((6 / 8) / 2)
    assert score("matthews", scores, LABELS, 0.0) == 0.0
