"""What the final value of a trial may be: normal distributions, from its own values and from those of its arm."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from statistics import NormalDist

_STANDARD = NormalDist()
#: Standard deviation of that maximum.
_DEVIATIONS = (1.0, 1.0, 0.8256, 0.7480, 0.7012, 0.6690, 0.6449, 0.6260, 0.6107)
#: The highest values whose spacings tell how heavy a tail is.
_TAIL = 5
#: Expected maximum of so many independent standard normal numbers; of more, by the approximation of Blom (1958).
_MAXIMA = (0.0, 0.0, 0.5642, 0.8463, 1.0294, 1.1630, 1.2672, 1.3522, 1.4236)


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """A normal distribution of a final value; a higher value is better."""

    mean: float
    deviation: float

    def improvement(self, best: float) -> float:
        """Return the expected improvement over a value."""
        if self.deviation <= 0:
            return max(0.0, self.mean - best)
        z = (self.mean - best) / self.deviation
        return self.deviation * (z * _STANDARD.cdf(z) + _STANDARD.pdf(z))


def expected_maximum(count: int) -> float:
    """Return the expected maximum of independent standard normal numbers."""
    if count < len(_MAXIMA):
        return _MAXIMA[count]
    return _STANDARD.inv_cdf((count - 0.375) / (count + 0.25))


def best_of(count: int, new: Outlook, residual: float) -> Outlook:
    """Return the outlook of the best of some new trials, chosen by values that leave a doubt.

    Args:
        count: The trials.
        new: The outlook of each.
        residual: Standard deviation of a final value once the value is known by which trials are chosen.
    """
    residual = min(residual, new.deviation)
    told = math.sqrt(max(0.0, new.deviation**2 - residual**2))
    spread = told * _DEVIATIONS[min(count, len(_DEVIATIONS) - 1)]
    return Outlook(mean=new.mean + expected_maximum(count) * told, deviation=math.sqrt(residual**2 + spread**2))


def record_improvement(values: list[float], count: float, best: float) -> float:
    """Return by how much some more values of a kind are expected to exceed a bound, whatever their distribution.

    The tail of their distribution is taken for exponential, its scale from the spacings of the highest values, as in
    the estimator of Weissman (1978). Of values with such a tail, the highest of n + count is expected to exceed the
    highest of n by the scale times log((n + count) / n).

    Args:
        values: Those that are known, at least two.
        count: How many more there will be.
        best: The bound.
    """
    ordered = sorted(values, reverse=True)
    top = ordered[:_TAIL]
    scale = sum(place * (one - other) for place, (one, other) in enumerate(itertools.pairwise(top), start=1))
    scale /= len(top) - 1
    behind = best - ordered[0]
    if scale <= 0:
        return max(0.0, -behind)
    beyond = count / len(values) * math.exp(-max(0.0, behind) / scale)
    return scale * math.log1p(beyond) + max(0.0, -behind)


def combined(prior: Outlook, value: float, deviation: float) -> Outlook:
    """Return the outlook after a measurement of the final value with an error of its own."""
    if prior.deviation <= 0:
        return prior
    if deviation <= 0:
        return Outlook(mean=value, deviation=0.0)
    one, other = prior.deviation**-2, deviation**-2
    return Outlook(mean=(one * prior.mean + other * value) / (one + other), deviation=(one + other) ** -0.5)
