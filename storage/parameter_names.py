"""Names of parameters in Optuna's tables.

Optuna refuses another kind of distribution, another scale or other choices under the name of a parameter that a study
has. Where an edit of the search space brings them, they are stored under the name with a number: `batch_size#2`.
Readers show the plain name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MARK = "#"


def stored_name(name: str, generation: int) -> str:
    """Return the name under which a parameter is stored.

    Args:
        name: The plain name.
        generation: Counts the kinds of distribution that the parameter has had, from 1.
    """
    return name if generation == 1 else f"{name}{_MARK}{generation}"


def plain_name(stored: str) -> str:
    """Return the plain name of a stored one."""
    name, _, generation = stored.rpartition(_MARK)
    return name if name and generation.isdigit() else stored


def by_plain_name(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known by stored names by the plain ones."""
    return {plain_name(name): value for name, value in stored.items()}
