"""What the trials of an arm cost in full runs: as planned before there are any, then as they have cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from search_spaces import SearchSpace, Value

#: Trials that what was planned counts as much as.
WEIGHT = 0.3
#: Full runs that a trial costs at least.
LEAST = 1e-4


@dataclass(frozen=True, kw_only=True)
class ArmCosts:
    """The costs of an arm's trials.

    A trial costs the more the longer it is. The points with which the arm begins are known, and so are their lengths;
    of the others the mean is.
    """

    #: Full runs of a trial that is as long as trial 0.
    rate: float
    #: Lengths of the first trials, in order, as shares of that of trial 0; mean length of the others.
    first: tuple[float, ...]
    mean: float

    @classmethod
    def planned(
        cls, rate: float, asks: Sequence[Mapping[str, Any]], *, space: SearchSpace, first_point: Mapping[str, Value]
    ) -> ArmCosts:
        """Return the costs before there are trials.

        Args:
            rate: Full runs of a trial that is as long as trial 0.
            asks: The points with which the arm begins.
            space: The search space.
            first_point: The values of trial 0.
        """
        ends = [each for each in space.parameters["num_train_epochs"].extremes() if not isinstance(each, str)]
        unit = float(first_point["num_train_epochs"])
        mean = fmean(ends) / unit if ends else 1.0
        return cls(rate=rate, first=tuple(float(each.get("num_train_epochs", unit)) / unit for each in asks), mean=mean)

    def learned(self, trials: Iterable[tuple[int, float, float]]) -> ArmCosts:
        """Return the costs as trials have told them.

        Args:
            trials: Of each, its place in the arm, the share of its schedule that it has done, and the full runs that it
                has taken for that.
        """
        runs, lengths = WEIGHT * self.rate, WEIGHT
        for place, share, taken in trials:
            runs += taken
            lengths += self._length(place) * share
        return replace(self, rate=runs / lengths)

    def at(self, place: int) -> float:
        """Return the full runs of the trial at a place of the arm; the first one has the place 0."""
        return max(LEAST, self.rate * self._length(place))

    def _length(self, place: int) -> float:
        return self.first[place] if place < len(self.first) else self.mean
