"""The search spaces that a study has had, one after another, as people have edited it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from search_spaces import (
    NAMES,
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

    def newest_with(self, point: Mapping[str, Any], *, is_recipe: bool = False) -> int:
        """Return the index of the space to which given values belong.

        That is the newest one in which they are a whole point, so that nothing is drawn and the trial trains just these
        values. Where they are whole in none, it is the first one for the recipe, and for other values the newest one
        that has them all, or else the current one.

        Args:
            point: Values by plain name. Names that no space has do not count.
            is_recipe: Whether they are those of trial 0.
        """
        names = {name for space in self.spaces for name in space.parameters}
        known = {name: value for name, value in point.items() if name in names}
        newest = [*reversed(range(len(self.spaces)))]
        whole = next((version for version in newest if _is_whole(self.spaces[version], known)), None)
        if whole is not None:
            return whole
        if is_recipe:
            return 0
        return next((version for version in newest if _has(self.spaces[version], known)), self.last)

    def seen_now(self, point: Mapping[str, Any]) -> dict[str, Value] | None:
        """Return the values of a trial of an earlier space as the current space has them; None where it has not.

        A parameter that the earlier space did not search was trained at its default, which counts as its value. One
        that the current space does not search has its default there, so that any other value lies outside.

        Args:
            point: The values that were drawn, by plain name.
        """
        try:
            trained = Hyperparameters.from_values(point, free=True)
        except SearchSpaceError:
            return None
        found: dict[str, Value] = {}
        for name, parameter in self.current.parameters.items():
            if self.current.applies(name, found):
                value: Any = trained.others.get(name, getattr(trained, name, None))
                if not _contains(parameter, value):
                    return None
                found[name] = parameter.clip(value)
        if not trained.others.keys() <= found.keys():  # names of one's own have no defaults
            return None
        known = {*NAMES} - trained.unsearched - found.keys()
        others = (each for each in fields(Hyperparameters) if each.name in known)
        return found if all(getattr(trained, each.name) == each.default for each in others) else None


def _has(space: SearchSpace, point: Mapping[str, Any]) -> bool:
    return all(name in space.parameters and _contains(space.parameters[name], value) for name, value in point.items())


def _is_whole(space: SearchSpace, point: Mapping[str, Any]) -> bool:
    """Return whether a point has a value of the space for each parameter that applies, and no other."""
    applying: dict[str, Any] = {}
    for name, parameter in space.parameters.items():
        if space.applies(name, applying):
            if name not in point or not _contains(parameter, point[name]):
                return False
            applying[name] = point[name]
    return applying.keys() == point.keys()


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
    # The spaces before too: an edit may have been taken back.
    return any(now.facts.get(key) != before.facts.get(key) for key in ("space", EARLIER))


def _built(stored: Mapping[str, Any]) -> SearchSpace:
    # A stored space spells its ranges out, so it needs nothing of a recipe.
    return build_space(stored, recipe=Recipe(family="", parameters={}), source="the stored search space", free=True)


def _kind(parameter: Parameter) -> tuple[Any, ...]:
    """Return what Optuna compares under one name: ranges may differ, but not their scale, nor choices."""
    if isinstance(parameter, Categorical):
        return ("categorical", *parameter.choices)
    return ("int" if isinstance(parameter, Int) else "float", parameter.log)


def _contains(parameter: Parameter, value: Any) -> bool:
    return isinstance(value, int | float | str) and parameter.contains(value)
