"""What the hidden states of each depth tell of the classes, before anything is trained."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from tuner.trial.anatomy import frozen_count

if TYPE_CHECKING:
    import numpy.typing as npt

    from tuner.training.data.examples import Indices

#: Examples that are scored, at most.
ROWS = 500
#: Parts of the rows, each of which judges classifiers that were fitted on the others.
FOLDS = 3
#: Rounds of the fixed point iteration of LogME, and the relative change at which it ends.
_ROUNDS, _ENOUGH = 20, 1e-3
#: Weights of the penalty among which the classifier chooses.
PENALTIES = (1.0, 10.0, 100.0, 1000.0)


@dataclass(frozen=True, kw_only=True)
class DepthScore:
    """What the states after some layers tell."""

    #: Share of the layers below them, which a trial of that depth freezes.
    frozen: float
    #: Accuracy of a linear classifier on their mean over the tokens, by cross-validation.
    accuracy: float
    #: LogME; see `logme`.
    logme: float

    def to_dict(self) -> dict[str, float]:
        """Return JSON values."""
        return {"frozen": self.frozen, "accuracy": round(self.accuracy, 4), "logme": round(self.logme, 4)}


class States(Protocol):
    """Where the hidden states of examples come from."""

    def targets(self, split: str, indices: Indices) -> torch.Tensor:
        """Return the targets of examples."""

    def mean_states(self, split: str, indices: Indices, depths: Collection[int]) -> dict[int, npt.NDArray[np.float64]]:
        """Return the mean hidden state of each example after some numbers of layers. Shape: (examples, hidden)."""


def depth_scores(states: States, rows: Indices, shares: Collection[float], layers: int) -> list[DepthScore]:
    """Score the hidden states of each depth; return none where the targets are no classes, or all classes are rare.

    Args:
        states: The hidden states.
        rows: Examples of the training split; the first ones are scored.
        shares: Shares of the layers that trials freeze.
        layers: The layers of the model.
    """
    rows = rows[:ROWS]
    classes = _classes(states.targets("train", rows))
    if classes is None:
        return []
    names, counts = np.unique(classes, return_counts=True)
    is_common = np.isin(classes, names[counts >= FOLDS])
    rows, classes = rows[is_common], classes[is_common]
    if len(np.unique(classes)) < 2:
        return []
    depths = depths_to_score(shares, layers)
    found = states.mean_states("train", rows, [*depths])
    scores = [
        DepthScore(frozen=depths[depth], accuracy=accuracy(found[depth], classes), logme=logme(found[depth], classes))
        for depth in sorted(depths)
        if np.isfinite(found[depth]).all() and found[depth].any()
    ]
    return [each for each in scores if math.isfinite(each.logme)]  # a database takes no NaN


def accuracy(features: npt.NDArray[np.float64], classes: npt.NDArray[np.int64]) -> float:
    """Return the accuracy of a linear classifier by cross-validation.

    Args:
        features: Shape: (rows, features).
        classes: Shape: (rows,). Each class has as many rows as there are folds.
    """
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=PENALTIES))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="sklearn")
        told = cross_val_predict(classifier, features, classes, cv=StratifiedKFold(FOLDS))
    return float((told == classes).mean())


def logme(features: npt.NDArray[np.float64], classes: npt.NDArray[np.int64]) -> float:
    """Return LogME: the logarithm of the evidence of a linear model from features to classes, a row and a class.

    You et al., ICML 2021, arXiv 2102.11005: Bayesian linear regression onto each class against the others, with prior
    and noise set to maximise the evidence. A higher score is better. Of the scores in benchmarks/depth_scores.py it
    tells best how well a head does on the states.

    Args:
        features: Shape: (rows, features).
        classes: Shape: (rows,).
    """
    rows, width = features.shape
    left, singular, _ = np.linalg.svd(features, full_matrices=False)
    squares = singular**2
    found = []
    for each in np.unique(classes):
        target = (classes == each).astype(np.float64)
        along = (left.T @ target) ** 2
        outside = max(0.0, float(target @ target - along.sum()))
        alpha, beta = 1.0, 1.0
        for _ in range(_ROUNDS):
            ratio = alpha / beta
            gamma = float((squares / (squares + ratio)).sum())
            weights = float((squares * along / (squares + ratio) ** 2).sum())
            residual = float((along * (ratio / (squares + ratio)) ** 2).sum()) + outside
            alpha = max(gamma, 1e-12) / max(weights, 1e-12)
            beta = max(rows - gamma, 1e-12) / max(residual, 1e-12)
            if abs(alpha / beta - ratio) <= _ENOUGH * ratio:
                break
        ratio = alpha / beta
        weights = float((squares * along / (squares + ratio) ** 2).sum())
        residual = float((along * (ratio / (squares + ratio)) ** 2).sum()) + outside
        determinant = float(np.log(alpha + beta * squares).sum()) + max(0, width - len(squares)) * np.log(alpha)
        evidence = width * np.log(alpha) + rows * np.log(beta) - determinant - beta * residual - alpha * weights
        found.append((evidence - rows * np.log(2 * np.pi)) / 2 / rows)
    return float(np.mean(found))


def _classes(targets: torch.Tensor) -> npt.NDArray[np.int64] | None:
    """Return the classes of examples; None where their targets are none."""
    if targets.ndim != 1 or targets.is_floating_point():
        return None
    return targets.cpu().numpy().astype(np.int64)


def depths_to_score(shares: Collection[float], layers: int) -> dict[int, float]:
    """Return the numbers of layers that are scored, with their shares: those that a trial may freeze, and all.

    Args:
        shares: Shares of the layers that trials freeze.
        layers: The layers of the model.
    """
    counts = {frozen_count(share, layers): share for share in sorted(shares)}
    return {**{count: share for count, share in counts.items() if 0 < count < layers}, layers: 1.0}
