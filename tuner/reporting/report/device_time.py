"""Figures of a report about device time: who trained which trial when, and what each depth has cost."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from storage import TrialState
from tuner.reporting.report.drawing import Colour, Figure, draw, words
from tuner.reporting.report.tables import duration
from tuner.reporting.text import counted
from tuner.reporting.timeline import SpanEnd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from tuner.reporting.pictures import Depth
    from tuner.reporting.report.report import Report
    from tuner.reporting.timeline import Span

#: The share of the axis that a time is shortened to in which nothing trained.
_PAUSE = 0.02
#: The share of the axis below which an attempt has no room for the number of its trial.
_ROOM = 0.025


def timeline(report: Report) -> Figure | None:
    """Return which trial was trained when, by machine; None where no trial has begun.

    Machines are numbered: their names are no concern of whoever is given the report.

    Raises:
        TunerError: matplotlib is not installed.
    """
    spans = report.pictures.timeline.spans
    if not spans:
        return None
    hosts = [*dict.fromkeys(span.host for span in spans)]
    rows = sorted({(hosts.index(span.host), span.lane) for span in spans})
    states = {trial["number"]: trial["state"] for trial in report.trials}
    place, total, pauses = _without_pauses(spans)

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        for span in spans:
            row = rows.index((hosts.index(span.host), span.lane))
            begin, width = place(span.began), max(place(span.ended) - place(span.began), total / 500)
            is_faint = states.get(span.trial) != TrialState.COMPLETE
            is_left = span.end in (SpanEnd.RELEASED, SpanEnd.LOST)
            axes.broken_barh(
                [(begin, width)], (row - 0.4, 0.8), facecolor=Colour.FAINT if is_faint else Colour.BEST, linewidth=0.4,
                alpha=0.35, edgecolor=Colour.INK, hatch="///" if is_left else None,
            )  # fmt: skip
            if width >= _ROOM * total:
                middle = begin + width / 2
                axes.text(middle, row, str(span.trial), ha="center", va="center", fontsize=7, color=Colour.INK)
        names = [f"machine {host + 1}" + (f", {lane + 1}" if lane else "") for host, lane in rows]
        axes.set_yticks(range(len(rows)), names)
        axes.invert_yaxis()
        axes.set_xlim(0, total)
        _in_time(axes, total)

    about = f"{counted(len(spans), 'attempt')} at trials on {counted(len(hosts), 'machine')}. "
    about += (
        "Each bar bears the number of its trial where it has room; those of trials that are not complete are grey. "
    )
    if any(span.end in (SpanEnd.RELEASED, SpanEnd.LOST) for span in spans):
        about += "Hatched attempts were interrupted, and a later one went on. "
    if pauses:
        about += f"{pauses:,} {'time' if pauses == 1 else 'times'} in which nothing trained are shortened. "
    return draw("timeline", "Who trained when", about.strip(), paint, height=0.9 + 0.3 * len(rows))


def depths(report: Report) -> Figure | None:
    """Return the device time of each depth, with its best value; None where trials have one depth.

    Raises:
        TunerError: matplotlib is not installed.
    """
    found = [depth for depth in report.pictures.depths.depths if depth.trials]
    if len(found) < 2:
        return None

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        longest = max(sum(each.device_s for each in depth.trials) for depth in found) or 1.0
        for row, depth in enumerate(found):
            begin = 0.0
            for is_complete, colour in ((True, Colour.BEST), (False, Colour.FAINT)):
                width = sum(t.device_s for t in depth.trials if (t.state == TrialState.COMPLETE) == is_complete)
                axes.barh(row, width, left=begin, height=0.7, color=colour, alpha=0.45)
                begin += width
            axes.annotate(_depth_words(depth), (begin, row), xytext=(4, 0), textcoords="offset points", va="center")
        axes.set_yticks(range(len(found)), [words(depth.words, 40) for depth in found])
        axes.invert_yaxis()
        axes.set_xlim(0, longest * 1.6)
        _in_time(axes, longest * 1.6)

    told = [f"{depth.words}: {_depth_words(depth)}" for depth in found]
    about = f"Device time by which layers are trained, the part of complete trials first. {'; '.join(told)}."
    return draw("depths", "Device time by depth", about, paint, height=0.9 + 0.3 * len(found))


def _depth_words(depth: Depth) -> str:
    count = len(depth.trials)
    best = "none complete" if depth.best is None else f"best {depth.best:.4f}"
    return f"{count:,} {'trial' if count == 1 else 'trials'}, {best}"


def _without_pauses(spans: Sequence[Span]) -> tuple[Callable[[float], float], float, int]:
    """Return where a moment stands on an axis that shortens pauses, how long the axis is, and the number of pauses.

    A pause of a night would leave no room for the trials.
    """
    busy: list[list[float]] = []
    for began, ended in sorted((span.began, span.ended) for span in spans):
        if busy and began <= busy[-1][1]:
            busy[-1][1] = max(busy[-1][1], ended)
        else:
            busy.append([began, ended])
    gaps = [(one[1], other[0]) for one, other in itertools.pairwise(busy)]
    trained = sum(ended - began for began, ended in busy)
    most = max(_PAUSE * trained, 1.0)
    cut = [(end, begin - end - most) for end, begin in gaps if begin - end > most]

    def place(moment: float) -> float:
        return moment - busy[0][0] - sum(length for end, length in cut if moment > end)

    return place, max(place(busy[-1][1]), 1.0), len(cut)


def _in_time(axes: Axes, most: float) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(6, integer=most > 6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: duration(seconds)))
