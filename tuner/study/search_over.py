"""Whether a search over depths has ended, as the plan of its study says. The end holds for one budget and one
search space."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuner.errors import ConfigError

if TYPE_CHECKING:
    from tuner.study.config import StudyConfig

#: Key of the plan under which the end stands.
_KEY = "over"


@dataclass(frozen=True, kw_only=True)
class SearchOver:
    """The end of a search."""

    #: Why it has ended, for people.
    reason: str
    #: Whether the budget is spent, so that trials that still run end too.
    cuts: bool

    def to_content(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the entry of the plan.

        Args:
            config: The study's configuration as JSON values.
        """
        return {_KEY: {"reason": self.reason, "cuts": self.cuts, "bounds": _bounds(config)}}

    @classmethod
    def parse(cls, content: Mapping[str, Any], config: Mapping[str, Any]) -> SearchOver | None:
        """Return the end of a search; None where it goes on, or where its budget or its space has changed since.

        Args:
            content: The study's plan.
            config: The study's configuration as JSON values.
        """
        stored = content.get(_KEY)
        if not isinstance(stored, Mapping) or not _are_those(stored.get("bounds"), config):
            return None
        return cls(reason=str(stored.get("reason")), cuts=bool(stored.get("cuts")))


def is_searched_by_plan(facts: Mapping[str, Any]) -> bool:
    """Return whether the trials of a study begin as its plan decides, rather than all in slots of their own."""
    return bool(facts.get("arms"))


def check_bounds(facts: Mapping[str, Any], config: StudyConfig, *, source: str) -> None:
    """Check that a study which is no search over depths is bounded by nothing that only such a search can heed.

    Args:
        facts: The facts that are stored with the study, or will be.
        config: Its configuration.
        source: Its name in errors.

    Raises:
        ConfigError: It is.
    """
    if is_searched_by_plan(facts):
        return
    for key, is_given in (("budget.runs", config.budget.runs is not None), ("stop", config.stop == "auto")):
        if is_given:
            reason = (
                "is for a search over depths, which this study is not: it needs a built-in task, `search: auto` and at "
                "least two values of frozen_layers that the model allows; give `trials`, `time` or `device_hours`"
            )
            raise ConfigError(source, key, reason)


def _bounds(config: Mapping[str, Any]) -> list[Any]:
    budget = config.get("budget", {})
    space = hashlib.sha256(json.dumps(config.get("search_space"), sort_keys=True).encode()).hexdigest()
    return [budget.get("trials"), budget.get("runs"), config.get("stop"), space]


def _are_those(stored: Any, config: Mapping[str, Any]) -> bool:
    # Versions that could not edit a space have stored none.
    return isinstance(stored, list) and len(stored) in (3, 4) and stored == _bounds(config)[: len(stored)]
