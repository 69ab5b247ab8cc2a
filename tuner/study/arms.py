"""The arms of a search over depths: how many layers a trial trains, and the head that it begins with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search_spaces import FITTED, GRADUAL, RANDOM, Categorical, Float, Hyperparameters, Parameter, SearchSpace, Value

#: The hyperparameters whose values make an arm.
ARM_NAMES = ("frozen_layers", "head_init")


@dataclass(frozen=True, kw_only=True)
class ArmKey:
    """The values that all trials of an arm have."""

    frozen_layers: float | str
    head_init: str

    @classmethod
    def of(cls, hyperparameters: Hyperparameters) -> ArmKey:
        """Return the arm of a trial."""
        return cls(frozen_layers=hyperparameters.frozen_layers, head_init=hyperparameters.head_init)

    @classmethod
    def of_point(cls, point: Mapping[str, Any]) -> ArmKey:
        """Return the arm of a trial's values by name. Without a head it has a random one."""
        return cls(frozen_layers=point.get("frozen_layers", 0.0), head_init=point.get("head_init", RANDOM))

    @classmethod
    def from_list(cls, stored: Sequence[Any]) -> ArmKey:
        """Build from the values of `to_list`."""
        frozen, head = stored
        return cls(frozen_layers=frozen if isinstance(frozen, str) else float(frozen), head_init=str(head))

    @classmethod
    def from_name(cls, name: str) -> ArmKey:
        """Build from the value of `name`."""
        frozen, _, head = name.partition("/")
        return cls(frozen_layers=frozen if frozen == GRADUAL else float(frozen), head_init=head)

    def to_list(self) -> list[Any]:
        """Return JSON values."""
        return [self.frozen_layers, self.head_init]

    @property
    def name(self) -> str:
        """Its name in the database: `0.5/fitted`."""
        frozen = self.frozen_layers
        return f"{frozen if isinstance(frozen, str) else format(frozen, 'g')}/{self.head_init}"

    @property
    def frozen_share(self) -> float:
        """Share of the layers that no trial of it ever trains."""
        return 0.0 if isinstance(self.frozen_layers, str) else self.frozen_layers

    def fixed(self, space: SearchSpace) -> dict[str, Value]:
        """Return the values that its trials have, of those parameters that the space has."""
        values: dict[str, Value] = {"frozen_layers": self.frozen_layers, "head_init": self.head_init}
        found: dict[str, Value] = {}
        for name in ARM_NAMES:
            if (parameter := space.parameters.get(name)) is not None:
                found[name] = parameter.clip(values[name])  # 1 and 1.0 are one choice; the space says which is written
        return found

    def words(self, arms: Iterable[ArmKey]) -> str:
        """Return the arm for people: `50 % of the layers, fitted head`.

        Args:
            arms: All arms of its study. The head is told where a trial may begin with a fitted one.
        """
        if self.frozen_layers == GRADUAL:
            layers = "layers unfrozen one by one"
        elif self.frozen_share >= 1.0:
            return "the head alone"
        elif self.frozen_share == 0.0:
            layers = "all layers"
        else:
            layers = f"{1 - self.frozen_share:.0%} of the layers".replace("%", " %")
        return f"{layers}, {self.head_init} head" if any(each.head_init == FITTED for each in arms) else layers


def arms_of(space: SearchSpace, least: int = 2) -> tuple[ArmKey, ...]:
    """Return the arms of a space, the cheapest first; none where its depths cannot be told apart, or there are few.

    At each depth those with a fitted head come first. The head alone begins with random weights wherever it may: its
    training is the fit. Of the other depths those have both kinds of head that train most layers, as trial 0 does, and
    those nearest to half of them: there are few full runs to a study, and each arm takes its share of them.

    Args:
        space: The space.
        least: With fewer depths than these there are no arms.
    """
    frozen = _values(space.parameters["frozen_layers"])
    if len(frozen) < least or any(name in space.conditions for name in ARM_NAMES):
        return ()
    heads = _values(space.parameters["head_init"]) if "head_init" in space.parameters else [RANDOM]
    found = []
    shares = sorted(frozen, key=_depth)
    deeper = [share for share in shares if share != 1.0]
    both = {deeper[-1], min(deeper, key=_off_half)} if deeper else set()
    for share in shares:
        kinds = [head for head in (FITTED, RANDOM) if head in heads]
        if share == 1.0 and RANDOM in kinds:
            kinds = [RANDOM]
        elif share not in both:
            kinds = kinds[:1]
        found += [ArmKey(frozen_layers=share, head_init=head) for head in kinds]
    return tuple(found)


def nearest_arm(arms: Sequence[ArmKey], key: ArmKey) -> ArmKey:
    """Return the arm of a trial as it was drawn: the nearest one, where its values are those of no arm.

    Args:
        arms: The arms, at least one.
        key: The values of the trial.
    """
    if key in arms:
        return key
    return min(arms, key=lambda each: (abs(each.frozen_share - key.frozen_share), each.head_init != key.head_init))


def with_both_heads(space: SearchSpace) -> SearchSpace:
    """Return a space in which trials begin with random and with fitted heads, unless it says with which they do."""
    if "head_init" in space.parameters:
        return space
    head_init = Categorical(choices=(RANDOM, FITTED))
    parameters: Mapping[str, Parameter] = {**space.parameters, "head_init": head_init}
    return SearchSpace(parameters=parameters, conditions=space.conditions, source=space.source)


def _depth(frozen: float | str) -> tuple[float, int]:
    """Return the order of arms: the more layers are frozen, the cheaper. Gradual unfreezing ends with all trained."""
    return (0.0, 0) if isinstance(frozen, str) else (-frozen, 1)


def _off_half(frozen: float | str) -> float:
    return 1.0 if isinstance(frozen, str) else abs(frozen - 0.5)


def _values(parameter: Parameter) -> list[Any]:
    """Return the values that a parameter may take; none for a range of numbers."""
    if isinstance(parameter, Categorical):
        return [each if isinstance(each, str) else float(each) for each in parameter.choices]
    low, high = parameter.low, parameter.high
    if isinstance(parameter, Float) and low < high:
        return []
    return [float(each) for each in dict.fromkeys((low, high))]
