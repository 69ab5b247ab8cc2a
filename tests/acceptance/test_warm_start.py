"""A study that begins with the best points of earlier ones in the same database."""

from __future__ import annotations

from typing import Any

import pytest
from acceptance_support import Tuner

pytestmark = pytest.mark.rest

SPACE = {
    "learning_rate": {"low": 3e-4, "high": 3e-3, "log": True},
    "batch_size": [8, 16],
    "num_train_epochs": 1,
    "lr_scheduler_type": "linear",
}
PLAIN: dict[str, Any] = {"search": "plain", "pruner": "none", "search_space": {**SPACE, "frozen_layers": 0}}


def test_the_best_points_of_an_earlier_study_are_the_next_trials_after_the_recipe(tuner: Tuner) -> None:
    tuner.ok("start", tuner.study("before", **PLAIN, budget={"trials": 8}))
    trials = tuner.json("trials", "before")["trials"]
    best = sorted(trials, key=lambda trial: (-trial["value"], trial["number"]))[:2]
    done = tuner.ok("start", tuner.study("after", **PLAIN, budget={"trials": 3}, warm_start=["before"]))
    assert "the best points of study before are among the first ones" in done.stderr
    after = tuner.json("trials", "after")["trials"]
    assert [trial["hyperparameters"] for trial in after[1:]] == [trial["hyperparameters"] for trial in best]
    assert after[0]["hyperparameters"] == trials[0]["hyperparameters"], "trial 0 stays the recipe"


def test_auto_takes_all_studies_of_the_same_kind_and_a_market_each_point_in_its_arm(tuner: Tuner) -> None:
    depths = {**SPACE, "frozen_layers": [0, 1], "num_train_epochs": 8}
    tuner.ok("start", tuner.study("before", search_space=depths, budget={"trials": 6}, keep=6))
    done = tuner.ok("start", tuner.study("after", search_space=depths, budget={"trials": 5}, warm_start="auto"))
    assert "the best points of study before" in done.stderr
    points = [trial["hyperparameters"] for trial in tuner.json("trials", "before")["trials"] if trial["value"]]
    shared = [trial for trial in tuner.json("trials", "after")["trials"][1:] if trial["hyperparameters"] in points]
    assert shared, "a point of the earlier study is tried again"


def test_a_study_that_is_not_there_is_named_with_those_that_are(tuner: Tuner) -> None:
    tuner.ok("start", tuner.study("before", **PLAIN, budget={"trials": 1}))
    refused = tuner.run("start", tuner.study("after", **PLAIN, budget={"trials": 1}, warm_start=["befor"]))
    assert refused.returncode != 0
    assert "warm_start.0: there is no study 'befor'" in refused.stderr
    assert "there is: before" in refused.stderr
    assert tuner.run("status", "after").returncode != 0, "nothing is left behind"
