"""Whether trials may first be put aside at an earlier rung: only if values there rank them as the next rung does.

On some learning tasks values at 2 % of the schedule are correlated with the final ones, on others not, or even the
other way round. So the first trials of a study are trained to the higher rung, and both rankings are compared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Trials with a value at both rungs that the check needs.
NEEDED = 16
#: Spearman's rank correlation from which the lower rung is allowed.
LEAST_RHO = 0.8


@dataclass(frozen=True, kw_only=True)
class RankCheck:
    """The result of the check."""

    #: The rung at which later trials may first be put aside, in percent.
    first_rung: int
    #: Whether there were enough trials to decide.
    is_decided: bool
    #: Spearman's rank correlation of the values at the two rungs; None where there are too few, or all are equal.
    rho: float | None
    #: Trials with a number at both rungs.
    count: int
    #: One line for people.
    reason: str


def first_rung_allowed(pairs: Sequence[tuple[float, float]], *, lower: int, higher: int) -> RankCheck:
    """Check whether values at a rung rank trials as values at the next one do.

    Args:
        pairs: For each trial that was to train to the higher rung, its values at the lower and at the higher one. Pairs
            with a value that is not finite are not counted.
        lower: The lower rung, in percent.
        higher: The higher rung, in percent.
    """
    sound = [pair for pair in pairs if all(map(math.isfinite, pair))]
    count = len(sound)
    if count < NEEDED:
        reason = f"{higher} % stays the first rung until {NEEDED} trials have a value at {lower} % too; {count} have"
        return RankCheck(first_rung=higher, is_decided=False, rho=None, count=count, reason=reason)
    rho = spearman([one for one, _ in sound], [other for _, other in sound])
    is_allowed = rho is not None and rho >= LEAST_RHO
    found = "all values are equal at one of them" if rho is None else f"rank correlation {rho:.2f}"
    asked = "" if is_allowed else f", {LEAST_RHO:g} is needed"
    first = lower if is_allowed else higher
    return RankCheck(
        first_rung=first,
        is_decided=True,
        rho=rho,
        count=count,
        reason=f"the first rung is {first} %: between {lower} % and {higher} % of {count} trials, {found}{asked}",
    )


def spearman(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return the rank correlation of two equally long sequences of finite numbers; None where one is constant.

    It is Pearson's correlation of the ranks, equal values having the mean of theirs.
    """
    first, second = _centred_ranks(one), _centred_ranks(other)
    spread = math.sqrt(float(first @ first) * float(second @ second))
    return float(first @ second) / spread if spread else None


def _centred_ranks(values: Sequence[float]) -> NDArray[np.float64]:
    """Return ranks less their mean. Equal values have the mean of their ranks."""
    _, where, counts = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    found: NDArray[np.float64] = ranks[where] - (len(values) + 1) / 2
    return found
