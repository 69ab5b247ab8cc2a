"""Whether trials may first be put aside at an earlier rung: only if values there rank them as the next rung does.

On some learning tasks values at 2 % of the schedule are correlated with the final ones, on others not, or even the
other way round. So the first trials of a study are trained to the rung that holds everywhere, with a look at each lower
one, and the rankings are compared from there downwards.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
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
    #: Spearman's rank correlation of the values at the last two rungs that were compared; None where there are too few,
    #: or all are equal.
    rho: float | None
    #: Trials with a number at both of these rungs.
    count: int
    #: One line for people.
    reason: str


def first_rung_allowed(values: Sequence[Mapping[int, float]], rungs: Sequence[int]) -> RankCheck:
    """Return the lowest rung down to which each rung ranks trials as the next one does.

    Args:
        values: The values of each trial, by percent. Values that are not finite are not counted.
        rungs: The rungs among which the first one is to be found, in percent, rising. The last one needs no check: all
            trials train to it until the check is made.
    """
    check = None
    for lower, higher in reversed(list(itertools.pairwise(rungs))):
        next_check = _compare(
            [(each[lower], each[higher]) for each in values if {lower, higher} <= each.keys()], lower, higher
        )
        if check is not None and not next_check.is_decided:
            return check
        check = next_check
        if check.first_rung == higher:
            return check
    assert check is not None, "there is a lower rung to check"
    return check


def _compare(pairs: Sequence[tuple[float, float]], lower: int, higher: int) -> RankCheck:
    """Compare how two rungs rank trials."""
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
