from __future__ import annotations

from dataclasses import replace

import pytest

from tuner.reporting.pictures import CostPoint, Curve
from tuner.reporting.report.html import html
from tuner.reporting.report.report import Report

pytestmark = pytest.mark.rest

TRIALS = 200


def test_the_page_of_200_trials_has_less_than_2_mb(report: Report) -> None:
    pictures, trials = report.pictures, []
    curves: list[Curve] = []
    costs: list[CostPoint] = []
    points, spans = [], []
    for number in range(TRIALS):
        place = number % 4
        trials.append({**report.trials[place], "number": number})
        values = tuple((10 * step, 0.5 + 0.4 * ((7 * number + step) % 10) / 10) for step in range(1, 11))
        bar = next(each.missed for each in pictures.curves.curves if each.trial == 2) if place == 2 else None
        curves.append(replace(pictures.curves.curves[place], trial=number, points=values, missed=bar))
        costs.append(replace(pictures.costs.points[place], trial=number))
        points.append(replace(pictures.points.points[place], trial=number))
        span = pictures.timeline.spans[place]
        spans.append(replace(span, trial=number, began=60.0 * number, ended=60.0 * number + 50))
    many = replace(
        pictures,
        curves=replace(pictures.curves, curves=tuple(curves)),
        costs=replace(pictures.costs, points=tuple(costs)),
        points=replace(pictures.points, points=tuple(points)),
        timeline=replace(pictures.timeline, spans=tuple(spans)),
    )
    text = html(replace(report, trials=tuple(trials), pictures=many))
    assert text.count("<tr><th") > TRIALS
    assert len(text.encode()) < 2_000_000
