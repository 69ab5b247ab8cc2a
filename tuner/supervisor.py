"""The supervisor: owns the study, its slots and the trainers, one on each lane."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState
from optuna_dashboard import save_note

from search_spaces import Hyperparameters, SearchSpaceError
from storage import (
    BEAT_S,
    EFFECTIVE_ATTR,
    EVALUATION_ATTR,
    REASON_ATTR,
    History,
    Slots,
    Studies,
    Workers,
    new_owner,
)
from tuner.errors import SIGNAL_EXIT_CODES, Interrupted, TrainerDied, first_line
from tuner.events import Began, Notice, TrialEnded, TrialEvaluated, TrialStarted, Watcher
from tuner.messages import Evaluated, Finished, Raised, Recorded
from tuner.notes import trial_note
from tuner.run import TENTHS, TrialResult
from tuner.study import load_optuna_study
from tuner.trainers import Trainer, WarmParent, describe_exit

if TYPE_CHECKING:
    from storage import CheckpointStore, Database, SlotRecord, StudyRecord
    from tuner.devices import Lane
    from tuner.setup import Setup

#: Crashes without an evaluation between them, beyond those that two bad trials may have, after which a run ends.
MAX_CRASHES_IN_A_ROW = 6
_TELL = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


@dataclass(kw_only=True)
class _Running:
    """A trial on a lane."""

    lane: Lane
    slot: SlotRecord
    trial: optuna.Trial
    trainer: Trainer
    started: float
    #: Steps that an earlier attempt has reported already.
    known_steps: frozenset[int]
    curve: dict[int, dict[str, Any]]
    effective: dict[str, Any] | None = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started


class Supervisor:
    """Runs a study's trials on this machine's lanes until its budget is spent.

    Only the supervisor talks to Optuna; trainers send evaluations through a pipe. Whatever ends a trainer ends one
    trial's attempt, never the study.

    Args:
        database: Where the study is.
        record: The study. Its lock must be held.
        setup: What its trials train with.
        lanes: Where they train.
        warm: Starts trainers.
        store: Keeps the best weights.
        watch: Is told what happens.
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
    ) -> None:
        self._database = database
        self._record = record
        self._setup = setup
        self._config = setup.config
        self._lanes = lanes
        self._warm = warm
        self._store = store
        self._watch = watch
        self._owner = new_owner()
        self._slots = Slots(database, record.id)
        self._studies = Studies(database)
        self._workers = Workers(database, record.id)
        self._history = History(database, record)
        self._study = load_optuna_study(database, self._config, conditional=setup.space.is_conditional)
        self._running: dict[int, _Running] = {}
        self._wall_s = record.wall_s
        self._signal: signal.Signals | None = None
        self._last_beat = time.monotonic()
        self._crashes_in_a_row = 0

    def run(self) -> None:
        """Run trials until every slot is finished or the budget's time is spent.

        Raises:
            Interrupted: A signal ended the run; its trials wait in their slots.
        """
        self._slots.interrupt_abandoned()
        self._workers.forget_gone()
        slots = self._slots.all()
        best = self._history.best()
        self._watch(
            Began(
                study=self._record.name,
                direction=self._config.metric.direction,
                metric=self._config.metric.name,
                trials=len(slots),
                finished=sum(slot.state == "finished" for slot in slots),
                lanes=len(self._lanes),
                best=None if best is None or best.value is None else (best.number, best.value),
            )
        )
        with self._signals() as wake:
            try:
                self._beat(force=True)  # who reads takes the trials of an owner that was never seen for interrupted
                self._loop(wake)
            finally:
                self._interrupt_all(self._stop_reason())
                self._beat(force=True)
                self._workers.leave(self._owner)
        if self._signal is not None:
            raise Interrupted(
                f"stopped by {self._signal.name} with trials left; `tuner resume {self._record.name}` goes on",
                SIGNAL_EXIT_CODES[self._signal],
            )

    # ---- the loop

    def _loop(self, wake: int) -> None:
        while not self._stopping():
            if self._budget_is_spent():
                return
            self._fill_lanes()
            if not self._running:
                return
            self._beat()
            connections = [running.trainer.connection for running in self._running.values()]
            for ready in wait([*connections, wake], timeout=BEAT_S):
                if self._stopping():
                    return  # what else is ready may be trainers that the same signal reached: no crash of theirs
                if isinstance(ready, Connection):
                    self._attend(ready)
                elif ready == wake:
                    os.read(wake, 64)

    def _fill_lanes(self) -> None:
        for lane in self._lanes:
            while lane.index not in self._running and not self._stopping():
                slot = self._slots.claim(self._owner)
                if slot is None:
                    return
                try:
                    self._begin(lane, slot)
                except BaseException as error:
                    reason = f"its supervisor failed: {first_line(error)}"
                    self._slots.release(slot.slot, self._owner, reason=reason, device_s=0.0, crashed=False)
                    raise

    def _begin(self, lane: Lane, slot: SlotRecord) -> None:
        """Put a slot's trial on a lane, or finish the slot where there is nothing left to train."""
        trial = self._trial_of(slot)
        if trial is None:
            self._slots.finish(slot.slot, self._owner, 0.0)
            return
        stored = self._study._storage.get_trial(trial._trial_id)
        if slot.crashes > self._config.max_restarts:
            reason = f"crashed {slot.crashes} times: {slot.reason or 'unknown'}"
            attrs = stored.user_attrs
            curve = {entry["step"]: entry for key, entry in attrs.items() if key.startswith(EVALUATION_ATTR)}
            self._tell(trial, slot, TrialResult(state="failed", reason=reason), attrs.get(EFFECTIVE_ATTR), curve)
            return
        try:
            hyperparameters = self._setup.space.suggest(trial)
            trainer = self._start(lane, trial.number, hyperparameters)
        except TrainerDied as error:
            self._slots.release(slot.slot, self._owner, reason=str(error), device_s=0.0, crashed=True)
            self._watch(Notice(text=str(error)))
            self._count_crash(str(error))
            self._warm.restart()
            return
        except SearchSpaceError as error:  # this point is at fault; the next one may be sound
            self._tell(trial, slot, TrialResult(state="failed", reason=f"{type(error).__name__}: {error}"), None)
            return
        self._running[lane.index] = _Running(
            lane=lane,
            slot=slot,
            trial=trial,
            trainer=trainer,
            started=time.monotonic(),
            known_steps=frozenset(stored.intermediate_values),
            curve={},
        )
        self._watch(
            TrialStarted(
                number=trial.number,
                lane=lane.index,
                device=lane.device.label,
                hyperparameters=hyperparameters.to_dict(),
                again=slot.trial_id is not None,
            )
        )

    def _trial_of(self, slot: SlotRecord) -> optuna.Trial | None:
        """Return the trial of a claimed slot, asking for one where the slot has none; None where it is told already.

        A trial that is RUNNING in no slot was asked for by a process that died before it could say so. It is
        adopted before a new one is asked for, or it would stay RUNNING for ever and the study have one too many.
        """
        if slot.trial_id is not None:
            told = self._study._storage.get_trial(slot.trial_id).state.is_finished()
            return None if told else optuna.Trial(self._study, slot.trial_id)
        taken = {other.trial_id for other in self._slots.all()}
        orphans = [
            trial._trial_id
            for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            if trial._trial_id not in taken
        ]
        trial = optuna.Trial(self._study, min(orphans)) if orphans else self._study.ask()
        self._slots.assign(slot.slot, self._owner, trial._trial_id, trial.number)
        return trial

    def _start(self, lane: Lane, number: int, hyperparameters: Hyperparameters) -> Trainer:
        run = self._setup.run(number, hyperparameters, threads=lane.threads, output=self._store.scratch(number))
        return self._warm.start("tuner.training.jobs:train_job", {"run": run}, lane.device.environment())

    # ---- what trainers say

    def _attend(self, connection: Connection) -> None:
        running = next((r for r in self._running.values() if r.trainer.connection is connection), None)
        if running is None:  # ended by an earlier message of this round
            return
        try:
            message = connection.recv()
        except (EOFError, OSError):  # OSError: it ended in the middle of a message
            self._crashed(running)
            return
        if isinstance(message, Recorded):
            running.effective = dict(message.effective)
            running.trial.set_user_attr(EFFECTIVE_ATTR, running.effective)
        elif isinstance(message, Evaluated):
            self._evaluated(running, message)
        elif isinstance(message, Finished):
            self._finished(running, message.result)
        elif isinstance(message, Raised):
            self._finished(running, TrialResult(state="failed", reason=message.text, traceback=message.traceback))

    def _evaluated(self, running: _Running, message: Evaluated) -> None:
        evaluation, trial = message.evaluation, running.trial
        self._crashes_in_a_row = 0
        running.curve[evaluation.step] = evaluation.to_dict()
        if evaluation.step not in running.known_steps:
            trial.report(evaluation.value, evaluation.step)
            trial.set_user_attr(f"{EVALUATION_ATTR}{evaluation.step:02d}", evaluation.to_dict())
        self._watch(TrialEvaluated(number=trial.number, evaluation=evaluation))
        # The published recipe is what every other trial has to beat: it is never pruned. Nor is a trial that has
        # reached its end: nothing is left to save, and as a complete one it tells the sampler more.
        # And one that begins again is not judged by what it reported further on, before it was interrupted.
        spared = trial.number == 0 or evaluation.step == TENTHS or evaluation.step < max(running.known_steps, default=0)
        go_on = spared or not trial.should_prune()
        try:
            running.trainer.connection.send(go_on)
        except (BrokenPipeError, ConnectionResetError):
            self._crashed(running)

    def _finished(self, running: _Running, result: TrialResult) -> None:
        del self._running[running.lane.index]
        running.trainer.kill()
        if result.state == "complete":
            facts = {"study": self._record.name, "trial": running.trial.number, "value": result.value}
            self._store.publish(running.trial.number, facts)
        else:
            self._store.discard(running.trial.number)
        self._tell(running.trial, running.slot, result, running.effective, running.curve, running.seconds)
        self._store.keep_only(trial.number for trial in self._history.ranked()[: self._config.keep])

    def _tell(
        self,
        trial: optuna.Trial,
        slot: SlotRecord,
        result: TrialResult,
        effective: dict[str, Any] | None,
        curve: dict[int, dict[str, Any]] | None = None,
        seconds: float = 0.0,
    ) -> None:
        """End a trial in Optuna's tables, then its slot; a crash in between is mended by whoever claims the slot."""
        if result.reason:
            trial.set_user_attr(REASON_ATTR, result.reason)
        if result.state == "complete":
            trial.set_user_attr("best_step", result.best_step)
            trial.set_user_attr("final_value", result.final_value)
        if result.avoid:
            # A bare PRUNED at a late step would rank as good; the samplers ignore FAIL. This they learn from.
            trial.set_constraint("diverged", 1.0)
        note = trial_note(
            state=result.state,
            value=result.value,
            reason=result.reason,
            effective=effective,
            curve=[entry for _, entry in sorted((curve or {}).items())],
        )
        save_note(trial, note)
        self._study.tell(
            trial,
            result.value if result.state == "complete" else None,
            state=_TELL[result.state],
            skip_if_finished=True,
        )
        self._slots.finish(slot.slot, self._owner, seconds)
        self._watch(
            TrialEnded(
                number=trial.number,
                state=result.state,
                value=result.value,
                reason=result.reason,
                seconds=seconds,
                finished=sum(other.state == "finished" for other in self._slots.all()),
            )
        )

    def _crashed(self, running: _Running) -> None:
        del self._running[running.lane.index]
        end = describe_exit(running.trainer.exit_code())
        running.trainer.kill()
        reason = f"its trainer ended without a word: {end}"
        self._give_back(running, reason, crashed=True)
        self._count_crash(reason)
        self._warm.restart()

    def _count_crash(self, reason: str) -> None:
        """End the run where no trial gets anywhere: a machine at fault must not use up a study's trials."""
        self._crashes_in_a_row += 1
        if self._crashes_in_a_row > MAX_CRASHES_IN_A_ROW + 2 * self._config.max_restarts:
            raise TrainerDied(
                f"{self._crashes_in_a_row} trainers in a row ended before their first evaluation, the last: {reason}; "
                "trainers.log beside the kept weights may say why"
            )

    # ---- ends

    def _give_back(self, running: _Running, reason: str, *, crashed: bool) -> None:
        number = running.trial.number
        self._store.discard(number)
        self._slots.release(running.slot.slot, self._owner, reason=reason, device_s=running.seconds, crashed=crashed)
        self._watch(
            TrialEnded(
                number=number,
                state="interrupted",
                value=None,
                reason=reason,
                seconds=running.seconds,
                finished=sum(other.state == "finished" for other in self._slots.all()),
            )
        )

    def _interrupt_all(self, reason: str) -> None:
        for running in list(self._running.values()):
            del self._running[running.lane.index]
            running.trainer.kill()
            self._give_back(running, reason, crashed=False)

    def _stopping(self) -> bool:
        return self._signal is not None

    def _stop_reason(self) -> str:
        if self._signal is not None:
            return f"stopped by {self._signal.name}"
        return "the budget's time is spent" if self._budget_is_spent() else "its supervisor ended"

    # ---- time and signals

    def _beat(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if not force and now - self._last_beat < BEAT_S:
            return
        lanes = {
            lane.index: (
                lane.device.label,
                self._running[lane.index].trial.number if lane.index in self._running else None,
            )
            for lane in self._lanes
        }
        self._workers.beat(self._owner, lanes)
        self._wall_s = self._studies.add_wall_time(self._record.id, now - self._last_beat)
        self._last_beat = now

    def _budget_is_spent(self) -> bool:
        budget = self._config.budget
        if budget.time is not None and self._wall_s >= budget.time:
            return True
        if budget.device_hours is None:
            return False
        spent = sum(slot.device_s for slot in self._slots.all()) + sum(r.seconds for r in self._running.values())
        return spent >= budget.device_hours * 3600

    @contextmanager
    def _signals(self) -> Iterator[int]:
        """Note the first signal for the loop; leave at once on the second. Yields what becomes readable on one."""
        arrived, arrives = os.pipe2(os.O_CLOEXEC)
        read, write = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(arrives, False)

        def note(number: int, _: FrameType | None) -> None:
            self._signal = self._signal or signal.Signals(number)

        def forward() -> None:
            # A thread: handlers run once the main thread is back in Python, and it may be waiting for the database.
            if first := os.read(arrived, 1):
                os.write(write, first)
            if second := os.read(arrived, 1):
                os._exit(128 + second[0])  # trainers die with us, their slots are found abandoned

        wakeup = signal.set_wakeup_fd(arrives, warn_on_full_buffer=False)
        previous = {number: signal.signal(number, note) for number in SIGNAL_EXIT_CODES}
        forwarder = threading.Thread(target=forward, daemon=True)
        forwarder.start()
        try:
            yield read
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)
            os.close(arrives)  # which ends the thread
            forwarder.join()
            for descriptor in (arrived, read, write):
                os.close(descriptor)
