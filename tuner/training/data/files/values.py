"""How messages show a value of a file."""

from __future__ import annotations

#: Characters of a value that a message shows.
_SHOWN = 60


def shown(value: str) -> str:
    """Return a value in quotes, on one line, cut where it is long."""
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")
