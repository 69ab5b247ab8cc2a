"""Trial 0: the published recipe, as near as the search space allows, and where the space has changed it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from search_spaces import (
    NONE,
    RANDOM,
    SEVEN,
    Hyperparameters,
    Recipe,
    SearchSpace,
    SearchSpaceError,
    Value,
    build_space,
)
from tuner.study.space_versions import first_space

#: Values of hyperparameters that no recipe states: the published scripts train every layer at one rate, and a head from
#: random weights.
_UNSTATED: dict[str, Value] = {"layerwise_lr_decay": 1.0, "head_init": RANDOM, "adapter": NONE}
#: Two values whose difference is smaller, relative to the larger one, are one value that was rounded.
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class RecipeChange:
    """A hyperparameter that trial 0 does not train with as published."""

    name: str
    published: Value
    #: The value of trial 0.
    used: Value

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def first_point_of(recipe: Mapping[str, Value], space: SearchSpace) -> dict[str, Value]:
    """Return the values of trial 0: those of a recipe, each as near as a search space allows.

    Args:
        recipe: The published values by name.
        space: The search space.
    """
    return space.clip({**_UNSTATED, **recipe})


def recipe_changes(
    recipe: Mapping[str, Value], point: Mapping[str, Value], *, free: bool = False
) -> tuple[RecipeChange, ...]:
    """Return the hyperparameters that a point trains otherwise than a recipe, in the recipe's order.

    Values that have no effect at the point are no changes: the head's factor where no layer is frozen. A value that the
    point lacks is the default of `Hyperparameters`, with which it is trained.

    Args:
        recipe: The published values by name.
        point: The values of trial 0 by name.
        free: Whether the point may have other names, and lack any of the seven: that of a study's own training.

    Raises:
        InvalidParameter: The point cannot be trained: a value is missing or not allowed.
    """
    used = Hyperparameters.from_values(point, free=free).to_dict()
    if used.get("lr_scheduler_type") == "constant":
        used["warmup_ratio"] = 0.0  # this schedule has none
    if used.get("frozen_layers") == 0:
        used["head_learning_rate_factor"] = recipe.get("head_learning_rate_factor")
    changes = []
    for name, published in {
        **recipe,
        **{name: value for name, value in _UNSTATED.items() if name not in recipe},
    }.items():
        now = used.get(name)
        if now is not None and isinstance(published, int | float | str) and not _is_same(now, published):
            changes.append(RecipeChange(name=name, published=published, used=now))
    return tuple(changes)


def stored_recipe_changes(facts: Mapping[str, Any], point: Mapping[str, Value] | None) -> tuple[RecipeChange, ...]:
    """Return the changes of a study's recipe.

    Args:
        facts: The facts that are stored with the study.
        point: The values of its trial 0; None, or only some of them, before the trial has drawn all. Then the changes
            follow from the stored search space.
    """
    recipe = facts.get("recipe")
    if not isinstance(recipe, Mapping):
        return ()
    space = first_space(facts)
    free = isinstance(space, Mapping) and not space.keys() >= {*SEVEN}
    for values in (None if free else point, stored_first_point(facts)):
        try:
            if values is not None:
                return recipe_changes(recipe, values, free=free)
        except SearchSpaceError:
            continue
    return ()


def stored_first_point(facts: Mapping[str, Any]) -> dict[str, Value] | None:
    """Return the values of trial 0 as a study was created with them; None where its facts do not tell them."""
    recipe, space = facts.get("recipe"), first_space(facts)
    if not isinstance(recipe, Mapping) or not isinstance(space, Mapping):
        return None
    try:
        # A stored space spells its ranges out, so it needs nothing of a recipe.
        built = build_space(space, recipe=Recipe(family="", parameters={}), source="the stored search space", free=True)
    except SearchSpaceError:
        return None
    return first_point_of(recipe, built)


def _is_same(one: Value, other: Value) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return math.isclose(one, other, rel_tol=_ROUNDING)
