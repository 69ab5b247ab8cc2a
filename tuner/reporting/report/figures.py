"""The figures of a report: learning curves, the trials in their order, and each hyperparameter against the value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from storage import TrialState
from tuner.reporting.report.drawing import Colour, Figure, draw, plain, words
from tuner.reporting.report.tables import setting
from tuner.trial.evaluation import LAST_STEP, is_better

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from tuner.reporting.report.report import Report

#: Panels of hyperparameters that stand side by side.
_COLUMNS = 3
#: Distinct numbers up to which they are drawn as choices, at equal distances.
_CHOICES = 7
#: Distinct choices that an axis has room for; of more, the last ones are drawn without their names.
_NAMED = 12
#: The ratio of the largest to the smallest number from which on an axis is logarithmic.
_LOGARITHMIC = 20
#: Values are cut off where they are so many times as far away as the middle nine tenths are apart.
_FAR = 3.0


def figures_of(report: Report) -> list[Figure]:
    """Return the figures that a study has something to show in.

    Raises:
        TunerError: matplotlib is not installed.
    """
    found = [curves(report), history(report), hyperparameters(report)]
    return [figure for figure in found if figure is not None]


def curves(report: Report) -> Figure | None:
    """Return the learning curves of all trials on one scale; None where no trial has an evaluation."""
    trials = [(trial, _points(trial)) for trial in report.trials]
    trials = [(trial, points) for trial, points in trials if points]
    if not trials:
        return None
    best, metric = _best(report), report.status["metric"]

    def paint(canvas: Canvas) -> None:
        axes = plain(canvas.subplots())
        for trial, points in sorted(trials, key=lambda each: _importance(each[0], best)):
            steps, values = zip(*points, strict=True)
            axes.plot(steps, values, **_line(trial, best))
            if trial["state"] == TrialState.PRUNED:
                axes.plot(steps[-1:], values[-1:], "x", color=Colour.FAINT, markersize=4)
        _labelled(axes, [(trial, points[-1]) for trial, points in trials if trial["number"] in (0, best)], best)
        axes.set_xlim(0, LAST_STEP + 12)
        axes.set_xticks(range(0, LAST_STEP + 1, 20), [f"{step} %" for step in range(0, LAST_STEP + 1, 20)])
        axes.set_xlabel("of the trial's schedule")
        axes.set_ylabel(words(metric))
        _bounded(axes, [value for _, points in trials for _, value in points])

    pruned = sum(trial["state"] == TrialState.PRUNED for trial, _ in trials)
    about = f"Learning curves of {len(trials)} trials, {metric} against the percent of each trial's schedule. "
    about += f"{pruned} were pruned: their curves are faint and end with a cross." if pruned else "None was pruned."
    return draw("curves", "Learning curves", f"{about}{_last_words(report)}", paint, height=3.6)


def history(report: Report) -> Figure | None:
    """Return the values of the trials in their order, with the noise of the best; None where no trial has a value."""
    trials = [trial for trial in report.trials if _is_finite(trial["value"])]
    if not trials:
        return None
    best, direction, metric = _best(report), report.status["direction"], report.status["metric"]
    noise = None if report.best is None else report.best["validation"]["noise"]

    def paint(canvas: Canvas) -> None:
        axes = plain(canvas.subplots())
        if report.best is not None and noise is not None:
            value = report.best["value"]
            axes.axhspan(value - noise, value + noise, color=Colour.BEST, alpha=0.12, linewidth=0)
            axes.annotate(
                "noise of the best", (1, value - noise), xycoords=("axes fraction", "data"), ha="right", va="bottom",
                fontsize=8, color=Colour.INK,
            )  # fmt: skip
        steps = _best_so_far(trials, direction)
        if steps:
            axes.step(*zip(*steps, strict=True), where="post", color=Colour.BEST, linewidth=1)
        _marks(axes, [(trial["number"], trial) for trial in trials], best)
        axes.set_xlabel("trial")
        axes.set_ylabel(words(metric))
        axes.xaxis.get_major_locator().set_params(integer=True)
        _bounded(axes, [trial["value"] for trial in trials])

    about = f"Values of {len(trials)} trials in their order; the line is the best complete one so far. "
    if noise is not None:
        about += f"The band is the noise of the best value, {noise:.2g} on either side. "
    about += "Filled marks are complete trials, hollow ones ended before or are not over."
    return draw("history", "The trials in their order", f"{about}{_last_words(report)}", paint, height=3.0)


def hyperparameters(report: Report) -> Figure | None:
    """Return a panel for each hyperparameter that varies; None where none does or no trial has a value."""
    trials = [trial for trial in report.trials if _is_finite(trial["value"])]
    names = [name for name in report.varied if any(name in trial["hyperparameters"] for trial in trials)]
    if not trials or not names:
        return None
    best, rows = _best(report), math.ceil(len(names) / _COLUMNS)

    def paint(canvas: Canvas) -> None:
        grid = canvas.subplots(rows, _COLUMNS, sharey=True, squeeze=False)
        for axes in grid.flat[len(names) :]:
            axes.set_visible(False)
        for name, axes in zip(names, grid.flat, strict=False):
            _panel(plain(axes), name, [trial for trial in trials if name in trial["hyperparameters"]], best)
        for axes in grid[:, 0]:
            axes.set_ylabel(words(report.status["metric"]))
        _bounded(grid[0, 0], [trial["value"] for trial in trials])

    about = f"A panel for each of {', '.join(words(name) for name in names)}: its values against those of the trials. "
    about += "Filled marks are complete trials, hollow ones ended before or are not over."
    return draw("hyperparameters", "Hyperparameters", f"{about}{_last_words(report)}", paint, height=2.1 * rows)


def _panel(axes: Axes, name: str, trials: Sequence[Mapping[str, Any]], best: int | None) -> None:
    axes.set_title(words(name))
    values = [trial["hyperparameters"][name] for trial in trials]
    numbers = [value for value in values if _is_finite(value)]
    if len(numbers) < len(values) or len({*numbers}) <= _CHOICES:
        choices = _choices(values)
        places = [float(choices.index(setting(value))) for value in values]
        axes.set_xticks(range(min(len(choices), _NAMED)), [words(each, 12) for each in choices[:_NAMED]])
        axes.tick_params(axis="x", rotation=90 if sum(map(len, choices)) > 24 else 0)
        axes.set_xlim(-0.5, len(choices) - 0.5)
    else:
        places = numbers
        if min(numbers) > 0 and max(numbers) / min(numbers) >= _LOGARITHMIC:
            axes.set_xscale("log")
        axes.tick_params(axis="x", rotation=0)
    _marks(axes, list(zip(places, trials, strict=True)), best)


def _choices(values: Sequence[Any]) -> list[str]:
    """Return the distinct values as texts: numbers by size, then words."""
    ordered = sorted({*values}, key=lambda value: (isinstance(value, str), value if _is_finite(value) else 0, str(value)))
    return [*dict.fromkeys(setting(value) for value in ordered)]


def _marks(axes: Axes, points: Sequence[tuple[float, Mapping[str, Any]]], best: int | None) -> None:
    """Draw the values of trials: each mark tells by its form what became of the trial."""
    for is_complete in (False, True):
        some = [(x, each["value"]) for x, each in points if (each["state"] == TrialState.COMPLETE) == is_complete]
        if some:
            colour, inside = (Colour.INK, Colour.INK) if is_complete else (Colour.FAINT, Colour.PAPER)
            axes.plot(*zip(*some, strict=True), "o", color=colour, markerfacecolor=inside, markersize=4)
    for number, mark, colour in ((0, "s", Colour.RECIPE), (best, "D", Colour.BEST)):
        named = [(x, each["value"]) for x, each in points if each["number"] == number]
        axes.plot(*zip(*named, strict=True), mark, color=colour, markersize=6) if named else None


def _line(trial: Mapping[str, Any], best: int | None) -> dict[str, Any]:
    """Return how the curve of a trial is drawn."""
    if trial["number"] == best:
        return {"color": Colour.BEST, "linewidth": 2.2, "marker": "D", "markersize": 3.5}
    if trial["number"] == 0:
        return {"color": Colour.RECIPE, "linewidth": 1.6, "linestyle": "--", "marker": "s", "markersize": 3.5}
    if trial["state"] == TrialState.COMPLETE:
        return {"color": Colour.INK, "linewidth": 0.7, "alpha": 0.6}
    return {"color": Colour.FAINT, "linewidth": 0.7, "alpha": 0.8}


def _labelled(
    axes: Axes, ends: Sequence[tuple[Mapping[str, Any], tuple[int, float]]], best: int | None
) -> None:
    """Write at the ends of the two curves that count whose they are."""
    upper = max((end[1] for _, end in ends), default=0.0)
    for trial, (step, value) in ends:
        name = "best" if trial["number"] == best else "trial 0"
        axes.annotate(
            name, (step, value), xytext=(6, 3 if value == upper else -3), textcoords="offset points",
            va="bottom" if value == upper else "top", color=Colour.INK,
        )  # fmt: skip


def _bounded(axes: Axes, values: Sequence[float]) -> None:
    """Cut off values that are so far away that nothing could be seen of the others."""
    import numpy as np

    found = np.array([value for value in values if _is_finite(value)])
    low, high = np.percentile(found, (5, 95))
    reach = _FAR * (high - low)
    if reach > 0 and (found.max() > high + reach or found.min() < low - reach):
        axes.set_ylim(max(found.min(), low - reach / 2), min(found.max(), high + reach / 2))


def _best_so_far(trials: Sequence[Mapping[str, Any]], direction: str) -> list[tuple[int, float]]:
    """Return number and value of each complete trial that was better than all before it, up to the last trial."""
    found: list[tuple[int, float]] = []
    for trial in trials:
        if trial["state"] == TrialState.COMPLETE and (
            not found or is_better(trial["value"], found[-1][1], direction)
        ):
            found.append((trial["number"], trial["value"]))
    return [*found, (trials[-1]["number"], found[-1][1])] if found else []


def _points(trial: Mapping[str, Any]) -> list[tuple[int, float]]:
    return [(each["step"], each["value"]) for each in trial["steps"] if _is_finite(each["value"])]


def _importance(trial: Mapping[str, Any], best: int | None) -> tuple[bool, bool, bool]:
    """Return by what curves are ordered: those that count are drawn last, above the others."""
    return trial["number"] == best, trial["number"] == 0, trial["state"] == TrialState.COMPLETE


def _best(report: Report) -> int | None:
    return None if report.best is None else int(report.best["trial"])


def _last_words(report: Report) -> str:
    """Return which trial is the best, for a description."""
    if report.best is None:
        return " No trial is complete yet."
    return f" The best is trial {report.best['trial']} with {report.best['value']:.4f}."


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
