from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces import load_space, recipe_for
from tuner.search.thaw.costs import LEAST, ArmCosts
from tuner.search.thaw.first_asks import first_asks


def planned(epochs: object, rate: float = 0.5) -> ArmCosts:
    """Return the costs of an arm, a trial as long as trial 0 costing so many full runs."""
    recipe = recipe_for("bert", "google-bert/bert-base-uncased", 768)
    space = load_space(
        {"num_train_epochs": epochs}, preset="text-classification", recipe=recipe, folder=Path(), source="s"
    )
    asks = first_asks(recipe.defaults, space)
    return ArmCosts.planned(rate, asks, space=space, first_point={"num_train_epochs": 3})


def test_the_first_trials_of_an_arm_cost_what_their_points_say_and_the_others_what_the_mean_does() -> None:
    found = planned({"type": "int", "low": 1, "high": 6})
    assert found.at(0) == pytest.approx(1.0), "twice as many epochs as trial 0"
    assert found.at(2) == pytest.approx(0.5), "as many"
    assert found.at(99) == pytest.approx(0.5 * 3.5 / 3)


def test_where_the_number_of_epochs_is_fixed_all_trials_cost_the_same() -> None:
    assert {planned(3).at(place) for place in range(10)} == {0.5}


def test_what_a_trial_has_cost_tells_what_one_of_another_length_costs() -> None:
    told = planned({"type": "int", "low": 1, "high": 6}).learned([(0, 0.64, 1.28)] * 50)
    assert told.at(0) == pytest.approx(2.0, rel=0.02), "1.28 full runs for 64 % of it"
    assert told.at(2) == pytest.approx(1.0, rel=0.02), "half as long"


def test_no_trial_is_free() -> None:
    assert planned(3, rate=0.0).learned([(0, 1.0, 0.0)]).at(1) == LEAST
