"""SearchSpace: parameters by name, and the conditions under which they are searched."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from search_spaces.errors import InvalidParameter, InvalidSpace, suggestion
from search_spaces.hyperparameters import SEVEN, Hyperparameters, check_parameter
from search_spaces.parameters import Categorical, Parameter, Suggests, Value

#: Values of other parameters, by name, for which a parameter is searched.
Condition = Mapping[str, tuple[Value, ...]]


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """The hyperparameters that a study searches, with their ranges, choices and conditions.

    A parameter with a condition is drawn only where every parameter that the condition names has one of the values
    that the condition gives. Otherwise training uses the default of `Hyperparameters`.

    Raises:
        InvalidSpace: A parameter is missing, unknown or not allowed for its name, or a condition cannot be met.
    """

    parameters: Mapping[str, Parameter]
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    #: The space's name in errors: a preset, a file, or a part of a study file.
    source: str = "search_space"
    #: Whether names may be any, and none has to be there, as in a study with its own training.
    free: bool = False

    def __post_init__(self) -> None:
        for name, parameter in self.parameters.items():
            try:
                check_parameter(name, parameter, free=self.free)
            except InvalidParameter as error:
                raise InvalidSpace(self.source, name, str(error)) from error
        for name in () if self.free else SEVEN:
            if name not in self.parameters:
                raise InvalidSpace(self.source, name, "is missing; every space has the seven hyperparameters")
            if name in self.conditions:
                raise InvalidSpace(self.source, f"{name}.when", "the seven are always searched; drop the condition")
        for name, condition in self.conditions.items():
            if name not in self.parameters:
                raise InvalidSpace(
                    self.source, f"{name}.when", "a condition of a parameter that the space does not have"
                )
            self._check_condition(name, condition)
        parents_first = _parents_first(self.parameters, self.conditions, self.source)
        object.__setattr__(self, "parameters", MappingProxyType(parents_first))
        object.__setattr__(self, "conditions", MappingProxyType(dict(self.conditions)))
        for name in self.conditions:
            self._needs(name)

    def _check_condition(self, name: str, condition: Condition) -> None:
        for parent, values in condition.items():
            key = f"{name}.when.{parent}"
            if parent not in self.parameters or parent == name:
                hint = suggestion(parent, self.parameters)
                raise InvalidSpace(self.source, key, f"{parent!r} is no other parameter of this space{hint}")
            parameter = self.parameters[parent]
            if not isinstance(parameter, Categorical):
                raise InvalidSpace(self.source, key, "a condition needs a parameter with choices")
            if not any(value in parameter.choices for value in values):
                raise InvalidSpace(
                    self.source,
                    key,
                    f"none of {list(values)!r} is among the choices {list(parameter.choices)!r}",
                )

    def _needs(self, name: str) -> dict[str, tuple[Value, ...]]:
        """Return the values that a parameter's parents, and their parents, must have for it to be drawn, by name.

        Raises:
            InvalidSpace: The conditions contradict each other.
        """
        needs: dict[str, tuple[Value, ...]] = {}
        waiting = [name]
        while waiting:
            for parent, values in self.conditions.get(waiting.pop(), {}).items():
                allowed = needs.get(parent, self.parameters[parent].extremes())
                needs[parent] = tuple(value for value in allowed if value in values)
                if not needs[parent]:
                    raise InvalidSpace(
                        self.source,
                        f"{name}.when",
                        f"is never met: no {parent} satisfies it and the conditions that it depends on",
                    )
                waiting.append(parent)
        return needs

    @property
    def is_conditional(self) -> bool:
        """Whether some points that can be drawn lack a parameter."""
        return any(
            not set(self.parameters[parent].extremes()) <= set(values)
            for condition in self.conditions.values()
            for parent, values in condition.items()
        )

    @property
    def fingerprint(self) -> str:
        """A hash of the points that can be drawn: equal for two spaces that draw the same points."""
        written = self.to_dict()
        for name, parameter in self.parameters.items():
            if isinstance(parameter, Categorical):  # 1 and 1.0 are the same choice
                written[name]["choices"] = [v if isinstance(v, str) else float(v) for v in parameter.choices]
        for name, condition in self.conditions.items():
            # The order of a condition's values makes no difference, nor does a value that the parent cannot have.
            written[name]["when"] = {
                parent: [value in values for value in self.parameters[parent].extremes()]
                for parent, values in condition.items()
            }
        text = json.dumps(written, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def applies(self, name: str, values: Mapping[str, Value]) -> bool:
        """Return whether a parameter is searched, given the values of its parents."""
        return all(
            parent in values and values[parent] in allowed for parent, allowed in self.conditions.get(name, {}).items()
        )

    def suggest(self, trial: Suggests) -> Hyperparameters:
        """Draw one point from a trial.

        Args:
            trial: An Optuna trial, or another object with its `suggest` methods.

        Returns:
            The point; parameters whose condition does not hold have their defaults.
        """
        values: dict[str, Value] = {}
        for name, parameter in self.parameters.items():
            if self.applies(name, values):
                values[name] = parameter.suggest(trial, name)
        return Hyperparameters.from_values(values, free=self.free)

    def clip(self, point: Mapping[str, Value]) -> dict[str, Value]:
        """Return the point of this space that is nearest to a given one.

        Args:
            point: Values by name, such as a published recipe; unknown names are left out.

        Returns:
            A value for each parameter that the given point has and whose condition holds.
        """
        values: dict[str, Value] = {}
        for name, parameter in self.parameters.items():
            if name in point and self.applies(name, values):
                values[name] = parameter.clip(point[name])
        return values

    def corners(self) -> list[Hyperparameters]:
        """Return points that together contain every bound of a range and every choice at least once.

        A smoke run trains at each of them. Their number is about that of the choices of the parameter with the most
        choices, not the product over all parameters.
        """
        unseen = {name: list(parameter.extremes()) for name, parameter in self.parameters.items()}
        points = []
        while any(unseen.values()):
            # Parents come before their children in `parameters`. The last parameter is the hardest to reach: its
            # conditions, and those of its parents, limit the other values of this point.
            target = next(name for name in reversed(unseen) if unseen[name])
            needs = self._needs(target)
            values: dict[str, Value] = {}
            for name, parameter in self.parameters.items():
                if not self.applies(name, values):
                    continue
                allowed = needs.get(name, parameter.extremes())
                values[name] = next((value for value in unseen[name] if value in allowed), allowed[0])
                if values[name] in unseen[name]:
                    unseen[name].remove(values[name])
            points.append(Hyperparameters.from_values(values, free=self.free))
        return points

    def to_dict(self) -> dict[str, dict[str, object]]:
        """Return the space as it is written in YAML, one mapping a parameter."""
        written = {}
        for name, parameter in self.parameters.items():
            written[name] = parameter.to_dict()
            if name in self.conditions:
                written[name]["when"] = {key: list(values) for key, values in self.conditions[name].items()}
        return written


def _parents_first(
    parameters: Mapping[str, Parameter], conditions: Mapping[str, Condition], source: str
) -> dict[str, Parameter]:
    ordered: dict[str, Parameter] = {}
    waiting = dict(parameters)
    while waiting:
        ready = [name for name in waiting if all(parent in ordered for parent in conditions.get(name, {}))]
        if not ready:
            names = ", ".join(itertools.islice(waiting, 5))
            raise InvalidSpace(source, names, "their conditions depend on each other; break the circle")
        for name in ready:
            ordered[name] = waiting.pop(name)
    return ordered
