"""The life of a trial on a lane: the next move of every attempt.

`attempt_state.py` names the states and the transitions. Trainers (`receiver.py`), the store (`checkpointing.py`),
signals and other machines set down facts in the attempt, in any order. `drive` then makes the next move of every
attempt, unless a checkpoint is on its way. Its effects are at the edges: the ledger writes to the database,
checkpointing works with the store.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from storage import LeaseLost, TrialOver, TrialState
from tuner.errors import first_line
from tuner.reporting.events import TrialDropped, TrialEnded, TrialSaved
from tuner.supervisor.attempt_state import AttemptState
from tuner.supervisor.backoff import Backoff
from tuner.supervisor.checkpointing import STORE_AGAIN_S, Checkpointing
from tuner.supervisor.crash import Crash
from tuner.supervisor.outcomes import after_crash, corrected_result, is_over_time, over_time
from tuner.supervisor.stop_request import StopKind, StopRequest
from tuner.trial.result import Outcome, TrialResult

if TYPE_CHECKING:
    from storage import Lease
    from tuner.study.live_config import LiveConfig
    from tuner.supervisor.attempt import Attempt
    from tuner.supervisor.edges import Edges
    from tuner.supervisor.lanes import Lanes

#: Seconds, at most, after which trials are brought back again from a store that has failed to give one: each try holds
#: a trial, and the time counts as device time.
RESTORE_AGAIN_S = 300.0


class TrialLifecycle:
    """Moves the trials on the lanes of one supervisor from state to state. Only its main thread may call it.

    Args:
        lanes: The lanes, and the attempts on them.
        live: The study's configuration.
        edges: The database, the trainers and the store.
    """

    def __init__(self, lanes: Lanes, live: LiveConfig, edges: Edges) -> None:
        self._lanes = lanes
        self._live = live
        self._edges = edges
        self._ledger = edges.ledger
        self.checkpointing = Checkpointing(
            edges.transfers, edges.background, edges.ledger, notice=edges.notice, listener=self
        )
        #: When trials may be claimed again, after the store has failed to bring one back.
        self.restores = Backoff(STORE_AGAIN_S, RESTORE_AGAIN_S)

    def drive(self, stop_request: StopRequest | None = None) -> None:
        """Make the next move of every attempt.

        Args:
            stop_request: Why all of them are to leave their lanes, if they are.
        """
        for attempt in self._lanes.attempts():
            if stop_request is not None:
                attempt.ask_to_stop(stop_request)
            with self.dropping(attempt):
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
            self._drive_after_leaving(attempt, end.stop_request)
        elif end.result is not None:
            self._drive_to_end(attempt, end.result)
        elif attempt.saving.half_saved:
            self.checkpointing.ask(attempt, leave=end.told_to_leave)
        elif end.stop_request is not None:
            self._drive_away(attempt, end.stop_request)
        elif self._is_save_wanted(attempt):
            self.checkpointing.ask(attempt)

    def _withdraw_or_warn(self, attempt: Attempt) -> None:
        """Take back a word to save that comes too late, or tell training that never heeds it to leave."""
        end, request = attempt.end, attempt.end.stop_request
        if end.crash is not None or (end.result is None and request is not None and request.kind is StopKind.FAILED):
            self.checkpointing.withdraw(attempt)
        elif request is not None and attempt.saving.staged is not None and not end.is_warned:
            attempt.warn()

    def _drive_after_leaving(self, attempt: Attempt, request: StopRequest | None) -> None:
        """Release a trial whose trainer has left, or end it where its study has ended."""
        if request is not None:
            self._drive_away(attempt, request)
        else:  # training of a user's own has ended itself so, and would do it again: that is a crash
            unasked = StopRequest(kind=StopKind.INTERRUPTED, reason="its trainer left without being asked to")
            self._release(attempt, unasked, crashed=True)

    def _is_save_wanted(self, attempt: Attempt) -> bool:
        trains = attempt.state is AttemptState.TRAINING and attempt.end.pruned_by is None
        return trains and self.checkpointing.is_wanted(attempt, self._live.current.checkpoint_every)

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
        result = after_crash(attempt, crash, config, can_train=self._edges.crashes.can_train)
        if result is None:
            self._release(attempt, interrupted, crashed=True)
        else:
            self._end(attempt, result)
        self._edges.crashes.count(crash.reason, max_restarts=config.max_restarts)
        self._edges.fork_server.restart()

    def _drive_to_end(self, attempt: Attempt, result: TrialResult) -> None:
        """Tell a trial's end, once its best weights are stored: a complete trial is never trained again."""
        is_unsaved = attempt.end.is_unsaved
        if result.state == Outcome.COMPLETE and (is_unsaved or attempt.saving.refused is not None):
            if time.monotonic() < attempt.saving.retry_at:
                return
            if is_unsaved:
                self.checkpointing.ask(attempt)
            else:
                self.checkpointing.keep_refused(attempt)
        else:
            self._end(attempt, result)

    def _drive_away(self, attempt: Attempt, request: StopRequest) -> None:
        """Have a trial leave: saved where it is, if it has done any optimiser step."""
        if request.kind is StopKind.FAILED:
            result = TrialResult(state=Outcome.FAILED, reason=request.reason)
            self._end(attempt, result)
        elif attempt.state is AttemptState.TRAINING and request.keeps:
            attempt.leave()
            self.checkpointing.ask(attempt, leave=True)
        else:
            self._release(attempt, request)

    def _cut(self, attempt: Attempt) -> None:
        """End a trial that has had its time, even while its trainer hangs within an optimiser step."""
        attempt.kill_trainer()
        self.checkpointing.withdraw(attempt)
        if attempt.end.pruned_by is not None:  # it was pruned, and its trainer has not heard so yet
            attempt.finish(TrialResult(state=Outcome.PRUNED))
        else:
            attempt.finish(over_time(attempt, self._live.current))

    def cut_all(self, reason: str) -> None:
        """End all trials as pruned, since the budget is spent, unless it is known how they end.

        Args:
            reason: Why, for people.
        """
        for attempt in self._lanes.attempts():
            end = attempt.end
            if attempt.state is AttemptState.TIDYING or end.result is not None or end.pruned_by is not None:
                continue
            attempt.kill_trainer()
            self.checkpointing.withdraw(attempt)
            result = TrialResult(state=Outcome.PRUNED, value=attempt.last_value, reason=reason)
            attempt.finish(result)

    def _end(self, attempt: Attempt, result: TrialResult) -> None:
        """Tell the database a trial's end, and have the store remove the files that it no longer needs."""
        attempt.finish(result)
        result = corrected_result(attempt, result, self._live.current.metric.direction)
        attempt.kill_trainer()
        self._write_end(attempt, result)
        self._lanes.let_go(attempt.lease)
        attempt.enter(AttemptState.TIDYING)
        # The lane is free once the store is: until then the files of this trial count as a running trial's.
        self.checkpointing.remove(
            attempt,
            complete=result.state == Outcome.COMPLETE,
            then=lambda attempt: self._take_off(attempt, AttemptState.ENDED),
        )
        self._announce_end(attempt, TrialState(result.state), result.value, result.reason)

    def _write_end(self, attempt: Attempt, result: TrialResult) -> None:
        open_trial = attempt.open_trial
        if attempt.effective is not None:
            open_trial = open_trial.with_effective(attempt.effective)
        self._ledger.tell(attempt.lease, open_trial, result, attempt.curve)

    def _release(self, attempt: Attempt, request: StopRequest, *, crashed: bool = False) -> None:
        """Give a trial back, to go on from its last checkpoint."""
        attempt.kill_trainer()
        state = request.kind.slot_state
        if request.kind is StopKind.SHELVED:
            state = self._ledger.shelve(attempt.lease, request.rung, reason=request.reason, keeps=request.keeps)
            if not request.keeps:
                self.checkpointing.forget(attempt)
        else:
            self._ledger.release(attempt.lease, state=state, reason=request.reason, crashed=crashed)
        self._take_off(attempt, AttemptState.RELEASED)
        value = attempt.last_value if request.kind is StopKind.SHELVED else None
        self._announce_end(attempt, TrialState(state), value, request.reason, saved_at=attempt.saved_at)

    def shelving(self, attempt: Attempt, rung: int, reason: str) -> StopRequest:
        """Return the request that puts a trial aside, with a checkpoint unless training again costs less.

        Args:
            attempt: The trial.
            rung: The percent of its schedule that it has reached.
            reason: Its value there, for people.
        """
        trained_s, kept_s = attempt.trained_s, 2 * self.checkpointing.cost_s(attempt)  # it is written, and read again
        keeps = trained_s >= kept_s
        if not keeps:
            reason += (
                f"; no checkpoint is kept, as training to here again takes less time ({trained_s:.2g} s) than keeping "
                f"one ({kept_s:.2g} s)"
            )
        return StopRequest(kind=StopKind.SHELVED, reason=reason, rung=rung, keeps=keeps)

    def _announce_end(
        self,
        attempt: Attempt,
        state: TrialState,
        value: float | None,
        reason: str | None,
        *,
        saved_at: int | None = None,
    ) -> None:
        hyperparameters = attempt.open_trial.hyperparameters
        self._edges.watch(
            TrialEnded(
                number=attempt.number,
                state=state,
                value=value,
                reason=reason,
                seconds=attempt.seconds,
                finished=self._ledger.finished(),
                hyperparameters=None if hyperparameters is None else hyperparameters.to_dict(),
                effective=attempt.effective,
                curve=attempt.evaluations,
                saved_at=saved_at,
            )
        )

    def drop(self, attempt: Attempt, why: str = "another worker has taken it over") -> None:
        """Let go of a trial that another worker holds or another program has ended, and touch nothing of it."""
        attempt.kill_trainer()
        self._take_off(attempt, AttemptState.DROPPED)
        self._edges.watch(
            TrialDropped(number=attempt.number, text=f"trial {attempt.number}: {why}, it is dropped here")
        )

    def _take_off(self, attempt: Attempt, state: AttemptState) -> None:
        """Free the lane of an attempt that holds its slot no longer."""
        attempt.enter(state)
        self._lanes.take_off(attempt)
        self.checkpointing.clean_up(attempt)
        self._edges.changed()

    @contextmanager
    def dropping(self, attempt: Attempt) -> Iterator[None]:
        """Drop an attempt where the body finds that its trial is another worker's, or over."""
        try:
            yield
        except TrialOver:
            self.drop(attempt, "another program has ended it")
        except LeaseLost:
            self.drop(attempt)

    # ---- facts from other machines and the store

    def stored(self, attempt: Attempt) -> None:
        """Take note that a checkpoint of a trial is in the store; see `checkpointing.StoreListener`."""
        self._edges.watch(TrialSaved(number=attempt.number))

    def lost(self, leases: frozenset[Lease]) -> None:
        """Let go of trials that other workers have taken over."""
        for attempt in self._lanes.attempts():
            if attempt.lease in leases and self._lanes.holds(attempt.lease):
                self.drop(attempt)

    def store_failed(self, attempt: Attempt, error: BaseException, *, pointer_unknown: bool) -> None:
        """Take note that the store has failed a trial; see `checkpointing.StoreListener`."""
        if pointer_unknown:
            attempt.crash(Crash(reason=f"its checkpoint failed: {first_line(error)}"))
        elif attempt.state is AttemptState.LEAVING:
            attempt.note_left()
        elif attempt.state is AttemptState.RESTORING:
            # It cannot be brought back here and now: perhaps on another machine, or later.
            self.restores.failed(time.monotonic())
            self._release(attempt, StopRequest(kind=StopKind.INTERRUPTED, reason=first_line(error)))
        elif attempt.state is AttemptState.TIDYING:  # a later clean-up removes its files
            self._take_off(attempt, AttemptState.ENDED)

    # ---- the end of a run

    def abandon(self, request: StopRequest) -> None:
        """Leave every trial that still runs where its last checkpoint is."""
        for attempt in self._lanes.attempts():
            attempt.kill_trainer()
            if attempt.state is AttemptState.TIDYING:
                attempt.enter(AttemptState.ENDED)
            elif not self._lanes.holds(attempt.lease):  # its beginning has failed, and its slot is given back already
                attempt.enter(AttemptState.RELEASED)
            elif request.kind is StopKind.FAILED:
                self._abandon_for_good(attempt, TrialResult(state=Outcome.FAILED, reason=request.reason))
            else:
                self._ledger.release(attempt.lease, state=request.kind.slot_state, reason=request.reason)
                attempt.enter(AttemptState.RELEASED)
        for attempt in self._lanes.attempts():  # leases are renewed until all of them are released
            self._lanes.take_off(attempt)

    def _abandon_for_good(self, attempt: Attempt, result: TrialResult) -> None:
        try:
            self._write_end(attempt, result)
        except LeaseLost:
            attempt.enter(AttemptState.DROPPED)
            return
        attempt.finish(result)
        attempt.enter(AttemptState.TIDYING)
        attempt.enter(AttemptState.ENDED)
