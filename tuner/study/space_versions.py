"""The search spaces that a study has had, one after another, as people have edited it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from search_spaces import (
    Categorical,
    Hyperparameters,
    Int,
    Parameter,
    Recipe,
    SearchSpace,
    SearchSpaceError,
    Value,
    build_space,
)
from storage import stored_name

if TYPE_CHECKING:
    from storage import StudyRecord

#: The fact with the spaces before the current one, which is the fact `space`.
EARLIER = "earlier_spaces"


@dataclass(frozen=True, kw_only=True)
class SpaceVersions:
    """The search spaces of a study, the oldest first, at least one. The last one is the current one.

    A trial belongs to the space that it was drawn from, and is trained with those values whatever edits follow.
    """

    spaces: tuple[SearchSpace, ...]

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> SpaceVersions:
        """Build from the facts that are stored with a study.

        Raises:
            SearchSpaceError: They are not those of one.
        """
        return cls(spaces=(*earlier_spaces(facts), _built(facts["space"])))

    @property
    def current(self) -> SearchSpace:
        """The space from which trials are drawn now."""
        return self.spaces[-1]

    @property
    def last(self) -> int:
        """The index of the current space."""
        return len(self.spaces) - 1

    @cached_property
    def _names(self) -> tuple[dict[str, str], ...]:
        kinds: dict[str, list[tuple[Any, ...]]] = {}
        found = []
        for space in self.spaces:
            names = {}
            for name, parameter in space.parameters.items():
                known, kind = kinds.setdefault(name, []), _kind(parameter)
                if kind not in known:
                    known.append(kind)
                names[name] = stored_name(name, known.index(kind) + 1)
            found.append(names)
        return tuple(found)

    def stored_names(self, version: int) -> Mapping[str, str]:
        """Return the names under which the parameters of a space are stored, by their plain names."""
        return self._names[version]

    def newest_with(self, point: Mapping[str, Any]) -> int:
        """Return the index of the newest space that has all values of a point; the current one where none has.

        Args:
            point: Values by plain name. Names that no space has do not count.
        """
        for version in reversed(range(len(self.spaces))):
            parameters = self.spaces[version].parameters
            known = {name: value for name, value in point.items() if any(name in s.parameters for s in self.spaces)}
            if all(name in parameters and _contains(parameters[name], value) for name, value in known.items()):
                return version
        return self.last

    def seen_now(self, point: Mapping[str, Any]) -> dict[str, Value] | None:
        """Return the values of a trial of an earlier space as the current space has them; None where it has not.

        A parameter that the earlier space did not search was trained at its default, which counts as its value.

        Args:
            point: The values that were drawn, by plain name.
        """
        try:
            trained = Hyperparameters.from_values(point)
        except SearchSpaceError:
            return None
        found: dict[str, Value] = {}
        for name, parameter in self.current.parameters.items():
            if self.current.applies(name, found):
                value = getattr(trained, name)
                if not _contains(parameter, value):
                    return None
                found[name] = parameter.clip(value)
        return found


def earlier_spaces(facts: Mapping[str, Any]) -> tuple[SearchSpace, ...]:
    """Return the spaces before the current one, as they are stored with a study, the oldest first.

    Raises:
        SearchSpaceError: They are not those of one.
    """
    return tuple(map(_built, facts.get(EARLIER, ())))


def first_space(facts: Mapping[str, Any]) -> Any:
    """Return the space with which a study was created, as it is stored."""
    return next(iter(facts.get(EARLIER) or ()), facts.get("space"))


def is_searched_otherwise(now: StudyRecord, before: StudyRecord) -> bool:
    """Return whether the search space of a study was edited since it was read."""
    return bool(now.facts.get("space") != before.facts.get("space"))


def _built(stored: Mapping[str, Any]) -> SearchSpace:
    # A stored space spells its ranges out, so it needs nothing of a recipe.
    return build_space(stored, recipe=Recipe(family="", parameters={}), source="the stored search space")


def _kind(parameter: Parameter) -> tuple[Any, ...]:
    """Return what Optuna compares under one name: ranges may differ, but not their scale, nor choices."""
    if isinstance(parameter, Categorical):
        return ("categorical", *parameter.choices)
    return ("int" if isinstance(parameter, Int) else "float", parameter.log)


def _contains(parameter: Parameter, value: Any) -> bool:
    return isinstance(value, int | float | str) and parameter.contains(value)
