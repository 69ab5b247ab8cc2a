"""Follows a study in the database from any machine, as the events that a run there would tell of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from storage import EventKind, Events, History, Slots, Studies, StudyState, TrialState, Workers
from tuner.reporting.events import (
    Began,
    Decided,
    Edited,
    Event,
    Notice,
    TrialAdvanced,
    TrialEnded,
    TrialEvaluated,
    TrialSaved,
    TrialStarted,
)
from tuner.reporting.standings import StandingsReader, about
from tuner.reporting.views import Standing, overview
from tuner.study.full_runs import spent_at_one_price
from tuner.trial.evaluation import LAST_STEP, Evaluation

if TYPE_CHECKING:
    from storage import Database, EventRecord, StudyRecord, TrialRecord, WorkerRecord

#: Entries of the log after which trials may stand otherwise.
_TURNS = (EventKind.END, EventKind.SHELVED, EventKind.EDITED, EventKind.STOPPED, EventKind.PAUSED, EventKind.RESUMED)
#: What is told of an entry that concerns the whole study.
_OF_STUDY = {
    EventKind.PAUSED: "the study was paused",
    EventKind.RESUMED: "the study goes on",
    EventKind.STOPPED: "the study was stopped",
}


class Follower:
    """Reads what has happened to a study since it was asked last. Cheap: it reads new entries of the event log.

    Args:
        database: Where the study is.
        study: The study.
    """

    def __init__(self, database: Database, study: StudyRecord) -> None:
        self._database, self._study = database, study
        self._history = History(database, study)
        self._events = Events(database, study.id)
        self._slots = Slots(database, study.id)
        self._workers = Workers(database, study.id)
        self._last: int | None = None
        self._lanes = 0
        #: The trials that run, and the optimiser steps of their whole schedules as far as they are recorded.
        self._running: dict[int, int | None] = {}
        self._standings = StandingsReader(database, study)
        #: Trials that were read in this look.
        self._read: dict[int, TrialRecord] = {}
        self.is_over = False

    def poll(self) -> Iterator[Event]:
        """Yield what has happened since the last call; in the first one, how the study stands.

        Raises:
            StudyNotFound: The study was deleted.
        """
        self._read.clear()
        if self._last is None:
            yield from self._first()
            return
        entries = self._events.all(after=self._last)
        workers = self._workers.alive()
        if entries:
            self._last = entries[-1].id
        for entry in entries:
            yield from self._told(entry)
        # After the ends: how all trials stand counts them already.
        if any(entry.kind in _TURNS for entry in entries):
            self._standings.note_turn()
            self._look()
        if self._standings.is_due or self.is_over:
            yield self._standings.read()
        yield from self._started(workers)
        if len(workers) != self._lanes:
            yield self._began(workers)

    def _first(self) -> Iterator[Event]:
        last = self._events.last()  # first: what happens meanwhile is told again, and nothing is missed
        workers = self._workers.alive()
        yield about(self._database, self._study)
        yield self._began(workers)
        if decided := self._events.decided_last():
            yield self._decided(decided)
        yield from self._started(workers, has_trained=True)
        self._look()
        self._last = last

    def _look(self) -> None:
        """Find out whether the study is over."""
        self._study = Studies(self._database).get(self._study.name)
        if self._study.state == StudyState.STOPPED or self._slots.unfinished() == 0:
            self.is_over = overview(self._database, self._study)["state"] in (Standing.FINISHED, Standing.STOPPED)

    def _began(self, workers: list[WorkerRecord]) -> Began:
        self._lanes = len(workers)
        totals, metric = self._slots.totals(), self._study.config["metric"]
        return Began(
            study=self._study.name,
            direction=metric["direction"],
            metric=metric["name"],
            trials=self._trials(totals.slots),
            finished=totals.finished,
            lanes=len(workers),
        )

    def _trials(self, slots: int) -> int | None:
        return None if self._study.config["budget"].get("trials") is None else slots

    def _decided(self, reason: str) -> Decided:
        runs, spent = self._study.config["budget"].get("runs"), None
        if runs is not None:
            spent = spent_at_one_price(self._history.first(), self._history.device_seconds())
        known = 0.0 if spent is None or spent.runs is None else spent.runs
        return Decided(text=f"search: {reason}", spent=known, runs=float(runs or 0.0))

    # ---- trials

    def _trial(self, number: int) -> TrialRecord:
        """Return a trial as it is now, read at most once in a look."""
        if number not in self._read:
            self._read[number] = self._history.trial(number)
        return self._read[number]

    def _started(self, workers: list[WorkerRecord], *, has_trained: bool = False) -> Iterator[Event]:
        """Yield the beginnings of trials that run, and the ends of those whose worker is gone.

        Args:
            workers: The workers.
            has_trained: Whether the trials train for a while already.
        """
        by_trial = {worker.trial: worker for worker in workers if worker.trial is not None}
        for number in [each for each in self._running if each not in by_trial]:
            trial = self._trial(number)
            if trial.state is TrialState.INTERRUPTED:
                yield self._ended(trial, trial.state, trial.reason or "its worker is gone")
        hosts = {worker.host for worker in workers}
        for number, worker in by_trial.items():
            if number not in self._running:
                trial = self._trial(number)
                self._running[number] = _total(trial.effective)
                start = _start(trial, worker, names_host=len(hosts) > 1)
                # The newest checkpoint is that from which it went on only if it goes on just now.
                yield replace(start, has_trained=True, resumed_at=None) if has_trained else start

    def _ended(self, trial: TrialRecord, state: TrialState, reason: str | None) -> TrialEnded:
        self._running.pop(trial.number, None)
        return TrialEnded(
            number=trial.number,
            state=state,
            value=trial.value if state.is_over or state is TrialState.SHELVED else None,
            reason=reason,
            seconds=trial.device_s,
            finished=self._slots.totals().finished,
            hyperparameters=trial.hyperparameters,
            effective=trial.effective,
            curve=_curve(trial),
        )

    def _told(self, entry: EventRecord) -> Iterator[Event]:
        if entry.kind in _OF_STUDY:
            yield Notice(text=_OF_STUDY[EventKind(entry.kind)])
        elif entry.kind == EventKind.EDITED:
            slots = self._trials(self._slots.totals().slots)
            yield Edited(text="the study was edited", trials=slots)
        elif entry.kind in (EventKind.DECIDED, EventKind.PROMOTED) and entry.detail:
            yield self._decided(entry.detail)
        elif entry.trial is not None:
            yield from self._told_of_trial(entry, entry.trial)

    def _told_of_trial(self, entry: EventRecord, number: int) -> Iterator[Event]:
        if entry.kind == EventKind.WARNING:
            yield Notice(text=f"trial {number}: {entry.detail}")
        elif entry.kind == EventKind.REPORT and entry.step is not None and entry.value is not None:
            if number in self._running:
                trial = self._trial(number)
                self._running[number] = _total(trial.effective)
                evaluation = _evaluation(trial, entry.step, entry.value)
                yield TrialEvaluated(number=number, evaluation=evaluation, effective=trial.effective)
        elif entry.kind == EventKind.CHECKPOINT:
            yield TrialSaved(number=number)
            if (total := self._running.get(number)) and entry.optimiser_steps:
                yield TrialAdvanced(number=number, done=entry.optimiser_steps, total=total)
        elif entry.kind == EventKind.END:
            trial = self._trial(number)
            yield self._ended(trial, trial.state, trial.reason)
        elif entry.kind == EventKind.SHELVED:
            yield self._ended(self._trial(number), TrialState.SHELVED, entry.detail)
        elif entry.kind == EventKind.RELEASED:
            yield self._ended(self._trial(number), TrialState.INTERRUPTED, entry.detail)


def _start(trial: TrialRecord, worker: WorkerRecord, *, names_host: bool) -> TrialStarted:
    """Return the beginning of a trial that a worker has.

    Args:
        trial: The trial.
        worker: The worker.
        names_host: Whether the device is told with its machine.
    """
    host = f"{worker.host.partition('.')[0][:12]} " if names_host else ""
    resume, total = trial.checkpoints.resume, _total(trial.effective)
    is_again = trial.restarts > 0 and bool(resume) and total is not None
    return TrialStarted(
        number=trial.number,
        lane=worker.lane,
        device=f"{host}{worker.device}",
        hyperparameters=trial.hyperparameters,
        again=trial.restarts > 0,
        resumed_at=LAST_STEP * resume[0].optimiser_steps // total if is_again and total else None,
        effective=trial.effective,
        curve=_curve(trial),
    )


def _total(effective: Mapping[str, Any] | None) -> int | None:
    """Return the optimiser steps of a trial's whole schedule; None where it has not recorded them."""
    total = (effective or {}).get("optimiser_steps")
    return total if isinstance(total, int) and total > 0 else None


def _curve(trial: TrialRecord) -> tuple[Mapping[str, Any], ...]:
    return tuple({"step": step, "value": value} for step, value in trial.steps)


def _evaluation(trial: TrialRecord, step: int, value: float) -> Evaluation:
    """Return an evaluation as it is recorded; of other programs' reports no more is known than the value."""
    for entry in trial.evaluations:
        if entry["step"] == step:
            return Evaluation.from_dict(dict(entry))
    nothing = {"epoch": 0.0, "optimiser_steps": 0, "train_loss": 0.0, "validation_loss": 0.0, "learning_rate": 0.0}
    return Evaluation(step=step, value=value, **nothing)  # type: ignore[arg-type]  # optimiser steps are whole
