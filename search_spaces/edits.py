"""Edits of a search space: parameters that change, in the words of YAML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from search_spaces.errors import InvalidSpace, suggestion
from search_spaces.hyperparameters import NAMES, SEVEN
from search_spaces.loading import build_space
from search_spaces.recipes import Recipe
from search_spaces.space import SearchSpace
from search_spaces.synonyms import HYPERPARAMETERS

#: The word with which a parameter leaves the space. YAML reads `null` as None.
_LEAVES = (None, "none")
_RANGE = {"low", "high"}


@dataclass(frozen=True, kw_only=True)
class EditedSpace:
    """A space after an edit."""

    space: SearchSpace
    #: Parameters that left it by themselves, as their conditions can no longer be met.
    unmet: tuple[str, ...]


def edit_space(
    space: SearchSpace, entries: Mapping[str, Any], *, recipe: Recipe, source: str, free: bool = False
) -> EditedSpace:
    """Return a space in which some parameters are others.

    Args:
        space: The space.
        entries: By name, what a space in YAML has: a value, choices, or a range. Of a range, keys that are left out
            stay as they are, as do conditions, unless `when` is `none`. `none` removes a parameter that is none of the
            seven.
        recipe: Published defaults, for the word `recipe`.
        source: The name of the edit in errors.
        free: Whether names may be any, as those of a study's own training are.

    Raises:
        InvalidSpace: Names the source, the parameter and the reason.
    """
    document: dict[str, Any] = {name: dict(entry) for name, entry in space.to_dict().items()}
    for name, entry in entries.items():
        if name not in NAMES and not free:
            raise InvalidSpace(source, str(name), f"is no hyperparameter{suggestion(name, NAMES, HYPERPARAMETERS)}")
        if entry in _LEAVES:
            if name in SEVEN:
                raise InvalidSpace(source, name, "is searched in every space; fix it to a value instead")
            if name not in document:
                raise InvalidSpace(source, name, "is not searched, so that it cannot be removed")
            del document[name]
        else:
            document[name] = _merged(document.get(name, {}), entry)
    build = partial(build_space, recipe=recipe, source=source, free=free)
    unmet = _drop_unmet(document, entries, build)
    return EditedSpace(space=build(document), unmet=unmet)


def _merged(before: Mapping[str, Any], entry: Any) -> Any:
    """Return an entry with the keys that it leaves to the one before."""
    if isinstance(entry, Mapping) and "when" in entry and (entry["when"] in _LEAVES or entry["when"] == {}):
        before = {key: value for key, value in before.items() if key != "when"}
        entry = {key: value for key, value in entry.items() if key != "when"}
    when = {"when": before["when"]} if "when" in before else {}
    if isinstance(entry, Mapping):
        is_range = "choices" not in entry and entry.get("type") != "categorical"
        is_part = is_range and before.keys() >= _RANGE
        return {**before, **entry} if is_part else {**when, **entry}
    if not when:
        return entry
    return {**when, "type": "categorical", "choices": entry if isinstance(entry, list) else [entry]}


def _drop_unmet(
    document: dict[str, Any], entries: Mapping[str, Any], build: Callable[[Mapping[str, Any]], SearchSpace]
) -> tuple[str, ...]:
    """Remove parameters whose conditions the edit has made impossible, unless the edit names them.

    A person who fixes a schedule without warm-up need not know that warm-up is searched for other schedules.
    """
    dropped: list[str] = []
    while True:
        kept = {name: _without_condition(entry) for name, entry in document.items()}
        parameters = build(kept).parameters
        lost = [
            name
            for name, entry in document.items()
            if name not in entries
            and isinstance(entry, Mapping)
            and not all(
                parent in parameters and any(parameters[parent].contains(value) for value in values)
                for parent, values in entry.get("when", {}).items()
            )
        ]
        if not lost:
            return tuple(dropped)
        for name in lost:
            del document[name]
        dropped += lost


def _without_condition(entry: Any) -> Any:
    return {key: value for key, value in entry.items() if key != "when"} if isinstance(entry, Mapping) else entry
