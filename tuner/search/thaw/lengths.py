"""How long the trials of an arm are, before they are drawn: the first ones are known, of the others the mean is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from search_spaces import SearchSpace, Value
from tuner.search.thaw.first_asks import first_asks


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Lengths of trials in epochs, as shares of the length of trial 0."""

    #: Those of the first trials of each arm, in order.
    first: tuple[float, ...]
    #: Mean length of the others.
    mean: float

    @classmethod
    def of(cls, recipe: Mapping[str, Value], space: SearchSpace, first_point: Mapping[str, Value]) -> Lengths:
        """Return the lengths in a study.

        Args:
            recipe: Published values of the model's family by name.
            space: The search space.
            first_point: The values of trial 0.
        """
        unit = _epochs(first_point)
        ends = [each for each in space.parameters["num_train_epochs"].extremes() if not isinstance(each, str)]
        return cls(
            first=tuple(_epochs(point) / unit for point in first_asks(recipe, space)),
            mean=fmean(ends) / unit if ends else 1.0,
        )

    def at(self, place: int) -> float:
        """Return the length of the trial at a place of its arm; the first one has the place 0."""
        return self.first[place] if place < len(self.first) else self.mean


def _epochs(point: Mapping[str, Value]) -> float:
    epochs = point["num_train_epochs"]
    assert not isinstance(epochs, str)
    return float(epochs)
