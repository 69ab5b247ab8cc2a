"""The note and the figures of studies, made when a page asks for them. Nothing is written to the database."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import Events
from tuner.dashboard.figures import figures
from tuner.reporting.pictures import read_pictures
from tuner.reporting.study_note import study_note
from tuner.security.redaction import storable

if TYPE_CHECKING:
    from storage import Database, StudyRecord

#: Seconds for which a page waits for a new overview, before it is shown with the one before. It asks again soon.
PATIENCE_S = 1.0
#: An overview is shown for so many times as long as it took to make, so that a large study does not fill a core.
SHARE = 20.0
#: Seconds after which it is made again though the event log has nothing new: a worker that is gone leaves no event.
AGE_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The note and the figures of a study."""

    #: Markdown.
    note: str
    #: Each as optuna-dashboard hands it to its page: an id, and the figure as a text of JSON.
    graphs: tuple[dict[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class _Made:
    """An overview, and for how long it is shown."""

    overview: Overview
    #: The last event of the study that it shows.
    event: int
    #: When it is made again on any account; and before when it is not. Both on this process's clock.
    until: float
    at_least: float


class Overviews:
    """The overviews of the studies of one database. Safe to share between threads.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._made: dict[int, _Made] = {}
        self._making: dict[int, Future[_Made]] = {}
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="overviews")

    def of(self, study: StudyRecord) -> Overview | None:
        """Return the overview of a study, as new as can be had in a second; None where the first is still made."""
        event = Events(self._database, study.id).last()
        with self._lock:
            known, now = self._made.get(study.id), time.monotonic()
            if known is not None and (now < known.at_least or (known.event == event and now < known.until)):
                return known.overview
            making = self._making.get(study.id)
            if making is None or making.done():
                making = self._making[study.id] = self._executor.submit(self._make, study, event)
        try:
            known = making.result(PATIENCE_S)
        except TimeoutError:
            return None if known is None else known.overview
        return known.overview

    def _make(self, study: StudyRecord, event: int) -> _Made:
        began = time.monotonic()
        note = storable(study_note(self._database, study))
        found = figures(read_pictures(self._database, study))
        graphs = tuple({"id": name, "graph_object": storable(json.dumps(figure))} for name, figure in found.items())
        now = time.monotonic()
        made = _Made(
            overview=Overview(note=note, graphs=graphs),
            event=event,
            until=now + AGE_S,
            at_least=now + SHARE * (now - began),
        )
        with self._lock:
            self._made[study.id] = made
        return made
