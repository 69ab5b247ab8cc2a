"""Parameters: the range or the choices of one hyperparameter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeGuard

from search_spaces.errors import InvalidParameter

#: The value of a hyperparameter: a number, or a word such as the name of a schedule.
Value: TypeAlias = float | int | str


class Suggests(Protocol):
    """The methods of an Optuna trial that a search space calls."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Draw a float."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Draw an integer."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """Draw one of the choices."""


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a finite int or float; booleans are not numbers here."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an int too large for a float
        return False


def _check_range(low: float, high: float, log: bool) -> None:
    for word, bound in (("low", low), ("high", high)):
        if not is_number(bound):
            raise InvalidParameter(f"{word} is {bound!r}; give a number")
    if low > high:
        raise InvalidParameter(f"low {low!r} is above high {high!r}; swap them")
    if log and low <= 0:
        raise InvalidParameter(f"low is {low!r}, but a log scale needs a low above 0")


@dataclass(frozen=True, kw_only=True)
class Float:
    """A number between `low` and `high`, both included.

    Raises:
        InvalidParameter: The bounds are impossible.
    """

    low: float
    high: float
    #: Draw uniformly on a log scale, as for learning rates.
    log: bool = False

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.log)
        # `low: 0` and `low: 0.0` are the same range, and must have the same hash.
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))

    def suggest(self, trial: Suggests, name: str) -> float:
        """Draw a value from a trial."""
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def contains(self, value: Value) -> bool:
        """Return whether the value could be drawn."""
        return not isinstance(value, str) and self.low <= value <= self.high

    def clip(self, value: Value) -> float:
        """Return the nearest value that could be drawn."""
        if isinstance(value, str):
            return self.low
        return float(min(max(value, self.low), self.high))

    def extremes(self) -> tuple[float, ...]:
        """Return the values that a smoke run must try: both bounds."""
        return (self.low,) if self.low == self.high else (self.low, self.high)

    def to_dict(self) -> dict[str, object]:
        """Return the parameter as a mapping for YAML."""
        return {"type": "float", "low": self.low, "high": self.high} | ({"log": True} if self.log else {})


@dataclass(frozen=True, kw_only=True)
class Int:
    """A whole number between `low` and `high`, both included, at a multiple of `step` above `low`.

    Raises:
        InvalidParameter: The bounds are impossible.
    """

    low: int
    high: int
    log: bool = False
    step: int = 1

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, self.log)
        for word, value in (("low", self.low), ("high", self.high), ("step", self.step)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise InvalidParameter(f"{word} is {value!r}; an int parameter needs whole numbers")
        if self.step < 1:
            raise InvalidParameter(f"step is {self.step!r}; it must be at least 1")
        if self.log and self.step != 1:
            raise InvalidParameter("step and log do not go together; drop one")
        if (self.high - self.low) % self.step:
            raise InvalidParameter(f"{self.low} to {self.high} is not a whole number of steps of {self.step}")

    def suggest(self, trial: Suggests, name: str) -> int:
        """Draw a value from a trial."""
        return trial.suggest_int(name, self.low, self.high, step=self.step, log=self.log)

    def contains(self, value: Value) -> bool:
        """Return whether the value could be drawn."""
        return not isinstance(value, str) and self.low <= value <= self.high and (value - self.low) % self.step == 0

    def clip(self, value: Value) -> int:
        """Return the nearest value that could be drawn."""
        if isinstance(value, str):
            return self.low
        inside = min(max(value, self.low), self.high)
        return self.low + round((inside - self.low) / self.step) * self.step

    def extremes(self) -> tuple[int, ...]:
        """Return the values that a smoke run must try: both bounds."""
        return (self.low,) if self.low == self.high else (self.low, self.high)

    def to_dict(self) -> dict[str, object]:
        """Return the parameter as a mapping for YAML."""
        return (
            {"type": "int", "low": self.low, "high": self.high}
            | ({"log": True} if self.log else {})
            | ({"step": self.step} if self.step != 1 else {})
        )


@dataclass(frozen=True, kw_only=True)
class Categorical:
    """One of several values; a single choice fixes the parameter.

    Raises:
        InvalidParameter: There is no choice, a choice is repeated, or a choice is neither a number nor a word.
    """

    choices: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.choices:
            raise InvalidParameter("choices is empty; give at least one value")
        for choice in self.choices:
            if not (isinstance(choice, str) or is_number(choice)):
                raise InvalidParameter(f"choice {choice!r} is no finite number and no word")
        if len(set(self.choices)) != len(self.choices):
            raise InvalidParameter(f"a choice stands twice in {list(self.choices)!r}")

    def suggest(self, trial: Suggests, name: str) -> Value:
        """Draw a value from a trial."""
        drawn: Value = trial.suggest_categorical(name, self.choices)
        return drawn

    def contains(self, value: Value) -> bool:
        """Return whether the value could be drawn."""
        return value in self.choices

    def clip(self, value: Value) -> Value:
        """Return the value itself where it is a choice, else the nearest number, else the first choice."""
        if value in self.choices:
            return self.choices[self.choices.index(value)]
        numbers = [choice for choice in self.choices if not isinstance(choice, str)]
        if isinstance(value, str) or not numbers:
            return self.choices[0]
        wanted = value
        return min(numbers, key=lambda choice: abs(choice - wanted))

    def extremes(self) -> tuple[Value, ...]:
        """Return the values that a smoke run must try: every choice."""
        return self.choices

    def to_dict(self) -> dict[str, object]:
        """Return the parameter as a mapping for YAML."""
        return {"type": "categorical", "choices": list(self.choices)}


Parameter: TypeAlias = Float | Int | Categorical
