"""What the final value of a trial may be: normal distributions, from its own values and from those of its arm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

_STANDARD = NormalDist()
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
    spread = told * math.sqrt(max(0.0, 1 - expected_maximum(count) ** 2 / max(1, count)))
    return Outlook(mean=new.mean + expected_maximum(count) * told, deviation=math.sqrt(residual**2 + spread**2))


def combined(prior: Outlook, value: float, deviation: float) -> Outlook:
    """Return the outlook after a measurement of the final value with an error of its own."""
    if prior.deviation <= 0:
        return prior
    if deviation <= 0:
        return Outlook(mean=value, deviation=0.0)
    one, other = prior.deviation**-2, deviation**-2
    return Outlook(mean=(one * prior.mean + other * value) / (one + other), deviation=(one + other) ** -0.5)
