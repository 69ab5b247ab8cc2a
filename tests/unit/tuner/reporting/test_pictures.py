from __future__ import annotations

import math
from typing import Any

import pytest
from trial_records import trial_of

from storage import StudyRecord, StudyState, TrialState
from tuner.reporting.pictures import Scale, costs_of, curves_of, depths_of, points_of
from tuner.study.full_runs import Prices

PRICES = Prices(by_kind={"cpu": 10.0})


def study_of(direction: str = "maximize", **facts: Any) -> StudyRecord:
    config = {"metric": {"name": "accuracy", "direction": direction}}
    return StudyRecord(id=1, name="s", config=config, facts=facts, state=StudyState.OPEN, wall_s=0.0)


def test_a_pruned_trial_missed_the_weakest_better_value_with_which_another_one_went_on() -> None:
    trials = [
        trial_of(0, TrialState.COMPLETE, 0.3, 0.4, 0.5, 0.6),
        trial_of(1, TrialState.COMPLETE, 0.6, 0.7, 0.8, 0.9),
        trial_of(2, TrialState.COMPLETE, 0.5, 0.6, 0.7, 0.8),
        trial_of(3, TrialState.PRUNED, 0.4, 0.5, reason="pruned: 0.5 at 50 % was among the weakest"),
    ]
    missed = curves_of(study_of(looks=[25, 50, 75, 100]), trials).curves[3].missed
    assert missed is not None
    assert (missed.step, missed.value, missed.needed) == (50, 0.5, 0.6)


def test_where_lower_is_better_the_bar_is_above() -> None:
    trials = [trial_of(0, TrialState.COMPLETE, 0.3, 0.2), trial_of(1, TrialState.PRUNED, 0.5, reason="pruned: weak")]
    missed = curves_of(study_of("minimize"), trials).curves[1].missed
    assert missed is not None
    assert missed.needed == 0.3


@pytest.mark.parametrize(
    ("reason", "value"),
    [
        ("diverged: the loss is not finite", 0.1),
        ("pruned: the budget of 4 full runs is spent", 0.1),
        ("pruned: weak", 0.9),
        ("pruned: weak", math.nan),
    ],
)
def test_a_trial_that_did_not_end_for_its_value_missed_no_bar(reason: str, value: float) -> None:
    trials = [trial_of(0, TrialState.COMPLETE, 0.3, 0.4), trial_of(1, TrialState.PRUNED, value, reason=reason)]
    end = "the budget of 4 full runs is spent"
    assert curves_of(study_of(), trials, search_end=end).curves[1].missed is None


def test_costs_are_in_runs_of_trial_0_and_know_the_front() -> None:
    trials = [
        trial_of(0, TrialState.COMPLETE, 0.8, device_s=10.0),
        trial_of(1, TrialState.COMPLETE, 0.7, device_s=20.0),
        trial_of(2, TrialState.PRUNED, 0.9, device_s=2.0),
        trial_of(3, TrialState.COMPLETE, 0.6, device_s=5.0),
        trial_of(4, TrialState.COMPLETE, 0.8, reason="twin: as trial 0"),
    ]
    costs = costs_of(study_of(), trials, PRICES)
    assert [(each.trial, each.runs, each.is_on_front) for each in costs.points] == [
        (0, 1.0, True),
        (1, 2.0, False),
        (2, 0.2, False),
        (3, 0.5, True),
    ]
    assert [each.trial for each in costs.front] == [3, 0]
    assert costs.are_priced
    assert not costs_of(study_of(), trials, Prices(by_kind={})).are_priced


def test_axes_are_the_hyperparameters_that_vary() -> None:
    space = {"learning_rate": {"type": "float", "low": 1e-5, "high": 1e-3, "log": True}}
    points = [
        {"learning_rate": 1e-5, "batch_size": 32, "dropout": 0.1, "lr_scheduler_type": "linear", "warmup_ratio": 0.1},
        {"learning_rate": 1e-4, "batch_size": 16, "dropout": 0.1, "lr_scheduler_type": "constant"},
    ]
    trials = [trial_of(number, TrialState.COMPLETE, 0.5, hyperparameters=point) for number, point in enumerate(points)]
    found = points_of(study_of(space=space), [*trials, trial_of(2, TrialState.FAILED, hyperparameters={"dropout": 1})])
    assert [(axis.name, axis.scale, axis.choices) for axis in found.axes] == [
        ("learning_rate", Scale.LOG, ()),
        ("batch_size", Scale.CHOICES, (16, 32)),
        ("lr_scheduler_type", Scale.CHOICES, ("constant", "linear")),
    ]
    assert found.fixed == {"dropout": 0.1, "warmup_ratio": 0.1}
    assert [each.hyperparameters for each in found.points] == [(1e-5, 32, "linear"), (1e-4, 16, "constant")]


def test_depths_are_the_arms_of_the_search_the_cheapest_first() -> None:
    trials = [
        trial_of(0, TrialState.COMPLETE, 0.6, device_s=10.0, hyperparameters={"frozen_layers": 0.0}),
        trial_of(1, TrialState.SHELVED, 0.5, device_s=2.0, hyperparameters={"frozen_layers": 1.0}),
        trial_of(2, TrialState.COMPLETE, 0.7, device_s=3.0, hyperparameters={"frozen_layers": 1.0}),
        trial_of(3, TrialState.COMPLETE, 0.7, hyperparameters={}),
    ]
    arms = [[1.0, "random"], [0.5, "fitted"], [0.0, "random"]]
    found = depths_of(study_of(arms=arms), trials, PRICES, [])
    assert [(each.frozen, [trial.trial for trial in each.trials], each.best) for each in found.depths] == [
        (1.0, [1, 2], 0.7),
        (0.5, [], None),
        (0.0, [0], 0.6),
    ]
    assert found.is_planned
    edited = depths_of(study_of(arms=arms[:2]), trials, PRICES, [])
    assert [(each.words, len(each.trials)) for each in edited.depths][2] == ("all layers, random head", 1)
    drawn = depths_of(study_of(), trials, PRICES, [])
    assert [each.frozen for each in drawn.depths] == [1.0, 0.0]
    assert not drawn.is_planned
