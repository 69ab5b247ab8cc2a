"""How messages show a value of a file."""

from __future__ import annotations

#: Characters of a value that a message shows.
_SHOWN = 80


def shown(value: object) -> str:
    """Return a value on one line, a text in quotes, cut where it is long."""
    try:
        text = repr(value)
    except RecursionError:
        return f"a {type(value).__name__} of many levels"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
