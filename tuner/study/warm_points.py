"""The points of a warm start, as a study has stored them when it was created."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search_spaces import SearchSpace


def clipped_points(space: SearchSpace, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the points of a warm start, each as near as a space allows, without those that come twice."""
    found: list[dict[str, Any]] = []
    for source in facts.get("warm_start", ()):
        for point in source["points"]:
            clipped = dict(space.clip(point))
            if clipped not in found:
                found.append(clipped)
    return found
