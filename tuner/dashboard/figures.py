"""Draws the pictures of a study as figures of Plotly: plain JSON values, which optuna-dashboard's page shows.

The page has Plotly's own library, so that none is needed here.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from storage import TrialState
from tuner.reporting.pictures import Axis, CostPoint, Costs, Curve, Curves, Depths, DepthTrial, Pictures, Points, Scale
from tuner.reporting.text import clock
from tuner.reporting.timeline import Span, SpanEnd, Timeline
from tuner.trial.evaluation import LAST_STEP

Figure = dict[str, Any]
T = TypeVar("T")

#: The most curves in a figure, and the most points and bars. More cannot be told apart, and slow the page down.
MOST_CURVES, MOST_POINTS = 200, 2000
_BLUE, _ORANGE, _GREY, _RED, _GREEN, _VIOLET = "#1f77b4", "#ff7f0e", "#a0a0a0", "#d62728", "#2ca02c", "#9467bd"
_COLOURS = {
    TrialState.COMPLETE: _BLUE,
    TrialState.PRUNED: _GREY,
    TrialState.FAILED: _RED,
    TrialState.RUNNING: _GREEN,
    TrialState.PAUSED: _VIOLET,
    TrialState.INTERRUPTED: _VIOLET,
    TrialState.SHELVED: _VIOLET,
}
_ENDS = {
    SpanEnd.OVER: ("over", _BLUE),
    SpanEnd.SHELVED: ("put aside", _VIOLET),
    SpanEnd.RELEASED: ("given back", _ORANGE),
    SpanEnd.LOST: ("lost, taken over by another worker", _RED),
    SpanEnd.OPEN: ("running", _GREEN),
}


def figures(pictures: Pictures) -> dict[str, Figure]:
    """Return the figures of a study by their ids in the page, in the order in which they are shown.

    A figure that has nothing to show yet is left out.
    """
    drawn = {
        "learning-curves": draw_curves(pictures.curves),
        "score-against-cost": draw_costs(pictures.costs),
        "hyperparameters": draw_points(pictures.points),
        "search-by-depth": draw_depths(pictures.depths),
        "timeline": draw_timeline(pictures.timeline),
    }
    return {name: figure for name, figure in drawn.items() if figure is not None}


def draw_curves(curves: Curves) -> Figure | None:
    """Draw learning curves on the axis of percent, with the rungs and the bars that pruned trials missed."""
    if not curves.curves:
        return None
    shown = _kept(curves.curves, _last_values(curves), MOST_CURVES, curves.direction)
    data = [_curve(each) for each in shown]
    missed = [each.missed for each in shown if each.missed is not None]
    if missed:
        x, y = _broken([(bar.step, bar.value, bar.needed) for bar in missed])
        line = {"color": _RED, "width": 1, "dash": "dot"}
        name = "what pruned trials missed"
        data.append({"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "name": name})
    shapes = [
        {"type": "line", "x0": rung, "x1": rung, "y0": 0, "y1": 1, "yref": "paper", "line": _THIN}
        for rung in curves.rungs
    ]
    title = f"Learning curves{_of(shown, curves.curves)}"
    x_axis = {"title": {"text": "percent of the trial's own schedule"}, "range": [0, LAST_STEP + 2]}
    return _figure(title, data, xaxis=x_axis, yaxis=_titled(curves.metric), shapes=shapes)


_THIN = {"color": "#cccccc", "width": 1, "dash": "dash"}


def _curve(curve: Curve) -> dict[str, Any]:
    colour = _ORANGE if curve.trial == 0 else _COLOURS[curve.state]
    words = "trial 0" if curve.trial == 0 else f"trial {curve.trial}, {curve.state}"
    if curve.missed is not None:
        words += f": {curve.missed.value:.4g} at {curve.missed.step} %, needed {curve.missed.needed:.4g}"
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [step for step, _ in curve.points],
        "y": [_number(value) for _, value in curve.points],
        "line": {"color": colour, "width": 2.5 if curve.trial == 0 else 1.2},
        "marker": {"size": 5},
        "opacity": 0.6 if curve.state == TrialState.PRUNED else 0.9,
        "name": words,
        "showlegend": False,
    }


def draw_costs(costs: Costs) -> Figure | None:
    """Draw value against cost, with the Pareto front."""
    if not costs.points:
        return None
    shown = _kept(costs.points, [each.value for each in costs.points], MOST_POINTS, costs.direction)
    priced = costs.are_priced

    def cost(point: CostPoint) -> float:
        return float(f"{point.runs if priced else point.device_s:.4g}")

    data: list[dict[str, Any]] = []
    for state in dict.fromkeys(each.state for each in shown):
        group = [each for each in shown if each.state == state]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [cost(each) for each in group],
                "y": [_number(each.value) for each in group],
                "text": [f"trial {each.trial}, {clock(each.device_s)}" for each in group],
                "marker": {"color": _COLOURS[state], "size": 8},
                "name": state.value,
            }
        )
    if front := costs.front:
        line = {"color": _ORANGE, "shape": "hv", "width": 2}
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": [cost(each) for each in front],
                "y": [_number(each.value) for each in front],
                "text": [f"trial {each.trial}" for each in front],
                "line": line,
                "name": "none is as good and cheaper",
            }
        )
    unit = "runs of trial 0" if priced else "device seconds"
    x_axis = {"title": {"text": f"cost of the trial, {unit}"}, "type": "log"}
    return _figure("Score against cost", data, xaxis=x_axis, yaxis=_titled(costs.metric))


def draw_points(points: Points) -> Figure | None:
    """Draw the hyperparameters that vary as parallel coordinates, coloured by value."""
    if len(points.points) < 2 or not points.axes:
        return None
    sound = [each for each in points.points if math.isfinite(each.value)]
    shown = _kept(sound, [each.value for each in sound], MOST_POINTS, points.direction)
    dimensions = [
        _dimension(axis, [each.hyperparameters[place] for each in shown]) for place, axis in enumerate(points.axes)
    ]
    values = [_number(each.value) for each in shown]
    dimensions.append({"label": points.metric, "values": values})
    line = {
        "color": values,
        "colorscale": "Viridis",
        "reversescale": points.direction == "minimize",
        "showscale": True,
        "colorbar": {"title": {"text": points.metric}},
    }
    small = {"size": 10}
    data = [
        {
            "type": "parcoords",
            "dimensions": dimensions,
            "line": line,
            "labelangle": -35,
            "labelfont": {"size": 11},
            "tickfont": small,
            "rangefont": {"size": 1, "color": "rgba(0,0,0,0)"},
        }
    ]
    few = "" if len(shown) >= 50 else f" (only {len(shown)} trials: a pattern may be chance)"
    figure = _figure(f"Hyperparameters{_of(shown, sound)}{few}", data)
    figure["layout"]["margin"] = {"l": 60, "r": 60, "t": 130, "b": 30}
    return figure


def _dimension(axis: Axis, values: Sequence[Any]) -> dict[str, Any]:
    label = _LABELS.get(axis.name, axis.name)
    if axis.scale is Scale.CHOICES:
        places = {choice: place for place, choice in enumerate(axis.choices)}
        return {
            "label": label,
            "values": [places.get(value, -1) for value in values],
            "tickvals": list(range(len(axis.choices))),
            "ticktext": [f"{each:g}" if isinstance(each, float) else str(each) for each in axis.choices],
        }
    if axis.scale is Scale.LINEAR:
        return {"label": label, "values": [_number(value) for value in values]}
    logarithms = [math.log10(value) for value in values]
    low, high = min(logarithms), max(logarithms)
    ticks = [low + place / 3 * (high - low) for place in range(4)]
    return {
        "label": label,
        "values": [float(f"{value:.4g}") for value in logarithms],
        "tickvals": ticks,
        "ticktext": [f"{10**tick:.2g}" for tick in ticks],
    }


#: Names as they fit above an axis.
_LABELS = {
    "learning_rate": "rate",
    "batch_size": "batch",
    "num_train_epochs": "epochs",
    "weight_decay": "decay",
    "lr_scheduler_type": "schedule",
    "frozen_layers": "frozen",
    "warmup_ratio": "warm-up",
    "head_init": "head",
}


def draw_depths(depths: Depths) -> Figure | None:
    """Draw where the search has put its device time, by depth."""
    groups = [each for each in depths.depths if each.trials]
    if not groups:
        return None
    priced = all(trial.runs is not None for depth in groups for trial in depth.trials)
    data: list[dict[str, Any]] = []
    labels = {
        id(depth): depth.words if depth.best is None else f"{depth.words}<br>best {depth.best:.4g}" for depth in groups
    }
    states = dict.fromkeys(trial.state for depth in groups for trial in depth.trials)
    for state in states:
        chosen = [(depth, trial) for depth in groups for trial in depth.trials if trial.state == state]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "y": [labels[id(depth)] for depth, _ in chosen],
                "x": [float(f"{trial.runs if priced else trial.device_s:.4g}") for _, trial in chosen],
                "hovertext": [_depth_words(trial) for _, trial in chosen],
                "marker": {"color": _COLOURS[state], "line": {"color": "white", "width": 1}},
                "name": state.value,
            }
        )
    unit = "runs of trial 0" if priced else "device seconds"
    title = "The search by depth" if depths.is_planned else "Trials by depth"
    if depths.is_planned and depths.decisions:
        title += f"<br><sup>last decision: {_short(depths.decisions[-1][1])}</sup>"
    figure = _figure(
        title,
        data,
        barmode="stack",
        xaxis={"title": {"text": f"cost, {unit}; each bar is a trial"}},
        yaxis={"automargin": True},
    )
    figure["layout"]["margin"] = {"t": 80}
    return figure


def _depth_words(trial: DepthTrial) -> str:
    value = "" if trial.value is None else f", {trial.value:.4g}"
    return f"trial {trial.trial}, {trial.state}{value} at {trial.percent} %"


def draw_timeline(timeline: Timeline) -> Figure | None:
    """Draw which worker trained which trial when, and the moves of trials between workers."""
    spans = timeline.spans[-MOST_POINTS:]
    if not spans:
        return None
    rows = _rows(spans)
    data: list[dict[str, Any]] = []
    for end in dict.fromkeys(span.end for span in spans):
        chosen = [span for span in spans if span.end == end]
        words, colour = _ENDS[end]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "base": [_moment(span.began) for span in chosen],
                "x": [max(1.0, round(1000 * (span.ended - span.began))) for span in chosen],
                "y": [rows[span.owner, span.lane] for span in chosen],
                "hovertext": [_span_words(span) for span in chosen],
                "hoverinfo": "text",
                "text": [str(span.trial) for span in chosen],
                "textposition": "inside",
                "marker": {"color": colour, "line": {"color": "white", "width": 1}},
                "name": words,
            }
        )
    if moves := _moves(spans, rows):
        data.append(moves)
    return _figure(
        f"Who trained when{_of(spans, timeline.spans)}",
        data,
        barmode="overlay",
        bargap=0.6,
        xaxis={"type": "date", "title": {"text": "UTC, by the database's clock"}},
        yaxis={"automargin": True, "type": "category", "autorange": "reversed"},
    )


def _rows(spans: Sequence[Span]) -> dict[tuple[str, int], str]:
    """Return the label of each worker's row, by the owner and its lane."""
    # A process whose study was edited goes on under another name, and the device is recorded for the last one alone.
    devices = {_process(span): span.device for span in spans if span.device}
    found: dict[tuple[str, int], str] = {}
    for span in spans:
        device = f" {devices[_process(span)]}" if _process(span) in devices else ""
        place = f"process {_process(span)[1][:10]}, lane {span.lane}"
        found[span.owner, span.lane] = f"{span.host}{device}<br>{place}"
    return found


def _process(span: Span) -> tuple[str, str]:
    return span.host, span.owner.removeprefix(f"{span.host}-").partition("-")[0]


def _moves(spans: Sequence[Span], rows: dict[tuple[str, int], str]) -> dict[str, Any] | None:
    """Return lines from where a trial was left to where it went on; None where none did."""
    before: dict[int, Span] = {}
    x: list[Any] = []
    y: list[Any] = []
    for span in spans:
        if (last := before.get(span.trial)) is not None:
            x += [_moment(last.ended), _moment(span.began), None]
            y += [rows[last.owner, last.lane], rows[span.owner, span.lane], None]
        before[span.trial] = span
    if not x:
        return None
    line = {"color": "#555555", "width": 1, "dash": "dot"}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "name": "went on, or moved"}


def _span_words(span: Span) -> str:
    again = f", attempt {span.attempt}" if span.attempt > 1 else ""
    moved = ", moved from another machine" if span.is_moved else ""
    reason = f": {_short(span.reason)}" if span.reason else ""
    return f"trial {span.trial}{again}{moved}, {clock(span.ended - span.began)}, {_ENDS[span.end][0]}{reason}"


# ---- parts that all figures share


_BELOW = {"orientation": "h", "y": -0.25}


def _figure(title: str, data: list[dict[str, Any]], **layout: Any) -> Figure:
    return {"data": data, "layout": {"title": {"text": title}, "hovermode": "closest", "legend": _BELOW, **layout}}


def _titled(text: str) -> dict[str, Any]:
    return {"title": {"text": text}}


def _of(shown: Sequence[object], known: Sequence[object]) -> str:
    return "" if len(shown) == len(known) else f": {len(shown):,} of {len(known):,}"


def _short(text: str, length: int = 70) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _number(value: Any) -> float | None:
    """Return a number with six digits; None, which leaves a gap, for one that is not finite and for no number."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(f"{value:.6g}")


def _moment(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _broken(lines: Iterable[tuple[float, float, float]]) -> tuple[list[float | None], list[float | None]]:
    x: list[float | None] = []
    y: list[float | None] = []
    for place, low, high in lines:
        x += [place, place, None]
        y += [_number(low), _number(high), None]
    return x, y


def _last_values(curves: Curves) -> list[float]:
    return [each.points[-1][1] for each in curves.curves]


def _kept(entries: Sequence[T], values: Sequence[float], most: int, direction: str) -> list[T]:
    """Return at most so many entries, in order: the first one, the best ones, and those that came last."""
    if len(entries) <= most:
        return list(entries)
    sign = -1.0 if direction == "maximize" else 1.0
    worth = [sign * value if math.isfinite(value) else math.inf for value in values]
    best = sorted(range(len(entries)), key=worth.__getitem__)[: most // 2]
    chosen = {0, *best}
    for place in range(len(entries) - 1, -1, -1):
        if len(chosen) >= most:
            break
        chosen.add(place)
    return [entries[place] for place in sorted(chosen)]
