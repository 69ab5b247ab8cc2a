"""The posterior density of a Gaussian process's length scales and variances, and the kernel that it is of."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]

#: The natural logarithms of length scales, signal variance and noise variance have normal priors. Length scales have
#: their centre at 0.2 times the square root of the number of parameters, since distances in a cube grow so: the mode of
#: Hvarfner, Hellsten and Nardi (2024, "Vanilla Bayesian optimization performs great in high dimensions"). Their widths,
#: 1.7 and for the noise 1 about -5, fitted scales that were too short to 16 to 96 points, and predicted unseen points
#: with too much confidence, both on test functions with and without noise and on real learning curves.
_LENGTH_CENTRE, _LENGTH_WIDTH = math.sqrt(2) - 3, 1.0
_SIGNAL_CENTRE, _SIGNAL_WIDTH = 0.0, 1.0
_NOISE_CENTRE, _NOISE_WIDTH = -3.0, 1.5
#: Bounds of the same logarithms. The floor of the noise keeps the covariance of duplicates positive definite.
_LENGTH_BOUNDS, _SIGNAL_BOUNDS, _NOISE_BOUNDS = (-5.0, 7.0), (-6.0, 4.0), (-13.0, 1.0)


class LogPosterior:
    """The logarithm of the posterior density of a model's length scales and variances, with its gradient.

    Args:
        points: (points, columns).
        values: (points,), standardised.
        groups: (columns,), the group of each column; columns of a group share a length scale.
    """

    def __init__(self, points: Array, values: Array, groups: npt.NDArray[np.int64]) -> None:
        self.values = values
        count = int(groups.max()) + 1 if len(groups) else 0
        #: (groups, points · points): the squared distance of each pair in each group's columns.
        self._squares = np.zeros((count, len(points) ** 2))
        for column, group in enumerate(groups):
            self._squares[group] += np.subtract.outer(points[:, column], points[:, column]).ravel() ** 2
        length_centre = _LENGTH_CENTRE + math.log(max(count, 1)) / 2
        #: (groups + 2,), all four: the logarithms of length scales, signal variance and noise variance.
        self.centres = np.array([length_centre] * count + [_SIGNAL_CENTRE, _NOISE_CENTRE])
        self.widths = np.array([_LENGTH_WIDTH] * count + [_SIGNAL_WIDTH, _NOISE_WIDTH])
        self.bounds = np.array([_LENGTH_BOUNDS] * count + [_SIGNAL_BOUNDS, _NOISE_BOUNDS])

    def negative(self, theta: Array) -> tuple[float, Array]:
        """Return the negative of the density's logarithm, without constants, and the gradient of that."""
        from scipy.linalg import lapack

        size = len(self.values)
        lengths, signal, noise = self.unpack(theta)
        inverse_squares = lengths**-2.0
        distance = np.sqrt(5 * (inverse_squares @ self._squares))
        decay = np.exp(-distance)
        correlation = (1 + distance + distance**2 / 3) * decay
        covariance = signal * correlation.reshape(size, size)
        covariance[np.diag_indices(size)] += noise
        factor, weights = solve(covariance, self.values)
        inverse, _ = lapack.dpotri(factor, lower=1)
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        value = -0.5 * float(self.values @ weights) - float(np.log(np.diag(factor)).sum())
        pull = np.outer(weights, weights) - inverse
        flat = pull.ravel()
        # A correlation's derivative by the logarithm of a length is 5/3 (1 + distance) decay · square / length².
        slope = (5 / 3) * signal * flat * (1 + distance) * decay
        gradient = 0.5 * np.concatenate(
            [
                (self._squares @ slope) * inverse_squares,
                [signal * float(flat @ correlation), noise * float(np.trace(pull))],
            ]
        )
        away = (theta - self.centres) / self.widths
        return 0.5 * float(away @ away) - value, away / self.widths - gradient

    def unpack(self, theta: Array) -> tuple[Array, float, float]:
        """Return the groups' length scales, the signal variance and the noise variance."""
        scales = np.exp(theta)
        return scales[:-2], float(scales[-2]), float(scales[-1])


def covariance_of(first: Array, second: Array, length_scales: Array, signal: float) -> Array:
    """Matérn-5/2 (Rasmussen and Williams 2006, equation 4.17), (first, second)."""
    one, two = first / length_scales, second / length_scales
    squares = (one**2).sum(1)[:, None] + (two**2).sum(1) - 2 * one @ two.T
    distance = np.sqrt(5 * np.maximum(squares, 0.0))
    covariance: Array = signal * (1 + distance + distance**2 / 3) * np.exp(-distance)
    return covariance


def solve(covariance: Array, values: Array) -> tuple[Array, Array]:
    """Return the lower Cholesky factor, and the inverse times the values (algorithm 2.1 of the same book)."""
    from scipy.linalg import cho_solve, cholesky

    try:
        factor = cholesky(covariance, lower=True, check_finite=False)
    except np.linalg.LinAlgError:  # many duplicates with next to no noise
        jitter = 1e-6 * float(np.diag(covariance).max())
        factor = cholesky(covariance + jitter * np.eye(len(covariance)), lower=True, check_finite=False)
    return factor, cho_solve((factor, True), values, check_finite=False)
