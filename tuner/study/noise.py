"""How far a value is from the truth, as it was measured on few rows."""

from __future__ import annotations

import math

#: Standard error of a metric that is no share of rows, as a share of its value.
RELATIVE_NOISE = 0.02
#: The metric that is the share of rows that are right, in all tasks that have it.
SHARE_METRIC = "accuracy"


def standard_error(value: float, rows: int, direction: str) -> float:
    """Return the standard error of a metric.

    Args:
        value: The value.
        rows: Rows that it was measured on.
        direction: `maximize`, where the metric is taken for a share of rows; or `minimize`, where no more is known than
            that the error is small beside the value.
    """
    if direction == "minimize":
        return RELATIVE_NOISE * max(abs(value), 1e-6)
    share = min(max(value, 0.05), 0.95)
    return math.sqrt(share * (1 - share) / max(1, rows))


def right_rows(metric: str, value: float | None, rows: int | None) -> int | None:
    """Return how many rows are right; None where the metric does not tell."""
    if metric != SHARE_METRIC or value is None or not rows or not 0 <= value <= 1:
        return None
    return round(value * rows)
