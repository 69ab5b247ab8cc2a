from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces import load_space, recipe_for
from tuner.search.thaw.lengths import Lengths


def lengths(epochs: object) -> Lengths:
    recipe = recipe_for("bert", "google-bert/bert-base-uncased", 768)
    space = load_space(
        {"num_train_epochs": epochs}, preset="text-classification", recipe=recipe, folder=Path(), source="s"
    )
    return Lengths.of(recipe.defaults, space, {"num_train_epochs": 3})


def test_the_first_trials_of_an_arm_are_as_long_as_their_points_say_and_the_others_as_the_mean_is() -> None:
    found = lengths({"type": "int", "low": 1, "high": 6})
    assert found.at(0) == 2.0, "as many epochs as the space allows"
    assert found.at(1) == 1.0, "those of the recipe"
    assert found.at(99) == pytest.approx(3.5 / 3)


def test_where_the_number_of_epochs_is_fixed_all_trials_are_equally_long() -> None:
    found = lengths(3)
    assert {found.at(place) for place in range(10)} == {1.0}
