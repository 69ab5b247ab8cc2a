"""The supervisor: owns the study on this machine, its leases and the trainers, one on each lane."""

from __future__ import annotations

import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from storage import (
    KEPT_S,
    History,
    MicroBatchLimits,
    Plans,
    Shelves,
    Slots,
    Workers,
    describe_outage,
    give_back,
    new_owner,
    waiting_for_connections,
)
from tuner.errors import SIGNAL_EXIT_CODES, Interrupted, TrialsFailed
from tuner.reporting.events import Passing, TrialEnded
from tuner.search.optuna_trials import OptunaTrials
from tuner.study.live_config import LiveConfig
from tuner.supervisor.background import Background
from tuner.supervisor.best_trials import BestTrials
from tuner.supervisor.call_queue import CallQueue
from tuner.supervisor.crash import Crashes
from tuner.supervisor.edges import Edges
from tuner.supervisor.farewell import farewell
from tuner.supervisor.heartbeat import Heartbeat
from tuner.supervisor.lanes import Lanes
from tuner.supervisor.launch import Launcher
from tuner.supervisor.ledger import Ledger
from tuner.supervisor.lifecycle import TrialLifecycle
from tuner.supervisor.micro_batches import MicroBatches
from tuner.supervisor.note_keeper import NoteKeeper
from tuner.supervisor.notices import Notices
from tuner.supervisor.receiver import Receiver
from tuner.supervisor.retrying import OutageRetrying
from tuner.supervisor.room import Room
from tuner.supervisor.rungs import Rungs
from tuner.supervisor.signals import taken_over
from tuner.supervisor.stop_request import StopKind, StopRequest
from tuner.supervisor.study_watch import StudyWatch
from tuner.supervisor.thaw import StudyReads, Thaw
from tuner.supervisor.transfers import Transfers
from tuner.supervisor.twins import Twins

if TYPE_CHECKING:
    import signal

    from storage import Database, Lease, StudyRecord
    from tuner.reporting.events import Edited, Event
    from tuner.study.config import StudyConfig
    from tuner.study.local import LocalStudy
    from tuner.supervisor.heartbeat import Presence
    from tuner.supervisor.judging import Judge
    from tuner.supervisor.workplace import Workplace

#: Seconds between two looks at the study: for work to take over, a changed budget, or the word to pause.
LOOK_S = 1.0


@dataclass(frozen=True, kw_only=True)
class _Ending:
    """Why a run is to end before the study does."""

    request: StopRequest
    #: When the trials that still run are left behind, on this process's clock.
    deadline: float


class Supervisor:
    """Runs a study's trials on this machine's lanes until its budget is spent, beside any other that does the same.

    Only the supervisor talks to Optuna and to the store; trainers send evaluations through a pipe and save where
    they are told to. The end of a trainer ends one trial's attempt, never the study. The main thread alone decides;
    the heartbeat is a thread of its own, and so is each call to the store.

    Args:
        database: Where the study is.
        record: The study.
        local_study: The study as this machine can run it.
        workplace: Its devices, fork server and store on this machine.
    """

    def __init__(self, database: Database, record: StudyRecord, local_study: LocalStudy, workplace: Workplace) -> None:
        self._record = record
        self._workplace = workplace
        self._timing = timing = workplace.timing
        self._live = LiveConfig(local_study.config)
        self._call_queue = CallQueue()
        self._notices = Notices(workplace.watch, self._call_queue)
        self._retrying = OutageRetrying(self._notices.put, meanwhile=self._meanwhile)
        self._study_watch = StudyWatch(database, record, self._live, self._retrying, lease_s=timing.lease_s)
        owner = new_owner()
        self._lanes = Lanes(workplace.lanes)
        self._heartbeat = Heartbeat(
            database,
            record,
            owner=owner,
            timing=timing,
            retrying=self._retrying,
            holder=self,
        )
        edges = self._edges(database, local_study, owner)
        self._note = NoteKeeper(database, record.name, edges.background, self._notices.put)
        self._judge = edges.judge
        self._lifecycle = TrialLifecycle(self._lanes, self._live, edges)
        self._launcher = Launcher(self._lanes, self._live, local_study, edges, self._lifecycle)
        self._receiver = Receiver(self._lanes, self._live, edges, self._lifecycle)
        self._signal: signal.Signals | None = None
        #: When the trials that still run after a signal are left behind, on this process's clock.
        self._deadline: float | None = None
        self._ending: _Ending | None = None
        #: Whether the study is over, so that a signal has ended nothing.
        self._finished = False
        self._looked = float("-inf")
        #: By trial that has left its lane since the run is to end, the percent of its schedule from which it goes on.
        self._left: dict[int, int | None] = {}
        #: Why the last of too many failed trials failed.
        self._too_many_failed: str | None = None

    def _edges(self, database: Database, local_study: LocalStudy, owner: str) -> Edges:
        slots = Slots(database, self._record.id)
        trials = OptunaTrials(database, self._record, self._live, local_study.spaces)
        shelves = Shelves(database, self._record.id)
        ledger = Ledger(
            slots,
            shelves,
            trials,
            owner=owner,
            lease_s=self._timing.lease_s,
            retrying=self._retrying,
            facts=self._record.facts,
        )
        history = History(database, self._record)
        best_trials = BestTrials(database, self._record, self._live, self._retrying)
        micro_batches = MicroBatches(local_study, ledger, MicroBatchLimits(database), self._retrying)
        room = Room(self._workplace.store, shelves, self._live, self._retrying, local_study.looks)
        transfers = Transfers(
            self._workplace.store,
            ledger,
            best_trials,
            room,
            direction=local_study.config.metric.direction,
            facts={"study": self._record.name, "versions": local_study.versions},
            notice=self._notices.put,
        )
        return Edges(
            ledger=ledger,
            judge=self._new_judge(database, local_study, ledger, shelves),
            twins=Twins(local_study, trials, history, ledger, self._retrying),
            best_trials=best_trials,
            fork_server=self._workplace.fork_server,
            crashes=Crashes(),
            micro_batches=micro_batches,
            transfers=transfers,
            background=Background(self._call_queue),
            watch=self._watched,
            notice=self._notices.put,
            changed=self._heartbeat.soon,
        )

    def _new_judge(self, database: Database, local_study: LocalStudy, ledger: Ledger, shelves: Shelves) -> Judge:
        plans, live = Plans(database, self._record.id), self._live
        if not local_study.arms:
            return Rungs(local_study, live, shelves, plans, ledger, self._retrying, watch=self._watched)
        history, workers = History(database, self._record), Workers(database, self._record.id)
        reads = StudyReads(self._record, history, shelves, workers, self._retrying)
        return Thaw(local_study, live, reads, shelves, plans, ledger, self._watched)

    def run(self) -> None:
        """Run trials until every slot is finished, the budget's time is spent, or a person pauses or stops the study.

        Raises:
            Interrupted: A signal ended the run; its trials wait in their slots.
            TrialsFailed: `max_failed` trials in a row have failed.
        """
        try:
            with taken_over(self._note_signal, self._call_queue.wake), waiting_for_connections(seconds=0.0):
                try:
                    self._run()
                    self._note.finish()
                finally:
                    self._lifecycle.checkpointing.wait(self._remaining_s())
        except Exception as error:
            # A signal may find the database away. The trials then wait until their leases have expired.
            if self._signal is None or describe_outage(error) is None:
                raise
        if self._signal is not None and not self._finished:
            told = farewell(self._record.name, self._signal, self._left)
            raise Interrupted(told, SIGNAL_EXIT_CODES[self._signal])
        if self._too_many_failed is not None:
            raise TrialsFailed(f"{self._too_many_failed}; `tuner resume {self._record.name}` goes on once it is mended")

    def _remaining_s(self) -> float:
        if self._ending is None:
            return self._timing.grace_s
        return max(0.0, self._ending.deadline - time.monotonic())

    def _run(self) -> None:
        self._watched(self._study_watch.about())
        self._watched(self._study_watch.began(self._workplace.lanes))
        with self._heartbeat:  # first: readers take the trials of an owner that was never seen for interrupted
            self._lifecycle.checkpointing.tidy_up()
            request = StopRequest(kind=StopKind.INTERRUPTED, reason="its supervisor ended")
            try:
                self._loop()
                if self._ending is not None:
                    request = self._ending.request
                self._finished = not self._lanes.any and self._study_watch.unfinished() == 0
            finally:
                self._left.update({each.number: each.saved_at for each in self._lanes.attempts()})
                self._lifecycle.abandon(request)

    def _loop(self) -> None:
        while True:
            looked = self._look_around()
            self._look_at_failures()
            if self._ending is None and (looked or self._lanes.has_freed):
                self._look_at_trials()
                self._launcher.fill_lanes()
            self._lifecycle.drive(self._ending.request if self._ending else None)
            if self._is_over():
                return
            give_back(KEPT_S)
            for ready in wait([*self._lanes.connections(), self._call_queue.fileno()], timeout=self._idle_s()):
                if isinstance(ready, Connection):
                    self._receiver.attend(ready)
            self._call_queue.take()

    def _idle_s(self) -> float:
        """Return the seconds to wait for news: none where a trial has just left its lane, so that another may begin."""
        return 0.0 if self._lanes.has_freed and self._ending is None else LOOK_S

    def _is_over(self) -> bool:
        if self._ending is not None:
            return not self._lanes.any or time.monotonic() >= self._ending.deadline
        if self._lanes.any or self._study_watch.unfinished() or self._look_at_trials():
            return False
        # Between the two looks above, another supervisor may have let trials go on that were put aside, and died.
        return self._study_watch.unfinished() == 0 and self._judge.is_over()

    def _look_at_trials(self) -> bool:
        """Have trials begin, go on that are put aside, or end; return whether there were any."""
        moves = self._judge.look(idle=self._lanes.is_any_free)
        self._lifecycle.checkpointing.remove_trials(moves.ended)
        if moves.cut is not None:
            self._lifecycle.cut_all(moves.cut)
        return bool(moves)

    def _look_around(self) -> bool:
        """Heed signals, other machines and the budget; return whether the study was looked at."""
        if self._signal is not None and self._ending is None:
            self._end(StopRequest(kind=StopKind.INTERRUPTED, reason=f"stopped by {self._signal.name}"))
            if self._lanes.any:
                self._watched(Passing(text="trials are being saved; a second signal leaves at once"))
        now = time.monotonic()
        if self._ending is not None or now - self._looked < LOOK_S:
            return False
        self._looked = now
        if request := self._study_watch.stop_request(holds=bool(self._lanes.leases), edited=self._edited):
            self._end(request)
        self._show_progress()
        self._note.look()
        return True

    def _show_progress(self) -> None:
        """Tell how far the trials here are, and how all trials stand."""
        for attempt in self._lanes.attempts():
            if (advanced := attempt.advanced()) is not None:
                self._watched(advanced)
        if (standings := self._study_watch.standings()) is not None:
            self._watched(standings)

    def _edited(self, event: Edited, before: StudyConfig) -> None:
        self._watched(event)
        if self._live.current.keep < before.keep:
            self._lifecycle.checkpointing.tidy_up()

    def _look_at_failures(self) -> None:
        if self._ending is None and (reason := self._study_watch.pause_after_failures(self._judge.is_over)):
            self._too_many_failed = reason
            self._end(StopRequest(kind=StopKind.PAUSED, reason=reason))

    def _end(self, request: StopRequest) -> None:
        self._ending = _Ending(request=request, deadline=self._deadline or time.monotonic() + self._timing.grace_s)

    def _watched(self, event: Event) -> None:
        self._study_watch.take(event)
        if self._ending is not None and isinstance(event, TrialEnded) and not event.state.is_over:
            self._left[event.number] = event.saved_at
        self._note.take(event)
        self._workplace.watch(event)

    def _note_signal(self, number: signal.Signals) -> None:
        self._signal = number
        self._deadline = time.monotonic() + self._timing.grace_s
        self._retrying.end_in(self._timing.grace_s)

    def presence(self) -> Presence:
        """Return the leases to renew and the lanes to show; see `heartbeat.Holder`."""
        return self._lanes.presence()

    def lost(self, leases: frozenset[Lease]) -> None:
        """Have the main thread drop trials that other workers hold; see `heartbeat.Holder`."""
        self._call_queue.post(lambda: self._lifecycle.lost(leases))

    def failed(self, error: BaseException) -> None:
        """Have the main thread raise an error of the heartbeat; see `heartbeat.Holder`."""

        def again() -> None:
            raise error

        self._call_queue.post(again)

    def _meanwhile(self) -> None:
        """Close idle connections, which others may lack, and show notices, before a wait for the database."""
        give_back()
        self._notices.show()
