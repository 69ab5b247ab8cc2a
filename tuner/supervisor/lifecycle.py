"""The life of a trial on a lane: the one place where an attempt moves from state to state.

`attempt_state.py` names the states and the transitions. What trainers, the store, signals and other machines say is set
down as facts in the attempt, in any order. `drive` then makes the next move of every attempt, unless a checkpoint is on
its way. The effects are at the edges: the ledger writes to the database, checkpointing works with the store, the
launcher starts trainers.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import LeaseLost, SlotState, TrialOver, TrialState
from tuner.errors import TrainerDied, first_line
from tuner.machine.memory import OutOfMemoryKills
from tuner.processes.messages import Evaluated, Finished, Leave, Recorded, Saved
from tuner.reporting.events import Notice, TrialEnded, Watcher
from tuner.supervisor.attempt import Attempt
from tuner.supervisor.attempt_state import AttemptState, is_allowed
from tuner.supervisor.backoff import Backoff
from tuner.supervisor.checkpointing import STORE_AGAIN_S, Checkpointing
from tuner.supervisor.crash import Crash, Crashes, describe_crash, was_killed
from tuner.supervisor.outcomes import (
    after_crash,
    before_training,
    is_memory_for_any_trial,
    is_over_time,
    of_all_attempts,
    over_time,
)
from tuner.supervisor.receiver import TrainerEnded, Unreadable, receive
from tuner.supervisor.stop_request import StopKind, StopRequest
from tuner.supervisor.transfers import Restored
from tuner.trial.evaluation import TENTHS
from tuner.trial.result import Constraint, Outcome, TrialResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from storage import Lease, SlotRecord
    from tuner.machine.devices import Lane
    from tuner.processes.trainers import ForkServer
    from tuner.study.live_config import LiveConfig
    from tuner.supervisor.background import Background
    from tuner.supervisor.best_trials import BestTrials
    from tuner.supervisor.lanes import Lanes
    from tuner.supervisor.launch import Launcher
    from tuner.supervisor.ledger import Ledger
    from tuner.supervisor.micro_batches import MicroBatches
    from tuner.supervisor.receiver import Receiver
    from tuner.supervisor.transfers import Transfers

#: Seconds, at most, after which trials are brought back again from a store that has failed to give one: each try holds
#: a trial, and the time counts as device time.
RESTORE_AGAIN_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Edges:
    """Everything outside a lifecycle that it acts on."""

    #: The database.
    ledger: Ledger
    #: The trials whose weights stay.
    best_trials: BestTrials
    #: Forks trainers, and is started again after a crash.
    fork_server: ForkServer
    launcher: Launcher
    receiver: Receiver
    micro_batches: MicroBatches
    #: The store, and the threads that wait for it.
    transfers: Transfers
    background: Background
    #: Told of every event.
    watch: Watcher
    #: Takes a line for a person. Safe from any thread.
    notice: Callable[[str], None]
    #: Called when the leases or the lanes have changed, so that the heartbeat shows it at once.
    changed: Callable[[], None]


class TrialLifecycle:
    """Moves the trials on the lanes of one supervisor from state to state. Only its main thread may call it.

    Args:
        lanes: The lanes, and the attempts on them.
        live: The study's configuration.
        edges: What it acts on.
    """

    def __init__(self, lanes: Lanes, live: LiveConfig, edges: Edges) -> None:
        self._lanes = lanes
        self._live = live
        self._edges = edges
        self._ledger = edges.ledger
        self._checkpointing = Checkpointing(
            edges.transfers, edges.background, edges.ledger, notice=edges.notice, owner=self
        )
        self._crashes = Crashes()
        self._kills = OutOfMemoryKills()
        #: When trials may be claimed again, after the store has kept one back.
        self._restores = Backoff(STORE_AGAIN_S, RESTORE_AGAIN_S)

    # ---- from a claim to a trainer

    def fill_lanes(self) -> None:
        """Claim a trial for every free lane, until none can be had."""
        self._lanes.has_freed = False
        for lane in self._lanes.free():
            if not self._restores.is_over(time.monotonic()):
                return
            claimed = self._ledger.claim(self._lanes.leases)
            if claimed is None:
                return
            lease, slot = claimed
            self._lanes.hold(lease)
            try:
                self._begin(lane, lease, slot)
            except LeaseLost:
                self._lanes.let_go(lease)
            except BaseException as error:
                reason = f"its supervisor failed: {first_line(error)}"
                with contextlib.suppress(Exception):  # the first error says more
                    self._ledger.release(lease, state=SlotState.INTERRUPTED, reason=reason)
                self._lanes.let_go(lease)
                raise

    def _begin(self, lane: Lane, lease: Lease, slot: SlotRecord) -> None:
        """Put a slot's trial on a lane, or finish the slot where its trial is over already."""
        open_trial = self._ledger.begin(lease)
        if open_trial is None:
            self._ledger.finish(lease)
            self._lanes.let_go(lease)
            return
        curve = {step: dict(entry) for step, entry in open_trial.curve.items()}
        attempt = Attempt(lane=lane, lease=lease, slot=slot, open_trial=open_trial, curve=curve)
        self._lanes.put(attempt)
        result = before_training(attempt, self._live.current)
        if result is not None:
            self._finishes(attempt, result)
        elif slot.trial_id is None:
            self._start(attempt, Restored(folder=None, checkpoints=slot.checkpoints, optimiser_steps=0))
        else:
            self._checkpointing.restore(attempt, self._restored)
        self._edges.changed()

    def _restored(self, attempt: Attempt, restored: Restored) -> None:
        self._restores.worked()
        self._start(attempt, restored)

    def _start(self, attempt: Attempt, restored: Restored) -> None:
        self._checkpointing.begin(attempt, restored)
        if attempt.end.result is not None:  # its time ran out meanwhile
            return
        try:
            started = self._edges.launcher.start(attempt)
        except TrainerDied as error:
            self._edges.watch(Notice(text=str(error)))
            self._crashed(attempt, Crash(reason=str(error)))
            return
        own_training = self._live.current.train is not None
        _enter(attempt, AttemptState.TRAINING if own_training else AttemptState.PREPARING)
        self._edges.watch(started)

    # ---- facts, as they come

    def attend(self, connection: Connection) -> None:
        """Take one message of a trainer, or note that the trainer has ended."""
        attempt = self._lanes.of(connection)
        if attempt is None:  # off its lane by an earlier message of this round
            return
        with self._dropping(attempt):
            message = receive(connection)
            if isinstance(message, Recorded):
                if attempt.state is AttemptState.PREPARING:
                    _enter(attempt, AttemptState.TRAINING)
                if told := self._edges.micro_batches.take(attempt, dict(message.effective)):
                    self._edges.notice(told)
            elif isinstance(message, Evaluated):
                self._evaluated(attempt, message)
            elif isinstance(message, Saved):
                if self._checkpointing.take(attempt, message) and attempt.end.result is not None:
                    # The trainer has nothing more to give. If the store fails now, the trial is given back.
                    attempt.end.is_unsaved = False
            elif isinstance(message, Finished):
                self._finished(attempt, message)
            elif isinstance(message, Unreadable):
                attempt.kill_trainer()
                self._finished(attempt, Finished(result=TrialResult(state=Outcome.FAILED, reason=message.reason)))
            elif isinstance(message, TrainerEnded):
                self._trainer_ended(attempt)

    def _evaluated(self, attempt: Attempt, message: Evaluated) -> None:
        if attempt.end.pruned_by is not None:  # the word to end reached the trainer late
            return
        self._crashes.evaluated()
        if not self._edges.receiver.judge(attempt, message.evaluation):
            attempt.end.pruned_by = message.evaluation
        self._checkpointing.evaluated(attempt, is_last=message.evaluation.step == TENTHS)

    def _finished(self, attempt: Attempt, message: Finished) -> None:
        result, end = message.result, attempt.end
        if result.state == Outcome.LEFT:
            end.result = result
            _enter(attempt, AttemptState.LEFT)
            return
        goes_on = (attempt.can_halve and end.pruned_by is None) or is_memory_for_any_trial(attempt, self._live.current)
        if result.avoid == Constraint.OUT_OF_MEMORY and goes_on:
            # It goes on from its checkpoint, with half as many examples at a time where these took the memory.
            before_any_step = not attempt.has_recorded
            reason = str(result.reason)
            self._crashed(attempt, Crash(reason=reason, own=True, memory="device", before_any_step=before_any_step))
            return
        # Weights that would not be kept are not worth a write; nor are those of a trial that hears too late to end.
        unsaved = message.unsaved and end.pruned_by is None
        if unsaved and result.value is not None:
            unsaved = self._edges.best_trials.would_include(result.value)
        self._finishes(attempt, result, is_unsaved=unsaved)
        if not unsaved:
            self._checkpointing.withdraw(attempt)

    def _trainer_ended(self, attempt: Attempt) -> None:
        assert attempt.trainer is not None
        end = attempt.end
        if end.told_to_leave and end.result is None:
            self._crashed(attempt, Crash(reason="its trainer ended before it had saved"))
        elif end.result is None or end.is_unsaved:
            code, counted = attempt.trainer.exit()
            killed = self._kills.take() if was_killed(code) else False
            done = attempt.saving.restored_optimiser_steps + counted
            self._crashed(attempt, describe_crash(code, done, out_of_memory=killed))
        else:
            attempt.kill_trainer()

    def lost(self, leases: frozenset[Lease]) -> None:
        """Let go of trials that other workers have taken over."""
        for attempt in self._lanes.attempts():
            if attempt.lease in leases and self._lanes.holds(attempt.lease):
                self.drop(attempt)

    def store_failed(self, attempt: Attempt, error: BaseException, *, pointer_unknown: bool) -> None:
        """Take note that the store has failed a trial; see `checkpointing.Owner`."""
        if pointer_unknown:
            self._crashed(attempt, Crash(reason=f"its checkpoint failed: {first_line(error)}"))
        elif attempt.state is AttemptState.LEAVING:
            attempt.end.result = TrialResult(state=Outcome.LEFT)
            _enter(attempt, AttemptState.LEFT)
        elif attempt.state is AttemptState.RESTORING:
            # It cannot be brought back here and now: perhaps on another machine, or later.
            self._restores.failed(time.monotonic())
            self._release(attempt, StopRequest(kind=StopKind.INTERRUPTED, reason=first_line(error)))
        elif attempt.state is AttemptState.TIDYING:  # a later clean-up removes what it left
            self._take_off(attempt, AttemptState.ENDED)

    def _crashed(self, attempt: Attempt, crash: Crash) -> None:
        attempt.kill_trainer()
        attempt.end.crash = crash
        _enter(attempt, AttemptState.CRASHED)

    def _finishes(self, attempt: Attempt, result: TrialResult, *, is_unsaved: bool = False) -> None:
        attempt.end.result, attempt.end.is_unsaved, attempt.end.crash = result, is_unsaved, None
        _enter(attempt, AttemptState.FINISHING)

    # ---- moves

    def drive(self, stop_request: StopRequest | None = None) -> None:
        """Make the next move of every attempt.

        Args:
            stop_request: Why all of them are to leave their lanes, if they are.
        """
        for attempt in self._lanes.attempts():
            if stop_request is not None and attempt.end.stop_request is None and attempt.end.result is None:
                attempt.end.stop_request = stop_request
            with self._dropping(attempt):
                self._drive(attempt)

    def _drive(self, attempt: Attempt) -> None:
        """Make the next move of an attempt, unless a checkpoint is on its way that has to arrive first."""
        if attempt.state is AttemptState.TIDYING:
            return
        if attempt.end.result is None and is_over_time(attempt, self._live.current):
            self._cut(attempt)
        self._withdraw_or_warn(attempt)
        if attempt.saving.is_busy:
            return
        end = attempt.end
        if end.crash is not None:
            self._drive_after_crash(attempt, end.crash)
        elif attempt.state is AttemptState.LEFT:
            unasked = StopRequest(kind=StopKind.INTERRUPTED, reason="its trainer left")
            self._release(attempt, end.stop_request or unasked)
        elif end.result is not None:
            self._drive_to_end(attempt, end.result)
        elif attempt.saving.half_saved:
            self._checkpointing.ask(attempt, leave=end.told_to_leave)
        elif end.stop_request is not None:
            self._drive_away(attempt, end.stop_request)
        elif self._is_save_wanted(attempt):
            self._checkpointing.ask(attempt)

    def _withdraw_or_warn(self, attempt: Attempt) -> None:
        """Take back a word to save that comes too late, or tell training that never heeds it to leave."""
        end = attempt.end
        request = end.stop_request if end.result is None else None
        given_up = request is not None and request.kind is StopKind.FAILED
        if end.crash is not None or given_up:
            self._checkpointing.withdraw(attempt)
        elif end.stop_request is not None and attempt.saving.staged is not None and not end.is_warned:
            end.is_warned = True
            if attempt.trainer is not None:
                attempt.say(Leave())

    def _is_save_wanted(self, attempt: Attempt) -> bool:
        trains = attempt.state is AttemptState.TRAINING and attempt.end.pruned_by is None
        return trains and self._checkpointing.is_wanted(attempt, self._live.current.checkpoint_every)

    def _drive_after_crash(self, attempt: Attempt, crash: Crash) -> None:
        """Release a trial to go on from its last checkpoint, or end it where it would only crash again."""
        interrupted = StopRequest(kind=StopKind.INTERRUPTED, reason=crash.reason)
        if attempt.end.told_to_leave:
            self._release(attempt, interrupted)
            return
        if crash.memory is not None and (told := self._edges.micro_batches.halve(attempt, crash)):
            self._edges.notice(told)
            self._release(attempt, interrupted)
            return
        config = self._live.current
        result = after_crash(attempt, crash, config, can_train=self._crashes.can_train)
        if result is None:
            self._release(attempt, interrupted, crashed=True)
        else:
            self._finishes(attempt, result)
            self._tell(attempt, result)
        self._crashes.count(crash.reason, max_restarts=config.max_restarts)
        self._edges.fork_server.restart()

    def _drive_to_end(self, attempt: Attempt, result: TrialResult) -> None:
        """Tell a trial's end, once its best weights are stored: a complete trial is never trained again."""
        is_unsaved = attempt.end.is_unsaved
        if result.state == Outcome.COMPLETE and (is_unsaved or attempt.saving.refused is not None):
            if time.monotonic() < attempt.saving.retry_at:
                return
            if is_unsaved:
                self._checkpointing.ask(attempt)
            else:
                self._checkpointing.keep_refused(attempt)
        else:
            self._tell(attempt, result)

    def _drive_away(self, attempt: Attempt, request: StopRequest) -> None:
        """Have a trial leave: saved where it is, if it has done any optimiser step."""
        if request.kind is StopKind.FAILED:
            result = TrialResult(state=Outcome.FAILED, reason=request.reason)
            self._finishes(attempt, result)
            self._tell(attempt, result)
        elif attempt.state is AttemptState.TRAINING:
            attempt.end.told_to_leave = True
            _enter(attempt, AttemptState.LEAVING)
            self._checkpointing.ask(attempt, leave=True)
        else:
            self._release(attempt, request)

    def _cut(self, attempt: Attempt) -> None:
        """End a trial that has had its time, even while its trainer hangs within an optimiser step."""
        attempt.kill_trainer()
        self._checkpointing.withdraw(attempt)
        if attempt.end.pruned_by is not None:  # it was pruned, and its trainer has not heard so yet
            self._finishes(attempt, TrialResult(state=Outcome.PRUNED))
        else:
            self._finishes(attempt, over_time(attempt, self._live.current))

    def _tell(self, attempt: Attempt, result: TrialResult) -> None:
        """Tell the database a trial's end."""
        result = of_all_attempts(attempt, result, self._live.current.metric.direction)
        attempt.kill_trainer()
        self._write_end(attempt, result)
        self._lanes.let_go(attempt.lease)
        _enter(attempt, AttemptState.TIDYING)
        # The lane is free once the store is: until then the files of this trial count as a running trial's.
        self._checkpointing.remove(
            attempt,
            complete=result.state == Outcome.COMPLETE,
            then=lambda attempt: self._take_off(attempt, AttemptState.ENDED),
        )
        self._told(attempt, TrialState(result.state), result.value, result.reason)

    def _write_end(self, attempt: Attempt, result: TrialResult) -> None:
        open_trial = attempt.open_trial
        if attempt.effective is not None:
            open_trial = open_trial.with_effective(attempt.effective)
        self._ledger.tell(attempt.lease, open_trial, result, attempt.curve)

    def _release(self, attempt: Attempt, request: StopRequest, *, crashed: bool = False) -> None:
        """Give a trial back, to go on from its last checkpoint."""
        attempt.kill_trainer()
        state = request.kind.slot_state
        self._ledger.release(attempt.lease, state=state, reason=request.reason, crashed=crashed)
        self._take_off(attempt, AttemptState.RELEASED)
        self._told(attempt, TrialState(state), None, request.reason)

    def _told(self, attempt: Attempt, state: TrialState, value: float | None, reason: str | None) -> None:
        self._edges.watch(
            TrialEnded(
                number=attempt.number,
                state=state,
                value=value,
                reason=reason,
                seconds=attempt.seconds,
                finished=self._ledger.finished(),
            )
        )

    def drop(self, attempt: Attempt, why: str = "another worker has taken it over") -> None:
        """Let go of a trial that another worker holds or another program has ended, and touch nothing of it."""
        attempt.kill_trainer()
        self._take_off(attempt, AttemptState.DROPPED)
        self._edges.notice(f"trial {attempt.number}: {why}, it is dropped here")

    def _take_off(self, attempt: Attempt, state: AttemptState) -> None:
        """Free the lane of an attempt that holds its slot no longer."""
        _enter(attempt, state)
        self._lanes.take_off(attempt)
        self._checkpointing.clean_up(attempt)
        self._edges.changed()

    @contextmanager
    def _dropping(self, attempt: Attempt) -> Iterator[None]:
        try:
            yield
        except TrialOver:
            self.drop(attempt, "another program has ended it")
        except LeaseLost:
            self.drop(attempt)

    # ---- the end of a run

    def abandon(self, request: StopRequest) -> None:
        """Leave every trial that still runs where its last checkpoint is."""
        for attempt in self._lanes.attempts():
            attempt.kill_trainer()
            held = self._lanes.holds(attempt.lease)
            self._lanes.take_off(attempt)
            if not held:
                _enter(attempt, AttemptState.ENDED)
            elif request.kind is StopKind.FAILED:
                with contextlib.suppress(LeaseLost):
                    self._write_end(attempt, TrialResult(state=Outcome.FAILED, reason=request.reason))
                for state in (AttemptState.FINISHING, AttemptState.TIDYING, AttemptState.ENDED):
                    _enter(attempt, state)
            else:
                self._ledger.release(attempt.lease, state=request.kind.slot_state, reason=request.reason)
                _enter(attempt, AttemptState.RELEASED)

    def tidy_up(self) -> None:
        """Remove, in a thread, what trials that are over have left in the store."""
        self._checkpointing.tidy_up()

    def close(self, seconds: float) -> None:
        """Wait so long for calls that are still with the store."""
        self._checkpointing.wait(seconds)


def _enter(attempt: Attempt, state: AttemptState) -> None:
    """Move an attempt to another state.

    Raises:
        AssertionError: There is no such transition: a defect of the supervisor.
    """
    assert is_allowed(attempt.state, state), f"trial {attempt.number}: {attempt.state} -> {state}"
    attempt.state = state
