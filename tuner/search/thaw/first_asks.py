"""The first points of every arm: the family's recipe and its published neighbours, and those of earlier studies."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search_spaces import SearchSpace, Value
from tuner.study.arms import ARM_NAMES, ArmKey, nearest_arm
from tuner.study.recipe_changes import first_point_of
from tuner.study.warm_points import clipped_points

#: Points of earlier studies that an arm begins with, at most.
MOST_WARM = 3

#: Factors of the recipe's learning rate, and whether the trial makes as many optimiser steps as the space allows: the
#: smallest batches and the most epochs. Published grids go from half of the default rate to three times it (BERT,
#: Devlin et al. 2019, appendix A.3: 2e-5 to 5e-5; ELECTRA, Clark et al. 2020, appendix B: 3e-5 to 1.5e-4). On small
#: data it is the number of optimiser steps that decides (Mosbach et al. 2021, arXiv 2006.04884; Zhang et al. 2021,
#: arXiv 2006.05987), which the recorded trials in benchmarks/depths confirm.
_NEIGHBOURS = ((1.0, True), (2.0, True), (3.0, False), (1.0, False))


def first_asks(recipe: Mapping[str, Value], space: SearchSpace) -> tuple[dict[str, Value], ...]:
    """Return the points with which the trials of an arm begin, without the values that make the arm.

    Args:
        recipe: Published values of the model's family by name.
        space: The search space.
    """
    found: list[dict[str, Value]] = []
    for factor, is_long in _NEIGHBOURS:
        point = dict(recipe)
        rate = point["learning_rate"]
        assert not isinstance(rate, str)
        point["learning_rate"] = rate * factor
        if is_long:
            point["batch_size"] = min(_numbers(space, "batch_size"))
            point["num_train_epochs"] = max(_numbers(space, "num_train_epochs"))
        clipped = {name: value for name, value in space.clip(point).items() if name not in ARM_NAMES}
        if clipped not in found:
            found.append(clipped)
    return tuple(found)


def point_key(point: Mapping[str, Any]) -> Hashable:
    """Return the values of a point without those that make an arm, to be compared with those of others."""
    return tuple(sorted((name, value) for name, value in point.items() if name not in ARM_NAMES))


def _numbers(space: SearchSpace, name: str) -> list[float]:
    return [value for value in space.parameters[name].extremes() if not isinstance(value, str)]


@dataclass(frozen=True, kw_only=True)
class FirstAsk:
    """A point with which an arm begins."""

    point: Mapping[str, Any]
    #: Whether it is that of an earlier study.
    is_warm: bool = False

    @property
    def key(self) -> Hashable:
        """The values that it shares with the same point at another depth."""
        return point_key(self.point)


@dataclass(frozen=True, kw_only=True)
class ArmDraws:
    """What the draws of a search over depths rest on, beside its trials."""

    space: SearchSpace
    #: Published values of the model's family by name.
    recipe: Mapping[str, Value]
    arms: Sequence[ArmKey]
    #: The best points of earlier studies.
    warm: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def of_study(cls, space: SearchSpace, facts: Mapping[str, Any]) -> ArmDraws:
        """Build from the facts that are stored with a study.

        Args:
            space: Its space.
            facts: The facts.
        """
        arms = tuple(ArmKey.from_list(each) for each in facts.get("arms", ()))
        return cls(space=space, recipe=facts["recipe"], arms=arms, warm=clipped_points(space, facts))

    @property
    def recipe_point(self) -> dict[str, Value]:
        """The values of trial 0."""
        return first_point_of(self.recipe, self.space)

    def first(self, arm: Mapping[str, Any]) -> list[FirstAsk]:
        """Return the points with which an arm begins: by turns the recipe's and those of earlier studies.

        Trial 0 is not trained a second time.

        A point of an earlier study is one of the arm whose layers it has trained, with its kind of head if possible.

        Args:
            arm: The values of its trials, of those parameters that the space has.
        """
        first = self.recipe_point
        done = point_key(first) if ArmKey.of_point(first).fixed(self.space) == arm else None
        recipes = [FirstAsk(point=point) for point in first_asks(self.recipe, self.space) if point_key(point) != done]
        nearest = ((point, nearest_arm(self.arms, ArmKey.of_point(point))) for point in self.warm)
        warm = [FirstAsk(point=point, is_warm=True) for point, key in nearest if key.fixed(self.space) == arm]
        warm, found = warm[:MOST_WARM], []
        for one, other in itertools.zip_longest(recipes, warm):
            found += [each for each in (one, other) if each is not None]
        return found
