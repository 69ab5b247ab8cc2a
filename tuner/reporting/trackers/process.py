"""The process of a tracker: takes the events of trials one after another, and answers each of them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuner.errors import first_line
from tuner.reporting.events import TrialDropped, TrialEnded, TrialEvaluated, TrialStarted, TrialWasOver
from tuner.reporting.trackers.tracker import Ending, Point, TrackedRun, Tracker, new_tracker
from tuner.security.known_secrets import strike_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from multiprocessing.connection import Connection
    from typing import TypeAlias

    from tuner.study.trackers import TrackedStudy, TrackerName

    #: The events that a tracker is told of.
    TrialEvent: TypeAlias = TrialStarted | TrialEvaluated | TrialEnded | TrialDropped


def track(connection: Connection, *, name: TrackerName, study: TrackedStudy) -> None:
    """Serve the relay at the other end of a pipe until it sends None.

    Each event is answered with None, or with a line that says what went wrong.

    Args:
        connection: The pipe.
        name: The tracker.
        study: The study.
    """
    book: Book | None = None
    while (event := connection.recv()) is not None:
        answer = None
        try:
            book = book or Book(new_tracker(name, study))
            book.take(event)
        except Exception as error:  # a library's, of which this process knows nothing
            answer = strike_out(f"{type(error).__name__}: {first_line(error)}")
            if book is not None:
                with contextlib.suppress(Exception):  # the first error says more
                    book.leave(event.number)
        connection.send(answer)
    if book is not None:
        book.close()
    connection.send(None)


@dataclass
class _Open:
    run: TrackedRun
    #: Steps of the points that it has been given.
    steps: set[int]
    is_configured: bool = False


class Book:
    """The runs that are open, by the numbers of their trials.

    Args:
        tracker: The tracker.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._open: dict[int, _Open] = {}

    def take(self, event: TrialEvent) -> None:
        """Tell the tracker of one event. A point that its run has is not told again."""
        if isinstance(event, TrialStarted):
            self.leave(event.number)
            self._begin(event)
        elif isinstance(event, TrialEvaluated):
            if (known := self._open.get(event.number)) is not None:
                self._log(known, [event.evaluation.to_dict()], event.effective)
        elif isinstance(event, TrialWasOver) and self._tracker.is_over(event.number):
            return
        elif isinstance(event, TrialEnded):
            # A trial that has taken over the values of another one, or that was put aside, has not started here.
            known = self._open.get(event.number) or self._begin(event)
            self._log(known, event.curve, event.effective)
            del self._open[event.number]
            known.run.end(Ending(state=event.state, value=event.value, reason=event.reason))
        else:
            self.leave(event.number)

    def _begin(self, event: TrialStarted | TrialEnded) -> _Open:
        run = self._tracker.open(event.number, event.hyperparameters or {})
        known = self._open[event.number] = _Open(run=run, steps=set())
        self._log(known, event.curve, event.effective)
        return known

    def _log(self, known: _Open, curve: Iterable[Mapping[str, Any]], effective: Mapping[str, Any] | None) -> None:
        if effective is not None and not known.is_configured:
            known.is_configured = True
            known.run.configure(effective)
        for point in (Point.of(entry, self._tracker.study.metric) for entry in curve):
            if point.step not in known.steps and not known.run.has(point.step):
                known.run.log(point)
            known.steps.add(point.step)

    def leave(self, number: int) -> None:
        """Let go of a trial's run, if it is open, as it is."""
        if (known := self._open.pop(number, None)) is not None:
            known.run.leave()

    def close(self) -> None:
        """Let go of all runs, and send what is left."""
        for number in list(self._open):
            self.leave(number)
        self._tracker.close()
