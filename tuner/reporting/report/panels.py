"""The figure of a report with a panel for each hyperparameter: its values against those of the trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tuner.reporting.pictures import Axis, Scale
from tuner.reporting.report.drawing import Figure, draw, plain, words
from tuner.reporting.report.marks import MARKS, best_of, best_words, bound, is_finite, logarithmic, mark
from tuner.reporting.report.tables import setting

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from tuner.reporting.pictures import Point
    from tuner.reporting.report.report import Report

#: Panels that stand side by side.
_COLUMNS = 3
#: Choices that have their names on an axis; of more, the last ones have none.
_NAMED = 12
#: Characters of names that stand side by side; of more, the names are slanted.
_SIDE_BY_SIDE = 18


def hyperparameters(report: Report) -> Figure | None:
    """Return a panel for each hyperparameter that varies; None where none does or no trial has a value.

    Raises:
        TunerError: matplotlib is not installed.
    """
    found = report.pictures.points
    points = [point for point in found.points if is_finite(point.value)]
    if not points or not found.axes:
        return None
    columns = min(_COLUMNS, len(found.axes))
    rows = math.ceil(len(found.axes) / columns)

    def paint(canvas: Canvas) -> None:
        places = canvas.subplots(rows, columns, sharey=True, squeeze=False)
        for panel in places.flat[len(found.axes) :]:
            panel.remove()
        for number, (axis, panel) in enumerate(zip(found.axes, places.flat, strict=False)):
            tried = [(point.hyperparameters[number], point) for point in points]
            _paint(plain(panel), axis, [pair for pair in tried if pair[0] is not None], best_of(report))
        for panel in places[:, 0]:
            panel.set_ylabel(words(found.metric))
        bound(places[0, 0], [point.value for point in points])

    names = ", ".join(words(axis.name) for axis in found.axes)
    about = f"A panel for each of {names}: its values, and those that the trials reached with them. "
    title = "Each hyperparameter against the value"
    return draw("hyperparameters", title, f"{about}{MARKS} {best_words(report)}", paint, height=0.3 + 2.1 * rows)


def _paint(panel: Axes, axis: Axis, tried: Sequence[tuple[Any, Point]], best: int | None) -> None:
    panel.set_title(words(axis.name))
    if axis.scale is Scale.CHOICES:
        choices = [words(setting(choice), 14) for choice in axis.choices]
        named = choices[:_NAMED]
        panel.set_xticks(range(len(named)), named)
        if len("".join(named)) > _SIDE_BY_SIDE:
            panel.tick_params(axis="x", rotation=35)
            for label in panel.get_xticklabels():
                label.set(horizontalalignment="right", rotation_mode="anchor")
        panel.set_xlim(-0.5, len(choices) - 0.5)
        mark(panel, [(axis.choices.index(value), point) for value, point in tried], best)
        return
    if axis.scale is Scale.LOG:
        logarithmic(panel)
    mark(panel, [(value, point) for value, point in tried if is_finite(value)], best)
