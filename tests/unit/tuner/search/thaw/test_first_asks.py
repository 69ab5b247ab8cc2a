from __future__ import annotations

from thawing import RECIPE, SPACE

from search_spaces import Categorical, Float, SearchSpace
from tuner.search.thaw.first_asks import first_asks


def test_an_arm_begins_with_the_recipe_and_its_neighbours_within_the_space() -> None:
    found = first_asks(RECIPE, SearchSpace(parameters=SPACE))
    told = [(each["learning_rate"], each["batch_size"], each["num_train_epochs"]) for each in found]
    assert told == [(5e-5, 8, 3), (1e-4, 8, 3), (1.2e-4, 32, 3), (5e-5, 32, 3)]


def test_they_say_nothing_of_depth_and_head_which_the_arm_says() -> None:
    for each in first_asks(RECIPE, SearchSpace(parameters=SPACE)):
        assert not {"frozen_layers", "head_init"} & each.keys()
        assert (each["dropout"], each["weight_decay"], each["lr_scheduler_type"]) == (0.1, 0.01, "linear")


def test_none_comes_twice_where_the_space_leaves_no_choice() -> None:
    fixed = {**SPACE, "learning_rate": Float(low=5e-5, high=5e-5), "batch_size": Categorical(choices=(8,))}
    assert len(first_asks(RECIPE, SearchSpace(parameters=fixed))) == 1
