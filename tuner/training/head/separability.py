"""Scores of how well features tell classes apart, in closed form: no head has to be fitted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Rounds of the fixed point iteration of LogME, and the relative change at which it ends.
_ROUNDS, _ENOUGH = 20, 1e-3


def h_score(features: NDArray[np.float64], classes: NDArray[np.int64]) -> float:
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
    means = np.stack([centred[classes == each].mean(axis=0) for each in np.unique(classes)])
    shares = np.asarray([(classes == each).mean() for each in np.unique(classes)])
    between = (means * shares[:, None]).T @ means
    return float((1 - alpha) * np.trace(np.linalg.pinv(shrunk, hermitian=True) @ between))


def logme(features: NDArray[np.float64], classes: NDArray[np.int64]) -> float:
    """Return LogME: the logarithm of the evidence of a linear model from features to classes, a row and a class.

    You et al., ICML 2021, arXiv 2102.11005: Bayesian linear regression onto each class against the others, with prior
    and noise set to maximise the evidence. A higher score is better.

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
            alpha, beta = gamma / max(weights, 1e-12), (rows - gamma) / max(residual, 1e-12)
            if abs(alpha / beta - ratio) <= _ENOUGH * ratio:
                break
        ratio = alpha / beta
        weights = float((squares * along / (squares + ratio) ** 2).sum())
        residual = float((along * (ratio / (squares + ratio)) ** 2).sum()) + outside
        determinant = float(np.log(alpha + beta * squares).sum()) + max(0, width - len(squares)) * np.log(alpha)
        evidence = (
            width * np.log(alpha)
            + rows * np.log(beta)
            - determinant
            - beta * residual
            - alpha * weights
            - rows * np.log(2 * np.pi)
        ) / 2
        found.append(evidence / rows)
    return float(np.mean(found))
