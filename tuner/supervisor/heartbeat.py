"""The heartbeat: a thread that holds a supervisor's trials while it trains, computes or waits for anything else."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa

from storage import Slots, StorageError, Studies, Workers, describe_outage

if TYPE_CHECKING:
    from storage import Database, Lease, StudyRecord
    from tuner.supervisor.retrying import OutageRetrying
    from tuner.supervisor.timing import Timing

#: Seconds that the end of a run waits for a beat that is under way.
_LAST_BEAT_S = 5.0
#: Seconds between two beats at least, however often something changes: a trial's end and the next one's begin are one.
_APART_S = 0.2
#: Seconds by which the moments of two beats may be further apart on the database's clock than on this process's.
_SLACK_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Presence:
    """The leases that a supervisor holds, and the lanes that it shows in `tuner status`."""

    leases: frozenset[Lease]
    #: By lane, its device and the number of the trial that it trains.
    lanes: Mapping[int, tuple[str, int | None]]


class Holder(Protocol):
    """The supervisor, as its heartbeat sees it. Its methods are safe from any thread."""

    def presence(self) -> Presence:
        """Return the leases to renew and the lanes to show."""

    def lost(self, leases: frozenset[Lease]) -> None:
        """Take note that other workers have taken slots over."""

    def failed(self, error: BaseException) -> None:
        """Take note of an error that is no outage, after which no beat follows."""


class Heartbeat:
    """Renews leases and shows a sign of life, every few seconds and through outages of the database.

    Args:
        database: Where the study is.
        record: The study.
        owner: The supervisor.
        timing: How long a lease holds without a beat, and how far apart beats are.
        retrying: Repeats a beat through outages.
        holder: The supervisor whose leases it renews.
    """

    def __init__(
        self,
        database: Database,
        record: StudyRecord,
        *,
        owner: str,
        timing: Timing,
        retrying: OutageRetrying,
        holder: Holder,
    ) -> None:
        self._study_id = record.id
        self._owner = owner
        self._lease_s = timing.lease_s
        self._beat_s = timing.seconds_between_beats
        self._retrying = retrying
        self._holder = holder
        self._slots = Slots(database, record.id)
        self._studies = Studies(database)
        self._workers = Workers(database, record.id)
        #: When leases were last renewed, on this process's clock.
        self._beaten: float | None = None
        #: Whether a trial was held at the last beat, since when the study's time is counted.
        self._counting = False
        self._soon = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._retrying(self._slots.expire_gone)
        self._retrying(self._workers.forget_gone)
        self._retrying(
            self._studies.end_wall_time, self._study_id, 0.0
        )  # time since the last beat of a dead owner is not counted
        self._retrying(self._beat)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._soon.set()
        self._thread.join(_LAST_BEAT_S)  # it may be waiting for a network
        with contextlib.suppress(sa.exc.SQLAlchemyError, StorageError):  # where the database is away: its leases expire
            self._retrying(self._leave)

    def soon(self) -> None:
        """Beat at once, so that readers of the database see a change of lanes or leases."""
        self._soon.set()

    def _run(self) -> None:
        while not self._ending.is_set():
            if self._soon.wait(self._beat_s) and self._beaten is not None:
                self._ending.wait(self._beaten + _APART_S - time.monotonic())
            self._soon.clear()
            if self._ending.is_set():
                return
            try:
                self._retrying(self._beat)
            except Exception as error:
                # Patience has an end when a signal has come; until then nothing but a defect ends it.
                if describe_outage(error) is None:
                    self._holder.failed(error)
                    return

    def _beat(self) -> None:
        presence = self._holder.presence()
        now = time.monotonic()
        # This process's own clock stands still while the machine is suspended; the database's does not.
        since = None if self._beaten is None else now - self._beaten + _SLACK_S
        lost = presence.leases - self._slots.renew(presence.leases, self._lease_s, at_most_s=since)
        self._beaten = now
        if lost:
            self._holder.lost(frozenset(lost))
        self._workers.beat(self._owner, presence.lanes, self._lease_s)
        # Between beats, `StudyWatch` counts the wall time. A study may be over before its second look.
        if not presence.leases:
            self._studies.end_wall_time(self._study_id, self._lease_s)
        elif not self._counting:
            self._studies.count_wall_time(self._study_id, self._lease_s)
        self._counting = bool(presence.leases)

    def _leave(self) -> None:
        self._studies.end_wall_time(self._study_id, self._lease_s)
        self._workers.leave(self._owner)
