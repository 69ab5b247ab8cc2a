"""Points to train next, drawn from the prior or guided by a Gaussian process over the values at the first rung."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from optuna.distributions import BaseDistribution

from tuner.search.encoding import Encoding
from tuner.search.gaussian_process import GaussianProcess, fit
from tuner.search.log_posterior import Array

#: Draws from the prior among which a guided ask chooses.
_CANDIDATES = 2000


@dataclass(frozen=True, kw_only=True)
class Told:
    """A point that has been trained to the first rung."""

    #: Values by parameter; a parameter whose condition does not hold is missing.
    point: Mapping[str, Any]
    #: Its value at the first rung, smaller is better; None where it cannot be trained, which ranks below every value.
    value: float | None


@dataclass(frozen=True, kw_only=True)
class GuidedAsks:
    """Proposes points: after some from the prior, each is guided with a probability, else from the prior too.

    Draws from the prior go on, because the values at the first rung may mislead the model. Proposals follow from the
    arguments alone, so that a proposal that was not stored can be made again. Calls share nothing that changes, so
    threads may make them.
    """

    #: The probability that an ask is guided.
    guided: float = 1 / 3
    #: Before so many points are told, none is guided.
    startup: int = 16
    #: Removes from a point the parameters whose condition does not hold.
    conditioned: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict

    def propose(
        self,
        distributions: Mapping[str, BaseDistribution],
        told: Sequence[Told],
        pending: Sequence[Mapping[str, Any]],
        count: int,
        seed: int,
    ) -> list[dict[str, Any]]:
        """Propose points to train to the first rung.

        Args:
            distributions: By name, the distributions of the search space.
            told: The points with a value at the first rung, in the order in which they were told.
            pending: Points that have been asked and not told.
            count: How many points to propose. Each takes those before it as pending.
            seed: With other seeds, other points are proposed.

        Returns:
            The points, each with a value for every parameter whose condition holds.

        Raises:
            TypeError: A distribution is neither a float, an int nor categorical.
        """
        rng = np.random.default_rng(seed)
        encoding = Encoding(distributions)
        points = encoding.encode(each.point for each in told)
        values = np.array([math.nan if each.value is None else each.value for each in told], dtype=float)
        asked = encoding.encode(pending)
        model: GaussianProcess | None = None
        proposals: list[dict[str, Any]] = []
        for _ in range(count):
            is_guided = len(told) >= max(self.startup, 1) and rng.random() < self.guided
            drawn = [dict(self.conditioned(each)) for each in encoding.draw(rng, _CANDIDATES if is_guided else 1)]
            encoded = encoding.encode(drawn)
            index = 0
            if is_guided:
                model = model or _learned(points, values, encoding.groups, rng)
                index = _chosen(model, points, asked, encoded)
            proposals.append(drawn[index])
            asked = np.concatenate([asked, encoded[[index]]])
        return proposals


def choose(
    told: Array,
    values: Array,
    pending: Array,
    candidates: Array,
    rng: np.random.Generator,
    *,
    groups: npt.NDArray[np.int64] | None = None,
) -> int:
    """Choose the candidate whose expected improvement on the best told point is largest.

    Candidates that are told or pending are chosen only where there are no others.

    Args:
        told: (told, columns): at least one encoded point, in the order in which they were told.
        values: (told,): their values at the first rung, smaller is better; what is not finite ranks below every value.
        pending: (pending, columns): encoded points that have been asked and not told.
        candidates: (candidates, columns): at least one.
        rng: Draws the starts of the model's fit.
        groups: As in `fit`.

    Returns:
        The candidate's index.
    """
    return _chosen(_learned(told, values, groups, rng), told, pending, candidates)


def normal_scores(values: Array) -> Array:
    """Replace values by the quantiles of a normal distribution that belong to their ranks; equal values stay equal.

    A model of scores is the same for a loss and its logarithm, and one bad value does not stretch its scale (the
    copula of Salinas, Shen and Perrone 2020, "A quantile-based approach for hyperparameter transfer learning").

    Args:
        values: (values,); what is not finite ranks above every other, since smaller is better.
    """
    from scipy.special import ndtri

    comparable = np.where(np.isfinite(values), values, math.inf)
    _, places, counts = np.unique(comparable, return_inverse=True, return_counts=True)
    # The mean of the ranks, from 0, that equal values take.
    ranks = (np.cumsum(counts) - (counts + 1) / 2)[places]
    scores: Array = ndtri((ranks + 0.5) / len(values))
    return scores


def expected_improvement(mean: Array, deviation: Array, best: float) -> Array:
    """Return by how much normally distributed values are expected to be below the best (Jones et al. 1998)."""
    from scipy.special import ndtr

    ahead = (best - mean) / deviation
    density = np.exp(-0.5 * ahead**2) / math.sqrt(2 * math.pi)
    improvement: Array = deviation * (ahead * ndtr(ahead) + density)
    return improvement


def _learned(
    told: Array, values: Array, groups: npt.NDArray[np.int64] | None, rng: np.random.Generator
) -> GaussianProcess:
    return fit(told, normal_scores(values), groups, seed=int(rng.integers(1 << 32)))


def _chosen(model: GaussianProcess, told: Array, pending: Array, candidates: Array) -> int:
    believing = model.believing(pending)
    # The best is the smallest prediction, since the smallest value may be luck. Where a pending point is predicted to
    # be the best, its neighbours improve on nothing.
    best = float(believing.predict(believing.points)[0].min())
    improvement = expected_improvement(*believing.predict(candidates), best)
    asked = {row.tobytes() for row in np.concatenate([told, pending])}
    new = [row.tobytes() not in asked for row in candidates]
    return int(np.argmax(np.where(new, improvement, -math.inf)))
