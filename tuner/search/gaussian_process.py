"""A Gaussian process over points of the unit cube: fitted once, then frozen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tuner.search.log_posterior import Array, LogPosterior, covariance_of, solve

#: A fit takes time in proportion to the third power of the points: some tenths of a second for so many.
MOST_POINTS = 200
#: Starts of the optimiser: the centre of the prior, then draws from it.
_STARTS = 3
#: Steps of the optimiser for each start. On tables of 200 real configurations it had converged by then.
_MOST_STEPS = 60


@dataclass(frozen=True, kw_only=True, eq=False)
class GaussianProcess:
    """A fitted model: a Matérn-5/2 kernel with a length scale for each column, and noise.

    No call changes it, so threads may share it.
    """

    #: (points, columns), each entry in [0, 1].
    points: Array
    #: (columns,), in units of the cube's edge.
    length_scales: Array
    #: Variance of the function, and of the noise of a single value, in units of the square of `scale`.
    signal: float
    noise: float
    #: Mean and standard deviation of the values that were fitted.
    centre: float
    scale: float
    #: (points, points): the lower Cholesky factor of the covariance of the values.
    factor: Array
    #: (points,): the inverse of the covariance times the standardised values.
    weights: Array

    def predict(self, candidates: Array) -> tuple[Array, Array]:
        """Predict the function, without the noise of a value.

        Args:
            candidates: (candidates, columns).

        Returns:
            Mean and standard deviation of each candidate, (candidates,) both, in units of the fitted values.
        """
        from scipy.linalg import solve_triangular

        with _one_thread():
            across = self._covariance(candidates)
            mean = across @ self.weights
            explained = solve_triangular(self.factor, across.T, lower=True, check_finite=False)
        variance = self.signal - np.einsum("ij,ij->j", explained, explained)
        deviation = np.sqrt(np.maximum(variance, 1e-12))
        return self.centre + self.scale * mean, self.scale * deviation

    def believing(self, points: Array) -> GaussianProcess:
        """Return the model as if further points had been told with the values that it predicts for them.

        Predicted means stay as they are; uncertainty near the further points goes ("kriging believer", Ginsbourger,
        Le Riche and Carraro 2010). Length scales and variances stay.

        Args:
            points: (further points, columns).
        """
        if not len(points):
            return self
        with _one_thread():
            # The covariance of the values times the weights gives back the standardised values.
            told = self.factor @ (self.factor.T @ self.weights)
            values = np.concatenate([told, self._covariance(points) @ self.weights])
            joined = np.concatenate([self.points, points])
            covariance = covariance_of(joined, joined, self.length_scales, self.signal)
            factor, weights = solve(covariance + self.noise * np.eye(len(joined)), values)
        return replace(self, points=joined, factor=factor, weights=weights)

    def _covariance(self, candidates: Array) -> Array:
        return covariance_of(candidates, self.points, self.length_scales, self.signal)


def fit(points: Array, values: Array, groups: npt.NDArray[np.int64] | None = None, *, seed: int = 0) -> GaussianProcess:
    """Fit a model by the largest posterior density of its length scales and variances.

    Of more than `MOST_POINTS` points it takes the half with the smallest values, and of the others those that come
    last, so that the best are known well and the newest are known at all.

    Args:
        points: (points, columns), each entry in [0, 1]; at least one point. Duplicates are allowed.
        values: (points,), finite.
        groups: (columns,): columns with equal numbers share a length scale, numbered from 0. By default each has its
            own.
        seed: Of the optimiser's starts; with the same seed, a machine fits the same model.

    Raises:
        ValueError: There is no point, or a value is not finite.
    """
    from scipy.optimize import minimize

    if not len(points) or not np.isfinite(values).all():
        raise ValueError("a Gaussian process is fitted to at least one point, and to finite values alone")
    kept = most_telling(values)
    points, values = np.asarray(points, dtype=float)[kept], np.asarray(values, dtype=float)[kept]
    if groups is None:
        groups = np.arange(points.shape[1])
    centre = float(values.mean())
    scale = float(values.std())
    # Of values that are as good as equal, rounding is all that a division by their spread would show.
    scale = scale if scale > 1e-12 * max(1.0, abs(centre)) else 1.0
    posterior = LogPosterior(points, (values - centre) / scale, groups)
    starts = [posterior.centres]
    rng = np.random.default_rng(seed)
    starts += [
        np.clip(rng.normal(posterior.centres, posterior.widths), *posterior.bounds.T) for _ in range(_STARTS - 1)
    ]
    settings = {"jac": True, "method": "L-BFGS-B", "bounds": posterior.bounds, "options": {"maxiter": _MOST_STEPS}}
    with _one_thread():
        found = [minimize(posterior.negative, start, **settings) for start in starts]
        lengths, signal, noise = posterior.unpack(min(found, key=lambda each: float(each.fun)).x)
        covariance = covariance_of(points, points, lengths[groups], signal)
        factor, weights = solve(covariance + noise * np.eye(len(points)), posterior.values)
    return GaussianProcess(
        points=points,
        length_scales=lengths[groups],
        signal=signal,
        noise=noise,
        centre=centre,
        scale=scale,
        factor=factor,
        weights=weights,
    )


def most_telling(values: Array) -> npt.NDArray[np.int64]:
    """Return the indices, in order, of the points that a model is fitted to: all, or `MOST_POINTS` of them.

    Args:
        values: (points,), in the order in which they were told; smaller is better.
    """
    if len(values) <= MOST_POINTS:
        return np.arange(len(values))
    best = np.argsort(values, kind="stable")[: MOST_POINTS // 2]
    others = np.setdiff1d(np.arange(len(values)), best)
    return np.sort(np.concatenate([best, others[len(best) - MOST_POINTS :]]))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have BLAS compute in the calling thread.

    Its threads spin while they wait for each other. Beside trainers that use all processors, two of them made a fit to
    200 points take 20 to 50 seconds of processor time in place of 0.3. One thread also rounds alike on machines with
    other numbers of processors. The limit is the process's, so that a second thread that leaves first may lift it for
    the other; that costs time alone.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield
