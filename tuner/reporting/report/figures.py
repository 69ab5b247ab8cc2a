"""Figures of a report about values: learning curves, the trials in their order, and the value against the cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from storage import TrialState
from tuner.reporting.report.drawing import Colour, Figure, draw, plain, words
from tuner.reporting.report.marks import MARKS, best_of, best_words, bound, is_finite, logarithmic, mark
from tuner.reporting.report.tables import duration
from tuner.reporting.text import counted
from tuner.trial.evaluation import LAST_STEP, is_better

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from tuner.reporting.pictures import Curve, Point
    from tuner.reporting.report.report import Report


def curves(report: Report) -> Figure | None:
    """Return the learning curves of all trials on one scale; None where no trial has an evaluation.

    Raises:
        TunerError: matplotlib is not installed.
    """
    shown = [(curve, points) for curve in report.pictures.curves.curves if (points := _points(curve))]
    if not shown:
        return None
    best, metric = best_of(report), report.pictures.curves.metric
    missed = [(curve, curve.missed) for curve, _ in shown if curve.missed is not None]

    def paint(canvas: Canvas) -> None:
        axes = plain(canvas.subplots())
        for curve, points in sorted(shown, key=lambda each: _importance(each[0], best)):
            steps, values = zip(*points, strict=True)
            axes.plot(steps, values, **_line(curve, best))
            if curve.state == TrialState.PRUNED:
                axes.plot(steps[-1:], values[-1:], "x", color=Colour.FAINT, markersize=4)
        for _, bar in missed:
            axes.plot([bar.step, bar.step], [bar.value, bar.needed], ":", color=Colour.FAINT, linewidth=0.8)
            axes.plot([bar.step], [bar.needed], "_", color=Colour.INK, markersize=9)
        _label_ends(axes, [(curve, points[-1]) for curve, points in shown if curve.trial in (0, best)], best)
        rungs = [rung for rung in report.pictures.curves.rungs if rung <= LAST_STEP]
        axes.set_xlim(0, LAST_STEP + 12)
        axes.set_xticks(rungs, [f"{rung} %" for rung in rungs])
        axes.set_xlabel("of the trial's schedule")
        axes.set_ylabel(words(metric))
        bound(axes, [value for _, points in shown for _, value in points])

    pruned = sum(curve.state == TrialState.PRUNED for curve, _ in shown)
    about = f"{metric} against the percent of each trial's schedule, of {counted(len(shown), 'trial')}. "
    about += "The thick line with diamonds is the best, the dashed one with squares trial 0. "
    if pruned:
        about += f"{pruned:,} were pruned: their curves are faint and end with a cross. "
    if missed:
        about += "A short bar over or under a cross is the value that the trial needed to go on. "
    return draw("curves", "Learning curves", f"{about}{best_words(report)}", paint, height=3.8)


def history(report: Report) -> Figure | None:
    """Return the values of the trials in their order, with the noise of the best; None where no trial has a value.

    Raises:
        TunerError: matplotlib is not installed.
    """
    points = [point for point in report.pictures.points.points if is_finite(point.value)]
    if not points:
        return None
    best, noise = best_of(report), None if report.best is None else report.best["validation"]["noise"]

    def paint(canvas: Canvas) -> None:
        from matplotlib.ticker import MaxNLocator

        axes = plain(canvas.subplots())
        if report.best is not None and noise is not None:
            low, high = report.best["value"] - noise, report.best["value"] + noise
            axes.axhspan(low, high, color=Colour.BEST, alpha=0.12, linewidth=0)
            axes.annotate(
                "noise of the best", (1, low), xycoords=("axes fraction", "data"), xytext=(-3, 2),
                textcoords="offset points", ha="right", va="bottom", fontsize=8, color=Colour.INK,
            )  # fmt: skip
        steps = _best_so_far(points, report.status["direction"])
        if steps:
            axes.step(*zip(*steps, strict=True), where="post", color=Colour.BEST, linewidth=1)
        mark(axes, [(point.trial, point) for point in points], best)
        axes.set_xlabel("trial")
        axes.set_ylabel(words(report.status["metric"]))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        bound(axes, [point.value for point in points])

    about = f"Values of {counted(len(points), 'trial')} in their order; the line is the best complete one so far. "
    if noise is not None:
        about += f"The band is the noise of the best value, {noise:.2g} on either side. "
    return draw("history", "The trials in their order", f"{about}{MARKS} {best_words(report)}", paint, height=3.0)


def costs(report: Report) -> Figure | None:
    """Return the value of the trials against what they cost; None where no trial has a value and a cost.

    Raises:
        TunerError: matplotlib is not installed.
    """
    found = report.pictures.costs
    points = [point for point in found.points if is_finite(point.value)]
    if not points:
        return None
    in_runs = all(point.runs is not None for point in points)

    def cost(point: Any) -> float:
        return float(point.runs if in_runs else point.device_s)

    front = [point for point in found.front if is_finite(point.value)]

    def paint(canvas: Canvas) -> None:
        axes = plain(canvas.subplots())
        axes.step([cost(each) for each in front], [each.value for each in front], where="post", color=Colour.BEST, lw=1)
        mark(axes, [(cost(point), point) for point in points], best_of(report))
        spread = [cost(point) for point in points]
        if max(spread) >= 20 * min(spread):
            logarithmic(axes)
        axes.set_xlabel("full runs of trial 0" if in_runs else "device seconds")
        axes.set_ylabel(words(found.metric))
        bound(axes, [point.value for point in points])

    told = [f"trial {each.trial} with {each.value:.4f} in {duration(each.device_s)}" for each in front]
    about = f"Values of {counted(len(points), 'trial')} against what each has cost. "
    if told:
        about += f"On the line no trial is as good and cheaper: {', '.join(told)}. "
    return draw("costs", "Value against cost", f"{about}{MARKS}", paint, height=3.0)


def _points(curve: Curve) -> list[tuple[int, float]]:
    return [(step, value) for step, value in curve.points if is_finite(value)]


def _line(curve: Curve, best: int | None) -> dict[str, Any]:
    """Return how the curve of a trial is drawn."""
    if curve.trial == best:
        return {"color": Colour.BEST, "linewidth": 2.2, "marker": "D", "markersize": 3.5}
    if curve.trial == 0:
        return {"color": Colour.RECIPE, "linewidth": 1.6, "linestyle": "--", "marker": "s", "markersize": 3.5}
    if curve.state == TrialState.COMPLETE:
        return {"color": Colour.INK, "linewidth": 0.7, "alpha": 0.6}
    return {"color": Colour.FAINT, "linewidth": 0.7, "alpha": 0.8}


def _importance(curve: Curve, best: int | None) -> tuple[bool, bool, bool]:
    """Return by what curves are ordered: those that count are drawn last, above the others."""
    return curve.trial == best, curve.trial == 0, curve.state == TrialState.COMPLETE


def _label_ends(axes: Axes, ends: Sequence[tuple[Curve, tuple[int, float]]], best: int | None) -> None:
    """Write at the ends of the two curves that count whose they are."""
    upper = max((value for _, (_, value) in ends), default=0.0)
    for curve, (step, value) in ends:
        name, is_upper = "best" if curve.trial == best else "trial 0", value == upper
        axes.annotate(
            name, (step, value), xytext=(6, 3 if is_upper else -3), textcoords="offset points",
            va="bottom" if is_upper else "top", color=Colour.INK,
        )  # fmt: skip


def _best_so_far(points: Sequence[Point], direction: str) -> list[tuple[int, float]]:
    """Return number and value of each complete trial that was better than all before it, up to the last trial."""
    found: list[tuple[int, float]] = []
    for point in points:
        if point.state == TrialState.COMPLETE and is_better(point.value, found[-1][1] if found else None, direction):
            found.append((point.trial, point.value))
    return [*found, (points[-1].trial, found[-1][1])] if found else []
