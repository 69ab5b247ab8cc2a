"""Keeps the note of a study true while trials end, so that any optuna-dashboard on the database shows how it stands."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from storage import Studies, describe_outage
from tuner.errors import first_line
from tuner.reporting.events import Began, Decided, Edited, TrialEnded
from tuner.reporting.study_note import study_note
from tuner.search.study_note import StudyNote
from tuner.security.redaction import storable
from tuner.supervisor.background import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage import Database
    from tuner.reporting.events import Event
    from tuner.supervisor.background import Background

#: Seconds between two writes, at least; and how many times as long as the last one took.
PAUSE_S, SHARE = 10.0, 50.0


def write_study_note(database: Database, name: str) -> None:
    """Write the note of a study as it is now. Does nothing where the study was deleted.

    Args:
        database: Where it is.
        name: Its name.
    """
    record = Studies(database).find(name)
    if record is not None:
        with contextlib.suppress(KeyError):  # it was deleted meanwhile
            StudyNote(database, record.id).write(storable(study_note(database, record)))


class NoteKeeper:
    """Writes the note of a study some time after something has happened. Only the main thread may call it.

    A write has a thread of its own: it reads the whole study, and training is not to wait for that. One that fails for
    an outage is repeated later. After any other error the note is left as it is: no search ends for its note.

    Args:
        database: Where the study is.
        name: Its name.
        background: Runs the writes.
        notice: Called with a line for the user.
    """

    def __init__(self, database: Database, name: str, background: Background, notice: Callable[[str], None]) -> None:
        self._database = database
        self._name = name
        self._background = background
        self._notice = notice
        self._is_given_up = False
        self._is_due = False
        self._is_writing = False
        #: When the next write may begin, on this process's clock.
        self._next = float("-inf")

    def take(self, event: Event) -> None:
        """Take note of an event."""
        self._is_due = self._is_due or isinstance(event, Began | Decided | Edited | TrialEnded)

    def look(self) -> None:
        """Begin a write, if one is due and none runs."""
        if self._is_due and not self._is_writing and not self._is_given_up and time.monotonic() >= self._next:
            self._is_due, self._is_writing = False, True
            self._background.start(self._write, self._written)

    def finish(self) -> None:
        """Write the note a last time, if the database answers: the run is over."""
        if not self._is_given_up:
            self._written(Outcome(self._write))

    def _write(self) -> float:
        began = time.monotonic()
        write_study_note(self._database, self._name)
        return time.monotonic() - began

    def _written(self, outcome: Outcome[float]) -> None:
        self._is_writing = False
        took = 0.0
        if outcome.error is None:
            took = outcome.result()
        elif describe_outage(outcome.error) is not None:
            self._is_due = True
        else:
            self._is_given_up = True
            self._notice(f"the note that the dashboard shows cannot be written: {first_line(outcome.error)}")
        self._next = time.monotonic() + max(PAUSE_S, SHARE * took)
