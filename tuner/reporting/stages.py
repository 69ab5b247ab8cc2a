"""Shows which stage of its preparation a command is at, such as `encoding reviews.csv`, and how far it has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tuner.reporting.text import clock
from tuner.security.redaction import redact

if TYPE_CHECKING:
    from tuner.processes.messages import Progressed

#: Where there is no terminal, seconds of a stage until it is named, and between two lines about it.
SLOW_S = 10.0
#: Columns of the bar.
_BAR = 30


def describe_stage(progressed: Progressed) -> str:
    """Return a stage and how far it has come, such as `encoding texts: 500 of 2,000 (25 %)`."""
    if progressed.total > 0:
        share = 100 * progressed.done // progressed.total
        return f"{progressed.stage}: {progressed.done:,} of {progressed.total:,} ({share} %)"
    return f"{progressed.stage}: {progressed.done:,}" if progressed.done > 0 else progressed.stage


class SlowStages:
    """Chooses the messages that a log shows: one for every `SLOW_S` of a stage, so none of a short stage.

    Args:
        clock: Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or time.monotonic
        self._stage: str | None = None
        self._shown_at = 0.0

    def line(self, progressed: Progressed) -> str | None:
        """Return the line to show now, or None."""
        now = self._clock()
        if progressed.stage != self._stage:
            self._stage, self._shown_at = progressed.stage, now
        if now - self._shown_at < SLOW_S:
            return None
        self._shown_at = now
        return redact(describe_stage(progressed))


class StageBar:
    """A bar that shows the stage that runs, for a live display.

    Args:
        clock: Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or time.monotonic
        self._progressed: Progressed | None = None
        self._began = self._clock()

    def take(self, progressed: Progressed) -> None:
        """Show this stage from now on."""
        if self._progressed is None or progressed.stage != self._progressed.stage:
            self._began = self._clock()
        self._progressed = progressed

    def __rich__(self) -> Table | Text:
        """Return one line: the stage, a bar, and the seconds that the stage has taken."""
        if self._progressed is None:
            return Text("")
        total = self._progressed.total or None
        bar = ProgressBar(total=total, completed=self._progressed.done, width=_BAR, pulse=total is None)
        line = Table.grid(padding=(0, 1))
        line.add_row(bar, Text(redact(describe_stage(self._progressed))), Text(clock(self._clock() - self._began)))
        return line


@contextmanager
def stages(console: Console) -> Iterator[Callable[[Progressed], None]]:
    """Yield a function that shows progress: a bar that vanishes at the end, or lines about slow stages in a log."""
    if not console.is_terminal:
        slow = SlowStages()

        def show(progressed: Progressed) -> None:
            if line := slow.line(progressed):
                console.print(line, soft_wrap=True, highlight=False, markup=False)

        yield show
        return
    bar = StageBar()
    with Live(bar, console=console, refresh_per_second=4, transient=True, redirect_stdout=False):
        yield bar.take
