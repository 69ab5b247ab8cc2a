"""What the hidden states of each depth tell of the classes, before anything is trained."""

from __future__ import annotations

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
#: Weights of the penalty among which the classifier chooses.
PENALTIES = (1.0, 10.0, 100.0, 1000.0)


@dataclass(frozen=True, kw_only=True)
class DepthScore:
    """What the states after some layers tell."""

    #: Share of the layers below them, which a trial of that depth freezes.
    frozen: float
    #: Accuracy of a linear classifier on their mean over the tokens, by cross-validation.
    accuracy: float
    #: H-score; see `h_score`.
    score: float

    def to_dict(self) -> dict[str, float]:
        """Return JSON values."""
        return {"frozen": self.frozen, "accuracy": round(self.accuracy, 4), "score": round(self.score, 4)}


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
    return [
        DepthScore(frozen=depths[depth], accuracy=accuracy(found[depth], classes), score=h_score(found[depth], classes))
        for depth in sorted(depths)
    ]


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


def h_score(features: npt.NDArray[np.float64], classes: npt.NDArray[np.int64]) -> float:
    """Return the H-score: the part of the features' variance that the classes explain, each direction weighing alike.

    It is the trace of pinv(cov(F)) cov(E[F | class]) (Bao et al., ICIP 2019), with the shrunk covariance of Ibrahim et
    al. (2021, arXiv 2110.06893), which fewer rows than features need. A higher score is better; it is at most the
    number of classes less one.

    Args:
        features: Shape: (rows, features).
        classes: Shape: (rows,).
    """
    centred = features - features.mean(axis=0)
    rows, width = centred.shape
    covariance = centred.T @ centred / rows
    # Ledoit and Wolf (2004): towards a multiple of the identity, as far as the rows leave the covariance uncertain.
    scale = float(np.trace(covariance)) / width
    distance = float(((covariance - scale * np.eye(width)) ** 2).sum())
    squares = centred**2
    uncertain = float((squares.T @ squares / rows - covariance**2).sum()) / rows
    alpha = min(1.0, uncertain / distance) if distance > 0 else 1.0
    shrunk = (1 - alpha) * covariance + alpha * scale * np.eye(width)
    names = np.unique(classes)
    means = np.stack([centred[classes == each].mean(axis=0) for each in names])
    weights = np.asarray([(classes == each).mean() for each in names])
    between = (means * weights[:, None]).T @ means
    return float((1 - alpha) * np.trace(np.linalg.pinv(shrunk, hermitian=True) @ between))


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
