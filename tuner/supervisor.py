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
from tuner.attempt import Leaving
from tuner.attempts import Attempts
from tuner.budget import overdrawn
from tuner.config import parse_stored
from tuner.errors import SIGNAL_EXIT_CODES, Interrupted, TrialsFailed
from tuner.events import Began, Edited, Notice, TrialEnded, Watcher
from tuner.heartbeat import Heartbeat
from tuner.keeping import Keeping
from tuner.ledger import Ledger
from tuner.news import News
from tuner.patience import Patience
from tuner.signals import taken_over

if TYPE_CHECKING:
    from storage import CheckpointStore, Database, StudyRecord
    from tuner.devices import Lane
    from tuner.events import Event
    from tuner.pace import Pace
    from tuner.setup import Setup
    from tuner.trainers import WarmParent

#: Seconds between two looks at the study: for work to take over, a changed budget, or the word to pause.
LOOK_S = 1.0


@dataclass(frozen=True, kw_only=True)
class _Ending:
    """Why a run is to end before the study does."""

    leaving: Leaving
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
        setup: What its trials train with.
        lanes: Where they train.
        warm: Starts trainers.
        store: Keeps checkpoints and the best weights.
        watch: Is told what happens.
        pace: How long things may take.
    """

    def __init__(
        self,
        database: Database,
        record: StudyRecord,
        setup: Setup,
        lanes: tuple[Lane, ...],
        warm: WarmParent,
        store: CheckpointStore,
        watch: Watcher,
        pace: Pace,
    ) -> None:
        self._record = record
        self._config = setup.config
        #: The configuration as it was last read.
        self._stored = record.config
        self._lanes = lanes
        self._watch = watch
        self._pace = pace
        self._slots = Slots(database, record.id)
        self._studies = Studies(database)
        self._events = Events(database, record.id)
        self._history = History(database, record)
        self._news = News()
        self._notices: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._patience = Patience(self._notice, meanwhile=self._meanwhile)
        owner = new_owner()
        self._ledger = Ledger(
            database, record, setup.config, setup.space, owner=owner, lease_s=pace.lease_s, patience=self._patience
        )
        self._keeping = Keeping(
            store,
            self._ledger,
            direction=setup.config.metric.direction,
            facts={"study": record.name, "versions": setup.versions},
            notice=self._notice,
        )
        self._attempts = Attempts(setup, lanes, warm, self._ledger, self._keeping, self._news, self._watched)
        self._heartbeat = Heartbeat(
            database,
            record,
            owner=owner,
            pace=pace,
            patience=self._patience,
            sign=self._attempts.sign,
            lost=lambda leases: self._news.post(lambda: self._attempts.lost(leases)),
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
            with taken_over(self._note_signal, self._news.wake), waiting_for_connections(seconds=0.0):
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
            return self._pace.grace_s
        return max(0.0, self._ending.deadline - time.monotonic())

    def _run(self) -> None:
        self._announce()
        with self._heartbeat:  # first: who reads takes the trials of an owner that was never seen for interrupted
            self._attempts.tidy_up()
            leaving = Leaving(state="interrupted", reason="its supervisor ended")
            try:
                self._loop()
                if self._ending is not None:
                    leaving = self._ending.leaving
                self._finished = not self._attempts.any and self._ledger.unfinished() == 0
            finally:
                self._attempts.abandon(leaving)

    def _announce(self) -> None:
        totals = self._patience(self._slots.totals)
        self._watch(
            Began(
                study=self._record.name,
                direction=self._config.metric.direction,
                metric=self._config.metric.name,
                trials=totals.slots,
                finished=totals.finished,
                lanes=len(self._lanes),
                best=next(iter(self._patience(self._history.top, 1)), None),
            )
        )

    def _loop(self) -> None:
        while True:
            looked = self._look_around()
            self._look_at_failures()
            if self._ending is None and (looked or self._attempts.freed):
                self._attempts.fill_lanes()
            self._attempts.drive(self._ending.leaving if self._ending else None)
            if self._is_over():
                return
            give_back(KEPT_S)
            for ready in wait([*self._attempts.connections(), self._news.fileno()], timeout=LOOK_S):
                if isinstance(ready, Connection):
                    self._attempts.attend(ready)
            self._news.take()

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
        record = self._patience(self._studies.find, self._record.name)
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
        trials = self._patience(self._slots.totals).slots
        self._watch(Edited(text=f"the study was edited; its budget is {trials} trials", trials=trials))
        self._ledger.edit(config)
        self._attempts.edit(config)
        if keeps_fewer:
            self._attempts.tidy_up()

    def _spent(self, record: StudyRecord) -> str | None:
        budget, wall_s, device_s = record.config["budget"], record.wall_s, 0.0
        if self._attempts.held:
            wall_s = self._patience(self._studies.count_wall_time, record.id, self._pace.lease_s)
        if budget.get("device_hours") is not None:
            device_s = self._patience(self._slots.device_seconds)
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
        last = self._patience(self._events.failed_in_a_row, most)
        if last is None or self._ledger.unfinished() == 0:
            return
        reason = f"the last {most} trials failed, the last because of this: {last}"
        self._too_many_failed = reason
        self._patience(self._studies.set_state, self._record.id, "paused", reason=reason)
        self._end("paused", reason)

    def _end(self, state: str, reason: str) -> None:
        deadline = self._deadline or time.monotonic() + self._pace.grace_s
        self._ending = _Ending(leaving=Leaving(state=state, reason=reason), deadline=deadline)

    def _note_signal(self, number: signal.Signals) -> None:
        self._signal = number
        self._deadline = time.monotonic() + self._pace.grace_s
        self._patience.end_in(self._pace.grace_s)

    def _raise(self, error: BaseException) -> None:
        """Have the main thread raise what another one cannot go on with."""

        def again() -> None:
            raise error

        self._news.post(again)

    def _notice(self, text: str) -> None:
        """Have a person told something in a line. Safe from any thread."""
        self._notices.put(text)
        self._news.post(self._show_notices)

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
