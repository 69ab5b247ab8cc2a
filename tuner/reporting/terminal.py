"""Progress on the console: a live table on a terminal, else one line for each event."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tuner.processes.messages import Progressed
from tuner.reporting.events import Began, Decided, Edited, Event, Notice, TrialEnded, TrialEvaluated, TrialStarted
from tuner.reporting.stages import SlowStages, StageBar
from tuner.reporting.text import clock, describe, sparkline
from tuner.security.redaction import redact
from tuner.trial.evaluation import is_better

if TYPE_CHECKING:
    from tuner.reporting.events import Watcher

_STYLES = {
    "complete": "green",
    "pruned": "yellow",
    "failed": "red",
    "interrupted": "magenta",
    "paused": "cyan",
    "shelved": "blue",
}


@contextmanager
def progress(console: Console) -> Iterator[Watcher]:
    """Yield a watcher that shows progress on a console: a live table on a terminal, else one line for each event."""
    if not console.is_terminal:
        yield Lines(console)
        return
    with LiveTable(console) as table:
        yield table


class RunTotals:
    """Totals of a run: finished trials, the best trial, and an estimate of the time left."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._direction = "maximize"
        #: Seconds of each trial that has ended in this run.
        self._spent: list[float] = []
        self._lanes = 1
        self.trials: int | None = 0
        self.finished = 0
        #: Full runs that are spent and the budget, as the last decision of a search over depths knew them.
        self.runs: tuple[float, float] | None = None
        #: Number and value of the best complete trial of the study.
        self.best: tuple[int, float] | None = None

    def take(self, event: Event) -> None:
        """Update the totals with one event."""
        if isinstance(event, Began):
            self.trials, self.finished = event.trials, event.finished
            self._direction, self._lanes = event.direction, event.lanes
            self.best = event.best
        elif isinstance(event, Edited):
            self.trials = event.trials
        elif isinstance(event, Decided):
            self.runs = (event.spent, event.runs)
        elif isinstance(event, TrialEnded):
            self.finished = event.finished
            self._spent.append(event.seconds)
            better = event.value is not None and is_better(
                event.value, self.best[1] if self.best else None, self._direction
            )
            if event.state == "complete" and better and event.value is not None:
                self.best = (event.number, event.value)

    @property
    def remaining_s(self) -> float | None:
        """Seconds until the last trial ends, if the rest take as long as those before; None where nobody can say."""
        if not self._spent or self.trials is None:
            return None
        return (self.trials - self.finished) * sum(self._spent) / len(self._spent) / self._lanes

    def counted(self) -> str | None:
        """Return how many trials are over, of how many, for a line; None where their number has no bound."""
        return None if self.trials is None else f"{self.finished}/{self.trials}"

    def priced(self) -> str:
        """Return how many trials are over and what is spent, where the number of trials has no bound."""
        spent = "" if self.runs is None else f", {self.runs[0]:.1f} of {self.runs[1]:g} runs"
        return f"{self.finished} trials{spent}"


class Lines:
    """Prints one line for each event, but of the preparation only its slow stages."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._totals = RunTotals()
        self._stages = SlowStages()

    def __call__(self, event: Event) -> None:
        """Print one event."""
        self._totals.take(event)
        line = self._stages.line(event) if isinstance(event, Progressed) else self._line(event)
        if line is not None:
            self._console.print(redact(line), soft_wrap=True, highlight=False, markup=False)

    def _line(self, event: Began | TrialStarted | TrialEvaluated | TrialEnded | Notice) -> str:
        if isinstance(event, Began):
            of = "" if event.trials is None else f" of {event.trials}"
            return f"study {event.study}: {event.finished}{of} trials finished, {event.lanes} worker(s)"
        if isinstance(event, TrialStarted):
            word = "again" if event.again else "started"
            if event.optimiser_steps is not None:
                word += f" from optimiser step {event.optimiser_steps}"
            return f"trial {event.number} {word} on {event.device}: {describe(event.hyperparameters)}"
        if isinstance(event, TrialEvaluated):
            e = event.evaluation
            return (
                f"trial {event.number} {e.step} %: value {e.value:.4f}, training loss {e.train_loss:.4f}, "
                f"validation loss {e.validation_loss:.4f}"
            )
        if isinstance(event, TrialEnded):
            value = "" if event.value is None else f" value {event.value:.4f}"
            reason = f" ({event.reason})" if event.reason else ""
            best = f", best {self._totals.best[1]:.4f} (trial {self._totals.best[0]})" if self._totals.best else ""
            ended = f"trial {event.number} {event.state}{value}{reason} after {clock(event.seconds)}"
            if (counted := self._totals.counted()) is None:
                return f"{ended}; {self._totals.priced()}{best}"
            return f"{ended}; {counted}{best}, about {clock(self._totals.remaining_s)} left"
        return event.text


class LiveTable:
    """Shows running trials and their curves in a table, and prints one line above it for each trial that has ended."""

    def __init__(self, console: Console) -> None:
        self._totals = RunTotals()
        self._running: dict[int, tuple[TrialStarted, float, list[float]]] = {}
        #: The stage of the preparation; None once trials run.
        self._stage: StageBar | None = StageBar()
        # The table is built at each refresh, since the elapsed times change between events.
        self._live = Live(console=console, refresh_per_second=4, transient=True, get_renderable=self._table)

    def __enter__(self) -> LiveTable:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        self._totals.take(event)
        if isinstance(event, Progressed) and self._stage is not None:
            self._stage.take(event)
        elif isinstance(event, Began):
            self._stage = None
        elif isinstance(event, TrialStarted):
            self._running[event.number] = (event, time.monotonic(), [])
        elif isinstance(event, TrialEvaluated) and event.number in self._running:
            self._running[event.number][2].append(event.evaluation.value)
        elif isinstance(event, TrialEnded):
            started = self._running.pop(event.number, None)
            self._live.console.print(self._ended(event, started[0] if started else None))
        elif isinstance(event, Notice):
            self._live.console.print(Text(redact(event.text), style="yellow"))
        self._live.refresh()  # a short trial may end before the next regular refresh

    def _ended(self, event: TrialEnded, started: TrialStarted | None) -> Text:
        line = Text(f"{event.number:>4} ")
        line.append(f"{event.state:<11} ", style=_STYLES.get(event.state, ""))
        line.append(f"{event.value:.4f}  " if event.value is not None else "        ")
        line.append(describe(started.hyperparameters) if started else "", style="dim")
        if event.reason:
            line.append(f"  {redact(event.reason)}", style="italic dim")
        return line

    def _table(self) -> Group | StageBar:
        if (stage := self._stage) is not None:  # a copy: rich calls this from a thread of its own
            return stage
        table = Table(box=None, pad_edge=False)
        for column in ("trial", "device", "time", "curve", "hyperparameters"):
            table.add_column(column)
        for number, (started, since, values) in list(self._running.items()):  # a copy, for the same reason
            last = f" {values[-1]:.4f}" if values else ""
            table.add_row(
                str(number),
                started.device,
                clock(time.monotonic() - since),
                sparkline(values) + last,
                describe(started.hyperparameters),
            )
        best = f"best {self._totals.best[1]:.4f} (trial {self._totals.best[0]})" if self._totals.best else "no best yet"
        if (counted := self._totals.counted()) is None:
            return Group(table, Text(f"{self._totals.priced()}, {best}"))
        return Group(table, Text(f"{counted} trials, {best}, about {clock(self._totals.remaining_s)} left"))
