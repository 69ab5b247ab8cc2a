"""Points of a search space as vectors of the unit cube, and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from tuner.search.log_posterior import Array


class _Parameter(Protocol):
    """One parameter's part of the cube, in which the prior is uniform."""

    @property
    def width(self) -> int:
        """How many columns it has."""

    def encode(self, value: Any) -> list[float]:
        """Return its columns of a value, the nearest where the value is outside the distribution."""

    def middle(self) -> list[float]:
        """Return its columns of a point that lacks the parameter."""

    def decode(self, columns: Array) -> Any:
        """Return the nearest value that the distribution contains."""

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """Draw from the prior, (count, width)."""


@dataclass(frozen=True, kw_only=True)
class _Fixed:
    """A parameter with one value; it needs no column."""

    value: Any
    width: int = 0

    def encode(self, value: Any) -> list[float]:
        return []

    def middle(self) -> list[float]:
        return []

    def decode(self, columns: Array) -> Any:
        return self.value

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        return np.empty((count, 0))


class _Ordered:
    """A parameter with one column: a share of the way from the lowest value to the highest."""

    width = 1

    def middle(self) -> list[float]:
        return [0.5]

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        return rng.random((count, 1))


@dataclass(frozen=True, kw_only=True)
class _Number(_Ordered):
    """A range. Where it has a step, each value owns an equal part of the range, as when Optuna draws it."""

    low: float
    high: float
    log: bool
    #: None where the range is continuous.
    step: float | None
    whole: bool

    def _ends(self) -> tuple[float, float]:
        half = 0.0 if self.step is None else self.step / 2
        low, high = self.low - half, self.high + half
        return (math.log(low), math.log(high)) if self.log else (low, high)

    def encode(self, value: Any) -> list[float]:
        low, high = self._ends()
        inside = min(max(float(value), self.low), self.high)
        return [((math.log(inside) if self.log else inside) - low) / (high - low)]

    def decode(self, columns: Array) -> Any:
        low, high = self._ends()
        found = low + columns[0] * (high - low)
        found = math.exp(found) if self.log else found
        if self.step is not None:
            found = self.low + round((found - self.low) / self.step) * self.step
        found = min(max(found, self.low), self.high)
        return round(found) if self.whole else float(found)


@dataclass(frozen=True, kw_only=True)
class _Ranks(_Ordered):
    """Numbers to choose from, evenly spaced by rank: a batch of 8 is as far from 16 as 32 is from 64."""

    #: In ascending order.
    choices: tuple[float, ...]

    def encode(self, value: Any) -> list[float]:
        rank = np.interp(float(value), [float(choice) for choice in self.choices], range(len(self.choices)))
        return [(float(rank) + 0.5) / len(self.choices)]

    def decode(self, columns: Array) -> Any:
        return self.choices[min(max(int(columns[0] * len(self.choices)), 0), len(self.choices) - 1)]


@dataclass(frozen=True, kw_only=True)
class _OneHot:
    """Choices without an order: a column for each, 1 where it is chosen."""

    choices: tuple[Any, ...]

    @property
    def width(self) -> int:
        return len(self.choices)

    def encode(self, value: Any) -> list[float]:
        if value not in self.choices:
            return self.middle()
        return [float(value == choice) for choice in self.choices]

    def middle(self) -> list[float]:
        return [1 / self.width] * self.width

    def decode(self, columns: Array) -> Any:
        return self.choices[int(np.argmax(columns))]

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        drawn: Array = np.eye(self.width)[rng.integers(self.width, size=count)]
        return drawn


class Encoding:
    """Encodes the points of a search space as vectors of the unit cube.

    The prior is uniform in the cube: a float or an int is a share of its range, on a log scale where its distribution
    is, choices that are all numbers are one column, by rank, and other choices have a column each. Equal points have
    equal vectors. A parameter with one value has no column.

    Args:
        distributions: By name, the distributions of the search space.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self._parameters = {name: _parameter(distribution) for name, distribution in distributions.items()}

    @property
    def groups(self) -> npt.NDArray[np.int64]:
        """(columns,): equal numbers for columns of one parameter, which share a length scale."""
        widths = [parameter.width for parameter in self._parameters.values() if parameter.width]
        return np.repeat(np.arange(len(widths)), widths)

    def encode(self, points: Iterable[Mapping[str, Any]]) -> Array:
        """Encode points, (points, columns).

        A value outside its distribution, as of a point that a person has given, is encoded as the nearest. A parameter
        that a point lacks, because its condition does not hold, is encoded as the middle of its range.
        """
        rows = [
            [
                column
                for name, parameter in self._parameters.items()
                for column in (parameter.encode(point[name]) if name in point else parameter.middle())
            ]
            for point in points
        ]
        return np.array(rows, dtype=float).reshape(len(rows), len(self.groups))

    def decode(self, vector: Array) -> dict[str, Any]:
        """Return the point whose vector is nearest, parameter by parameter; it has every parameter.

        Args:
            vector: (columns,).
        """
        point, start = {}, 0
        for name, parameter in self._parameters.items():
            point[name] = parameter.decode(vector[start : start + parameter.width])
            start += parameter.width
        return point

    def draw(self, rng: np.random.Generator, count: int) -> list[dict[str, Any]]:
        """Draw points from the prior, each with a value for every parameter."""
        drawn = [parameter.draw(rng, count) for parameter in self._parameters.values()]
        return [self.decode(vector) for vector in np.concatenate([np.empty((count, 0)), *drawn], axis=1)]


def _parameter(distribution: BaseDistribution) -> _Parameter:
    if isinstance(distribution, CategoricalDistribution):
        choices = distribution.choices
        if len(choices) == 1:
            return _Fixed(value=choices[0])
        numbers = [each for each in choices if isinstance(each, int | float)]  # False and True are too
        if len(numbers) == len(choices) and all(math.isfinite(each) for each in numbers):
            return _Ranks(choices=tuple(sorted(numbers)))
        return _OneHot(choices=choices)
    if isinstance(distribution, FloatDistribution | IntDistribution):
        if distribution.single():
            return _Fixed(value=distribution.low)
        return _Number(
            low=distribution.low,
            high=distribution.high,
            log=distribution.log,
            step=distribution.step,
            whole=isinstance(distribution, IntDistribution),
        )
    raise TypeError(f"{type(distribution).__name__} has no encoding; give floats, ints and choices")
