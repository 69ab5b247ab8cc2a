"""Progress where there is no terminal: one line for each event, with date and time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from storage import TrialState
from tuner.processes.messages import Progressed
from tuner.reporting.events import Began, Notice, TrialEnded, TrialEvaluated, TrialStarted
from tuner.reporting.live.model import LiveModel
from tuner.reporting.stages import SlowStages
from tuner.reporting.text import clock, counted, describe, plain_reason
from tuner.security.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from tuner.reporting.events import Event
    from tuner.reporting.live.state import LiveState


class Lines:
    """Prints one line for each event, but of the preparation only its slow stages.

    Args:
        console: The console.
        now: Returns date and time of this machine, such as `2026-12-02 13:24:05`.
    """

    def __init__(self, console: Console, now: Callable[[], str] = lambda: time.strftime("%Y-%m-%d %H:%M:%S")) -> None:
        self._console, self._now = console, now
        self._model = LiveModel()
        self._stages = SlowStages()

    def __call__(self, event: Event) -> None:
        """Print one event."""
        self._model.take(event)
        line = self._stages.line(event) if isinstance(event, Progressed) else self._line(event)
        if line is not None:
            text = redact(f"{self._now()} {line}")
            self._console.print(text, soft_wrap=True, highlight=False, markup=False)

    def _line(self, event: Event) -> str | None:
        if isinstance(event, Began):
            of = "" if event.trials is None else f" of {event.trials}"
            workers = "1 worker" if event.lanes == 1 else f"{event.lanes} workers"
            return f"study {event.study}: {event.finished}{of} trials finished, {workers}"
        if isinstance(event, TrialStarted):
            return _started(event)
        if isinstance(event, TrialEvaluated):
            e = event.evaluation
            return (
                f"trial {event.number} {e.step} %: value {e.value:.4f}, training loss {e.train_loss:.4f}, "
                f"validation loss {e.validation_loss:.4f}"
            )
        if isinstance(event, TrialEnded):
            return _ended(event, self._model.state())
        return event.text if isinstance(event, Notice) else None


def _started(event: TrialStarted) -> str:
    word = "trains" if event.has_trained else "again" if event.again else "started"
    if event.optimiser_steps is not None:
        word += f" from optimiser step {event.optimiser_steps}"
    at = "" if event.resumed_at is None else f", resumed at {event.resumed_at} %"
    return f"trial {event.number} {word} on {event.device}{at}: {describe(event.hyperparameters)}"


def _ended(event: TrialEnded, state: LiveState) -> str:
    value = "" if event.value is None else f" value {event.value:.4f}"
    reason = f" ({plain_reason(event.reason)})" if event.reason else ""
    word = "put aside" if event.state is TrialState.SHELVED else event.state.value
    told = f"trial {event.number} {word}{value}{reason} after {clock(event.seconds)}"
    best = f", best {state.leaders[0].value:.4f} (trial {state.leaders[0].number})" if state.leaders else ""
    if state.trials is None:
        runs = None if state.about is None else state.about.runs
        of = "" if runs is None else f" of {runs:g}"
        spent = "" if state.spent is None else f", {state.spent:.1f}{of} runs"
        return f"{told}; {counted(state.finished, 'trial')}{spent}{best}"
    left = "" if state.left_s is None else f", about {clock(state.left_s)} left"
    return f"{told}; {state.finished}/{state.trials}{best}{left}"
