"""Progress of preparation: called by readers and encoders, and shown by the command."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

#: Receives the name of a stage, such as `reading reviews.csv`, the amount done, and the whole amount (0 where it
#: is not known). It may be called often: the receiver drops the calls that it need not show.
Progress: TypeAlias = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """Show nothing."""
