"""Marks of the figures of a report. What became of a trial is told by the form of its mark, and by its colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from storage import TrialState
from tuner.reporting.report.drawing import Colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tuner.reporting.pictures import CostPoint, Point
    from tuner.reporting.report.report import Report

#: Said under figures with these marks.
MARKS = (
    "A filled dot is a complete trial, a hollow one a trial that ended before or is not over; "
    "the diamond is the best, the square trial 0."
)
#: Values are cut off where they are so many times as far away as the middle nine tenths are apart.
_FAR = 3.0


def mark(axes: Axes, points: Sequence[tuple[float, Point | CostPoint]], best: int | None) -> None:
    """Draw the values of trials.

    Args:
        axes: The axes.
        points: Places on the horizontal axis, and trials with finite values.
        best: Number of the best trial.
    """
    for is_complete in (False, True):
        some = [(x, each.value) for x, each in points if (each.state == TrialState.COMPLETE) == is_complete]
        if some:
            colour, inside = (Colour.INK, Colour.INK) if is_complete else (Colour.FAINT, Colour.PAPER)
            axes.plot(*zip(*some, strict=True), "o", color=colour, markerfacecolor=inside, markersize=4)
    for number, form, colour in ((0, "s", Colour.RECIPE), (best, "D", Colour.BEST)):
        named = [(x, each.value) for x, each in points if each.trial == number]
        if named:
            axes.plot(*zip(*named, strict=True), form, color=colour, markersize=6)


def bound(axes: Axes, values: Sequence[float]) -> None:
    """Cut off values that are so far away that nothing could be seen of the others."""
    import numpy as np

    found = np.array([value for value in values if is_finite(value)])
    low, high = np.percentile(found, (5, 95))
    reach = _FAR * (high - low)
    if reach > 0 and (found.max() > high + reach or found.min() < low - reach):
        axes.set_ylim(max(found.min(), low - reach / 2), min(found.max(), high + reach / 2))


def logarithmic(axes: Axes) -> None:
    """Make the horizontal axis logarithmic, with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def best_of(report: Report) -> int | None:
    """Return the number of the best trial; None before a trial is complete."""
    return None if report.best is None else int(report.best["trial"])


def best_words(report: Report) -> str:
    """Return which trial is the best, for the description of a figure."""
    if report.best is None:
        return "No trial is complete yet."
    return f"The best is trial {report.best['trial']} with {report.status['metric']} {report.best['value']:.4f}."


def is_finite(value: Any) -> bool:
    """Return whether a value is a number that can be drawn."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
