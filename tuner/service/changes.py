"""What has changed between two configurations of a study, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tuner.study.budget import duration
from tuner.study.study_file import changed_keys

#: Keys whose values are seconds.
_DURATIONS = ("budget.time", "budget.trial_time")
#: Of these a flag of `tuner start` and `tuner resume` replaces both.
_BOUNDS = ("trials", "runs")


def changed_lines(was: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return a line for each key that has changed, but for those of the search space, such as `keep: 1 -> 2`."""
    keys = [key for key in changed_keys(was, after) if key.split(".")[0] != "search_space"]
    return [f"{key}: {_shown(was, key)} -> {_shown(after, key)}" for key in keys]


def budget_words(was: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    """Return what of a budget counts in place of what, such as `budget: runs 2 in place of trials 6`.

    Args:
        was: The configuration before, as JSON values.
        after: The one that counts now.

    Returns:
        None where the budgets are equal.
    """
    parts = [key.partition(".")[2] for key in changed_keys({"budget": was["budget"]}, {"budget": after["budget"]})]
    if not parts:
        return None
    parts = [*(_BOUNDS if any(part in _BOUNDS for part in parts) else ()), *(p for p in parts if p not in _BOUNDS)]
    return f"budget: {_bounds(after, parts)} in place of {_bounds(was, parts)}"


def _bounds(document: Mapping[str, Any], parts: list[str]) -> str:
    given = [part for part in parts if document["budget"].get(part) is not None]
    return ", ".join(f"{part} {_shown(document, f'budget.{part}')}" for part in given) or "no bound"


def _shown(document: Mapping[str, Any], key: str) -> str:
    value: Any = document
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        return "none"
    if key in _DURATIONS:
        return duration(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
