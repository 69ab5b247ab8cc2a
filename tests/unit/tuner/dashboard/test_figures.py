from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from storage import TrialState
from tuner.dashboard.figures import MOST_CURVES, draw_curves, draw_points, draw_timeline, figures
from tuner.reporting.pictures import (
    Axis,
    Bar,
    CostPoint,
    Costs,
    Curve,
    Curves,
    Depth,
    Depths,
    DepthTrial,
    Pictures,
    Point,
    Points,
    Scale,
)
from tuner.reporting.timeline import Span, SpanEnd, Timeline

METRIC: dict[str, Any] = {"metric": "accuracy", "direction": "maximize"}


def curves_of(count: int) -> Curves:
    curves = [
        Curve(trial=number, state=TrialState.COMPLETE, points=((50, 0.1), (100, number / count)))
        for number in range(count)
    ]
    return Curves(**METRIC, rungs=(50, 100), curves=tuple(curves))


def span(trial: int, owner: str, began: float, ended: float, end: SpanEnd) -> Span:
    return Span(
        trial=trial,
        attempt=1,
        owner=owner,
        host=owner,
        device="cpu",
        lane=0,
        began=began,
        ended=ended,
        end=end,
        reason=None,
        is_moved=False,
    )


def test_a_study_without_trials_has_no_figures() -> None:
    empty = Pictures(
        study="s",
        curves=Curves(**METRIC, rungs=(), curves=()),
        costs=Costs(**METRIC, points=()),
        points=Points(**METRIC, axes=(), fixed={}, points=()),
        timeline=Timeline(spans=()),
        depths=Depths(metric="accuracy", depths=(), decisions=(), is_planned=False),
    )
    assert figures(empty) == {}


def test_each_picture_is_a_figure_of_json_values() -> None:
    state = TrialState.COMPLETE
    pruned = Curve(
        trial=1, state=TrialState.PRUNED, points=((50, 0.4),), missed=Bar(step=50, value=0.4, needed=0.55555555)
    )
    cost = CostPoint(trial=0, state=state, value=0.5, device_s=3.0, runs=1.0, is_on_front=True)
    rate = Axis(name="learning_rate", scale=Scale.LOG)
    points = [Point(trial=n, state=state, value=0.5, hyperparameters=(10.0**-n,)) for n in (4, 5)]
    trial = DepthTrial(trial=0, state=state, percent=100, value=0.5, device_s=3.0, runs=1.0)
    depth = Depth(frozen=0.0, head="random", words="all layers, random head", trials=(trial,), best=0.5)
    pictures = Pictures(
        study="s",
        curves=Curves(**METRIC, rungs=(50, 100), curves=(*curves_of(1).curves, pruned)),
        costs=Costs(**METRIC, points=(cost,)),
        points=Points(**METRIC, axes=(rate,), fixed={}, points=tuple(points)),
        timeline=Timeline(spans=(span(0, "a", 1, 2, SpanEnd.LOST), span(0, "b", 3, 4, SpanEnd.OVER))),
        depths=Depths(metric="accuracy", depths=(depth,), decisions=((1.0, "begin"),), is_planned=True),
    )
    drawn = figures(pictures)
    ids = ["learning-curves", "score-against-cost", "hyperparameters", "search-by-depth", "timeline"]
    assert list(drawn) == ids
    assert json.loads(json.dumps(drawn, allow_nan=False)) == drawn
    bar = next(each for each in drawn["learning-curves"]["data"] if each["name"] == "what pruned trials missed")
    assert (bar["x"], bar["y"]) == ([50, 50, None], [0.4, 0.555556, None])
    moves = drawn["timeline"]["data"][-1]
    assert moves["x"] == ["1970-01-01 00:00:02.000", "1970-01-01 00:00:03.000", None]
    assert [shape["x0"] for shape in drawn["learning-curves"]["layout"]["shapes"]] == [50, 100]


def test_of_many_curves_the_first_the_best_and_the_last_are_drawn() -> None:
    figure = draw_curves(curves_of(1000))
    assert figure is not None
    assert len(figure["data"]) == MOST_CURVES
    assert figure["layout"]["title"]["text"] == "Learning curves: 200 of 1,000"
    assert (figure["data"][0]["name"], figure["data"][-1]["name"]) == ("trial 0", "trial 999, complete")


def test_values_that_are_no_numbers_leave_gaps() -> None:
    curve = Curve(trial=1, state=TrialState.PRUNED, points=((50, float("nan")), (100, float("inf"))))
    figure = draw_curves(Curves(**METRIC, rungs=(), curves=(curve,)))
    assert figure is not None
    assert figure["data"][0]["y"] == [None, None]


def test_a_single_point_is_no_picture_of_hyperparameters() -> None:
    point = Point(trial=0, state=TrialState.COMPLETE, value=0.5, hyperparameters=(1,))
    axis = Axis(name="batch_size", scale=Scale.LINEAR)
    assert draw_points(Points(**METRIC, axes=(axis,), fixed={}, points=(point,))) is None


def test_a_trial_that_trains_is_drawn_up_to_now() -> None:
    figure = draw_timeline(Timeline(spans=(span(0, "a", 1, 2, SpanEnd.OPEN),)))
    assert figure is not None
    assert [(each["name"], each["x"]) for each in figure["data"]] == [("running", [1000])]


def test_a_process_that_goes_on_under_another_name_has_its_device_in_every_row() -> None:
    before = replace(span(0, "vm-12-0a1b2c3d-x", 0.0, 1.0, SpanEnd.RELEASED), host="vm", device=None)
    after = replace(span(0, "vm-12-4e5f6071-y", 1.0, 2.0, SpanEnd.OVER), host="vm", device="cpu")
    figure = draw_timeline(Timeline(spans=(before, after)))
    assert figure is not None
    rows = {row for trace in figure["data"] for row in trace["y"] if row is not None}
    assert rows == {"vm cpu<br>process 12, lane 0"}
