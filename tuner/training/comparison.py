"""Comparison of two models on the same rows: a paired test, with an interval for the difference of their values.

Where a metric is the share of rows that are right, it is McNemar's exact test (McNemar, Psychometrika 12, 1947): of the
rows that one of the two models alone gets right, each is taken to be a fair draw. The interval is that of Clopper and
Pearson (Biometrika 26, 1934) for the part that the first model has of these rows, times the limit of their own interval
that makes it wider: it leaves out 0 where the test says that the models differ, and only there, and holds the truth
with at least the probability that it says. For other metrics rows are drawn anew, with replacement and the same for
both models, and the interval holds the middle of the differences (Efron and Tibshirani, An Introduction to the
Bootstrap, 1993).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    import numpy.typing as npt

#: Probability with which a verdict of two equal models says that they differ, at most.
LEVEL = 0.05
#: Times that rows are drawn anew.
DRAWS = 2000
#: Fewest of them in which the metric must have a value.
_FEWEST = 100


class Method(StrEnum):
    """How two models are compared."""

    MCNEMAR = "mcnemar"
    BOOTSTRAP = "bootstrap"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A model beside another one, on the same rows."""

    method: Method
    #: Value of the metric of the first model less that of the second one.
    difference: float
    #: Of the difference, with the probability 1 - `LEVEL`; None where the metric has no value for most draws of rows.
    interval: tuple[float, float] | None
    #: Probability of at least such a difference between equal models; None from a bootstrap.
    p_value: float | None
    #: Rows that one of the two alone gets right; None where rows are not right or wrong.
    first_alone: int | None
    second_alone: int | None


def compare_rows(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> Comparison:
    """Compare two models by which rows they get right. Shape of both: (rows,)."""
    rows, gained, lost = len(first), int((first & ~second).sum()), int((second & ~first).sum())
    unequal = gained + lost
    if unequal == 0:
        # Not one row in so many: the share of such rows is below this with the probability 1 - LEVEL.
        most = 1 - math.pow(LEVEL / 2, 1 / rows)
        low, high, p_value = -most, most, 1.0
    else:
        tested = stats.binomtest(gained, unequal)
        part = tested.proportion_ci(confidence_level=1 - LEVEL, method="exact")
        share = stats.binomtest(unequal, rows).proportion_ci(confidence_level=1 - LEVEL, method="exact")
        least, most = 2 * part.low - 1, 2 * part.high - 1
        low = least * (share.high if least < 0 else share.low)
        high = most * (share.high if most > 0 else share.low)
        p_value = float(tested.pvalue)
    return Comparison(
        method=Method.MCNEMAR,
        difference=(gained - lost) / rows,
        interval=(float(low), float(high)),
        p_value=p_value,
        first_alone=gained,
        second_alone=lost,
    )


def compare_values(
    first: Callable[[npt.NDArray[np.int64]], float],
    second: Callable[[npt.NDArray[np.int64]], float],
    rows: int,
    *,
    draws: int = DRAWS,
) -> Comparison:
    """Compare two models by a metric of all rows.

    Args:
        first: Returns the metric of the first model on some rows, or NaN where it has no value there.
        second: The same of the second model.
        rows: How many rows there are.
        draws: Times that rows are drawn anew.
    """
    everything, rng = np.arange(rows), np.random.default_rng(0)
    drawn = (rng.integers(0, rows, rows) for _ in range(draws))
    differences = np.asarray([first(some) - second(some) for some in drawn])
    differences = differences[np.isfinite(differences)]
    low, high = np.quantile(differences, (LEVEL / 2, 1 - LEVEL / 2)) if len(differences) else (0.0, 0.0)
    return Comparison(
        method=Method.BOOTSTRAP,
        difference=first(everything) - second(everything),
        interval=(float(low), float(high)) if len(differences) >= min(_FEWEST, draws) else None,
        p_value=None,
        first_alone=None,
        second_alone=None,
    )
