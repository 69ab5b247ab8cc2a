"""Progress on the console: a live view on a terminal, else one line for each event."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tuner.reporting.lines import Lines
from tuner.reporting.live.view import LiveView, is_shown_on

if TYPE_CHECKING:
    from rich.console import Console

    from tuner.reporting.events import Watcher


@contextmanager
def progress(console: Console) -> Iterator[Watcher]:
    """Yield a watcher that shows progress on a console: a live view on a terminal, else one line for each event."""
    if not is_shown_on(console):
        yield Lines(console)
        return
    with LiveView(console) as view:
        yield view
