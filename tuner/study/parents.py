"""Studies that follow from another one: confirmations and refits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuner.errors import ConfigError
from tuner.study.confirmation import Plan
from tuner.study.refit import Refit
from tuner.study.space_versions import first_space

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Facts that two studies share where one follows from the other.
_SHARED = ("data", "weights", "tokenizer", "sizes")


def parent_of(facts: Mapping[str, Any]) -> str | None:
    """Return the name of the study from which one follows; None for a study of its own."""
    found = Plan.parse(facts) or Refit.parse(facts)
    return None if found is None else found.parent


def shared_facts(facts: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a study has in common with those that follow from it, but not with another one of its name."""
    # The first space: an edit of the space leaves a study what it is.
    return {"seed": config.get("seed"), "space": first_space(facts), **{name: facts.get(name) for name in _SHARED}}


def check_is_no_child(facts: Mapping[str, Any], *, source: str) -> None:
    """Refuse a study that follows from another one.

    Raises:
        ConfigError: It does.
    """
    parent = parent_of(facts)
    if parent is not None:
        raise ConfigError(source, "", f"follows from study {parent!r}, which is the one to ask")
