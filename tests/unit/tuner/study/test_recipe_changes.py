"""What trial 0 is beside the published recipe of its model's family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search_spaces import InvalidParameter, SearchSpace, load_space, recipe_for
from tuner.study.recipe_changes import (
    RecipeChange,
    first_point_of,
    recipe_changes,
    stored_first_point,
    stored_recipe_changes,
)

MINILM = recipe_for("bert", "MiniLM", 384)
RECIPE = MINILM.defaults


def space(**written: Any) -> SearchSpace:
    return load_space(written, preset="text-classification", recipe=MINILM, folder=Path(), source="s.yaml")


def changed(**written: Any) -> dict[str, tuple[Any, Any]]:
    """Return, by name, what is published and what trial 0 uses in the preset's space with some entries replaced."""
    changes = recipe_changes(RECIPE, first_point_of(RECIPE, space(**written)))
    return {each.name: (each.published, each.used) for each in changes}


def test_a_space_that_contains_the_recipe_changes_nothing() -> None:
    assert changed() == {}


def test_a_value_outside_of_the_space_is_named_with_the_published_one() -> None:
    assert changed(num_train_epochs={"low": 1, "high": 3}) == {"num_train_epochs": (5, 3)}
    assert changed(batch_size=[8, 16], dropout=0.3) == {"batch_size": (32, 16), "dropout": (0.1, 0.3)}
    assert changed(frozen_layers=["gradual"]) == {"frozen_layers": (0.0, "gradual")}


@pytest.mark.parametrize("value", [5e-5 * (1 + 1e-12), 5e-5])
def test_the_rounding_of_a_number_is_no_change(value: float) -> None:
    point = {**first_point_of(RECIPE, space()), "learning_rate": value, "num_train_epochs": 5.0}
    assert recipe_changes(RECIPE, point) == ()
    (change,) = recipe_changes(RECIPE, {**point, "learning_rate": 5.001e-5})
    assert change == RecipeChange(name="learning_rate", published=5e-5, used=5.001e-5)
    assert change.to_dict() == {"name": "learning_rate", "published": 5e-5, "used": 5.001e-5}


@pytest.mark.parametrize("schedules", ["constant", ["constant", "cosine"]])
def test_a_schedule_without_warm_up_takes_the_recipes_warm_up_too(schedules: Any) -> None:
    """Whether the preset's warm-up is dropped from the space, or its condition does not hold for trial 0."""
    assert changed(lr_scheduler_type=schedules) == {
        "lr_scheduler_type": ("linear", "constant"),
        "warmup_ratio": (0.03, 0.0),
    }


def test_the_rate_of_the_head_is_a_change_only_where_layers_are_frozen() -> None:
    assert changed(head_learning_rate_factor=1) == {}
    found = changed(head_learning_rate_factor=1, frozen_layers=0.5)
    assert found == {"frozen_layers": (0.0, 0.5), "head_learning_rate_factor": (50, 1.0)}


def test_rates_that_fall_by_layer_are_a_change_as_no_recipe_has_them() -> None:
    decaying = {"low": 0.8, "high": 0.95, "when": {"frozen_layers": [0, 0.25, 0.5, 0.75]}}
    assert changed(layerwise_lr_decay=decaying) == {"layerwise_lr_decay": (1.0, 0.95)}
    assert changed(layerwise_lr_decay={**decaying, "high": 1.0}) == {}, "the space allows the recipe's"


def test_a_fitted_head_is_a_change_as_every_recipe_begins_with_a_random_one() -> None:
    assert changed(head_init="fitted") == {"head_init": ("random", "fitted")}
    assert changed(head_init=["fitted", "random"]) == {}, "the space allows the recipe's"


def test_values_that_cannot_be_trained_are_refused() -> None:
    with pytest.raises(InvalidParameter):
        recipe_changes(RECIPE, {"learning_rate": 1e-4})


# ---- what a study has stored


def facts(**written: Any) -> dict[str, Any]:
    return {"family": "minilm", "recipe": RECIPE, "space": space(**written).to_dict()}


def test_a_study_tells_the_values_of_trial_0_before_it_has_begun() -> None:
    written = {"num_train_epochs": {"low": 1, "high": 3}}
    assert stored_first_point(facts(**written)) == first_point_of(RECIPE, space(**written))
    (change,) = stored_recipe_changes(facts(**written), None)
    assert (change.name, change.used) == ("num_train_epochs", 3)
    assert stored_recipe_changes(facts(**written), {"learning_rate": 1e-4}) == (change,), (
        "it has drawn one value so far"
    )


def test_the_values_that_trial_0_has_drawn_are_what_counts() -> None:
    point = {**first_point_of(RECIPE, space()), "batch_size": 16}
    assert [change.name for change in stored_recipe_changes(facts(), point)] == ["batch_size"]


@pytest.mark.parametrize(
    "broken", [{}, {"recipe": 1}, {"recipe": RECIPE}, {"recipe": RECIPE, "space": {"dropout": "?"}}]
)
def test_facts_that_do_not_tell_it_name_no_change(broken: dict[str, Any]) -> None:
    assert stored_first_point(broken) is None
    assert stored_recipe_changes(broken, None) == ()
