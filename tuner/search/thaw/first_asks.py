"""The first points of every arm: the family's recipe and its published neighbours."""

from __future__ import annotations

from collections.abc import Mapping

from search_spaces import SearchSpace, Value
from tuner.study.arms import ARM_NAMES

#: Factors of the recipe's learning rate, and whether the trial makes as many optimiser steps as the space allows: the
#: smallest batches and the most epochs. Published grids go from half of the default rate to three times it (BERT,
#: Devlin et al. 2019, appendix A.3: 2e-5 to 5e-5; ELECTRA, Clark et al. 2020, appendix B: 3e-5 to 1.5e-4). On small
#: data it is the number of optimiser steps that decides (Mosbach et al. 2021, arXiv 2006.04884; Zhang et al. 2021,
#: arXiv 2006.05987), which the recorded trials in benchmarks/depths confirm.
_NEIGHBOURS = ((1.0, True), (3.0, False), (1.0, False), (2.0, True))


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


def _numbers(space: SearchSpace, name: str) -> list[float]:
    return [value for value in space.parameters[name].extremes() if not isinstance(value, str)]
