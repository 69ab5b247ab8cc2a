"""The supervisor: owns the study on this machine, its leases and the trainers, one on each lane."""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from storage import (
    KEPT_S,
    Events,
    History,
    Slots,
    Studies,
    describe_outage,
    give_back,
    new_owner,
    waiting_for_connections,
)
from tuner.errors import SIGNAL_EXIT_CODES, Interrupted, TrialsFailed
from tuner.reporting.events import Began, Edited, Notice, TrialEnded
from tuner.study.budget import overdrawn
from tuner.study.study_file import parse_stored
from tuner.supervisor.attempt import StopRequest
from tuner.supervisor.call_queue import CallQueue
from tuner.supervisor.heartbeat import Heartbeat
from tuner.supervisor.ledger import Ledger
from tuner.supervisor.lifecycle import TrialLifecycle
from tuner.supervisor.retrying import OutageRetrying
from tuner.supervisor.signals import taken_over
from tuner.supervisor.transfers import Transfers
from tuner.supervisor.workplace import Workplace

if TYPE_CHECKING:
    from storage import Database, StudyRecord
    from tuner.reporting.events import Event
    from tuner.study.local import LocalStudy

#: Seconds between two looks at the study: for work to take over, a changed budget, or the word to pause.
LOOK_S = 1.0


@dataclass(frozen=True, kw_only=True)
class _Ending:
    """Why a run is to end before the study does."""

    stop_request: StopRequest
    #: When whatever still runs is left behind, on this process's clock.
    deadline: float


class Supervisor:
    """Runs a study's trials on this machine's lanes until its budget is spent, beside any other that does the same.

    Only the supervisor talks to Optuna and to the store; trainers send evaluations through a pipe and save where
    they are told to. Whatever ends a trainer ends one trial's attempt, never the study. The main thread alone
    decides; the heartbeat is a thread of its own, and so is each job of the store.

    Args:
        database: Where the study is.
        record: The study.
        local_study: What its trials train with.
        workplace: What it holds and uses on this machine.
    """

    def __init__(
        self,
        database: Database,
        record: StudyRecord,
        local_study: LocalStudy,
        workplace: Workplace,
    ) -> None:
        lanes, timing = workplace.lanes, workplace.timing
        self._record = record
        self._config = local_study.config
        #: The configuration as it was last read.
        self._stored = record.config
        self._lanes = lanes
        self._watch = workplace.watch
        self._timing = timing
        self._slots = Slots(database, record.id)
        self._studies = Studies(database)
        self._events = Events(database, record.id)
        self._history = History(database, record)
        self._call_queue = CallQueue()
        self._notices: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._retrying = OutageRetrying(self._notice, meanwhile=self._meanwhile)
        owner = new_owner()
        self._ledger = Ledger(
            database,
            record,
            local_study.config,
            local_study.space,
            owner=owner,
            lease_s=timing.lease_s,
            retrying=self._retrying,
        )
        self._transfers = Transfers(
            workplace.store,
            self._ledger,
            direction=local_study.config.metric.direction,
            facts={"study": record.name, "versions": local_study.versions},
            notice=self._notice,
        )
        self._attempts = TrialLifecycle(
            local_study, lanes, workplace.fork_server, self._ledger, self._transfers, self._call_queue, self._watched
        )
        self._heartbeat = Heartbeat(
            database,
            record,
            owner=owner,
            timing=timing,
            retrying=self._retrying,
            presence=self._attempts.presence,
            lost=lambda leases: self._call_queue.post(lambda: self._attempts.lost(leases)),
            failed=self._raise,
        )
        self._attempts.changed = self._heartbeat.soon
        self._signal: signal.Signals | None = None
        #: When whatever still runs after a signal is left behind, on this process's clock.
        self._deadline: float | None = None
        self._ending: _Ending | None = None
        #: Whether the study is over, so that a signal has ended nothing.
        self._finished = False
        self._looked = float("-inf")
        #: Whether a trial has failed since it was last asked how many in a row have.
        self._has_failed = False
        #: Why the last of too many failed trials did.
        self._too_many_failed: str | None = None

    def run(self) -> None:
        """Run trials until every slot is finished, the budget's time is spent, or somebody pauses or stops the study.

        Raises:
            Interrupted: A signal ended the run; its trials wait in their slots.
            TrialsFailed: `max_failed` trials in a row have failed.
        """
        try:
            with taken_over(self._note_signal, self._call_queue.wake), waiting_for_connections(seconds=0.0):
                try:
                    self._run()
                finally:
                    self._attempts.close(self._remaining_s())
        except Exception as error:
            # A signal that found the database away: its trials wait as well, until their leases have expired.
            if self._signal is None or describe_outage(error) is None:
                raise
        if self._signal is not None and not self._finished:
            raise Interrupted(
                f"stopped by {self._signal.name} with trials left; `tuner resume {self._record.name}` goes on",
                SIGNAL_EXIT_CODES[self._signal],
            )
        if self._too_many_failed is not None:
            raise TrialsFailed(f"{self._too_many_failed}; `tuner resume {self._record.name}` goes on once it is mended")

    def _remaining_s(self) -> float:
        if self._ending is None:
            return self._timing.grace_s
        return max(0.0, self._ending.deadline - time.monotonic())

    def _run(self) -> None:
        self._announce()
        with self._heartbeat:  # first: who reads takes the trials of an owner that was never seen for interrupted
            self._attempts.tidy_up()
            stop_request = StopRequest(state="interrupted", reason="its supervisor ended")
            try:
                self._loop()
                if self._ending is not None:
                    stop_request = self._ending.stop_request
                self._finished = not self._attempts.any and self._ledger.unfinished() == 0
            finally:
                self._attempts.abandon(stop_request)

    def _announce(self) -> None:
        totals = self._retrying(self._slots.totals)
        self._watch(
            Began(
                study=self._record.name,
                direction=self._config.metric.direction,
                metric=self._config.metric.name,
                trials=totals.slots,
                finished=totals.finished,
                lanes=len(self._lanes),
                best=next(iter(self._retrying(self._history.top, 1)), None),
            )
        )

    def _loop(self) -> None:
        while True:
            looked = self._look_around()
            self._look_at_failures()
            if self._ending is None and (looked or self._attempts.freed):
                self._attempts.fill_lanes()
            self._attempts.drive(self._ending.stop_request if self._ending else None)
            if self._is_over():
                return
            give_back(KEPT_S)
            for ready in wait([*self._attempts.connections(), self._call_queue.fileno()], timeout=LOOK_S):
                if isinstance(ready, Connection):
                    self._attempts.attend(ready)
            self._call_queue.take()

    def _is_over(self) -> bool:
        if self._ending is not None:
            return not self._attempts.any or time.monotonic() >= self._ending.deadline
        return not self._attempts.any and self._ledger.unfinished() == 0

    def _look_around(self) -> bool:
        """See what signals and other machines want, and what is left of the budget; return whether it was time to."""
        if self._signal is not None and self._ending is None:
            self._end("interrupted", f"stopped by {self._signal.name}")
        now = time.monotonic()
        if self._ending is not None or now - self._looked < LOOK_S:
            return False
        self._looked = now
        record = self._retrying(self._studies.find, self._record.name)
        if record is None or record.id != self._record.id:
            self._end("failed", "the study was deleted")
        elif record.state == "stopped":
            self._end("failed", "the study was stopped")
        elif record.state == "paused":
            self._end("paused", f"paused; `tuner resume {record.name}` goes on")
        else:
            self._take_edits(record)
            if spent := self._spent(record):
                self._end("paused", spent)
        return True

    def _take_edits(self, record: StudyRecord) -> None:
        """Go on with what somebody has changed meanwhile."""
        if record.config == self._stored:
            return
        self._stored = record.config
        config = self._config.edited(parse_stored(record.config, source=f"study {record.name!r}"))
        if config == self._config:
            return
        keeps_fewer = config.keep < self._config.keep
        self._config = config
        trials = self._retrying(self._slots.totals).slots
        self._watch(Edited(text=f"the study was edited; its budget is {trials} trials", trials=trials))
        self._ledger.edit(config)
        self._attempts.edit(config)
        if keeps_fewer:
            self._attempts.tidy_up()

    def _spent(self, record: StudyRecord) -> str | None:
        budget, wall_s, device_s = record.config["budget"], record.wall_s, 0.0
        if self._attempts.held:
            wall_s = self._retrying(self._studies.count_wall_time, record.id, self._timing.lease_s)
        if budget.get("device_hours") is not None:
            device_s = self._retrying(self._slots.device_seconds)
        return overdrawn(budget, wall_s=wall_s, device_s=device_s)

    def _watched(self, event: Event) -> None:
        if isinstance(event, TrialEnded) and event.state == "failed":
            self._has_failed = True
        self._watch(event)

    def _look_at_failures(self) -> None:
        """Pause a study of which every trial fails: what ails it is then not a bad point."""
        most = self._config.max_failed
        if not self._has_failed or most is None or self._ending is not None:
            return
        self._has_failed = False
        last = self._retrying(self._events.failed_in_a_row, most)
        if last is None or self._ledger.unfinished() == 0:
            return
        reason = f"the last {most} trials failed, the last because of this: {last}"
        self._too_many_failed = reason
        self._retrying(self._studies.set_state, self._record.id, "paused", reason=reason)
        self._end("paused", reason)

    def _end(self, state: str, reason: str) -> None:
        deadline = self._deadline or time.monotonic() + self._timing.grace_s
        self._ending = _Ending(stop_request=StopRequest(state=state, reason=reason), deadline=deadline)

    def _note_signal(self, number: signal.Signals) -> None:
        self._signal = number
        self._deadline = time.monotonic() + self._timing.grace_s
        self._retrying.end_in(self._timing.grace_s)

    def _raise(self, error: BaseException) -> None:
        """Have the main thread raise what another one cannot go on with."""

        def again() -> None:
            raise error

        self._call_queue.post(again)

    def _notice(self, text: str) -> None:
        """Have a person told something in a line. Safe from any thread."""
        self._notices.put(text)
        self._call_queue.post(self._show_notices)

    def _meanwhile(self) -> None:
        """Do what is due before a wait for the database: others may lack the connections that lie idle here."""
        give_back()
        self._show_notices()

    def _show_notices(self) -> None:
        """Say what there is to say; also while the main thread waits for a database that is away."""
        if threading.current_thread() is not threading.main_thread():
            return  # a terminal that is stopped must not stop the heartbeat
        with contextlib.suppress(queue.Empty):
            while True:
                self._watch(Notice(text=self._notices.get_nowait()))
