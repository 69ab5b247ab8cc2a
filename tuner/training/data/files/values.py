"""How messages show values, and how nested values are kept."""

from __future__ import annotations

import json
from collections.abc import Collection
from itertools import islice
from typing import Any

#: Characters of a value that a message shows.
_SHOWN = 80


def shown(value: object) -> str:
    """Return a value on one line, a text in quotes, cut where it is long."""
    try:
        text = repr(value)
    except RecursionError:
        return f"a {type(value).__name__} of many levels"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def listed(words: Collection[str], most: int = 8) -> str:
    """Return words with commas between them, and the number of those behind the first ones: `a, b and 3 more`."""
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(islice(words, most)) + more


def as_json(value: list[Any]) -> str:
    """Return a list of nested values as JSON. Whatever JSON does not have is left out, such as bytes."""
    return json.dumps(value, ensure_ascii=False, default=lambda _: None)
