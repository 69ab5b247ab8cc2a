"""Checkpoints of trials that run: from the word to the trainer until the pointer in the database names them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from storage import CheckpointError, LeaseLost, describe_outage
from tuner.processes.messages import Save
from tuner.supervisor.attempt_state import AttemptState
from tuner.supervisor.stop_request import StopKind

if TYPE_CHECKING:
    from pathlib import Path

    from tuner.processes.messages import Saved
    from tuner.supervisor.attempt import Attempt
    from tuner.supervisor.background import Background, Outcome
    from tuner.supervisor.ledger import Ledger
    from tuner.supervisor.transfers import Kept, Restored, Transfers

T = TypeVar("T")

#: Seconds after which a store that fails is tried again.
STORE_AGAIN_S = 5.0
#: Saving may cost at most this share of a trial's time.
SAVE_SHARE = 0.1
#: Bytes of a checkpoint for each trained parameter (weights, and two moments of AdamW), and bytes that a disk takes in
#: a second: an estimate, until the first checkpoint of a trial has been timed.
_BYTES, _BYTES_A_SECOND = 12, 200e6


class StoreListener(Protocol):
    """The part of a supervisor that is told how calls to the store have ended."""

    def drop(self, attempt: Attempt) -> None:
        """Take note that another worker holds the trial."""

    def stored(self, attempt: Attempt) -> None:
        """Take note that a checkpoint of the trial is in the store."""

    def store_failed(self, attempt: Attempt, error: BaseException, *, pointer_unknown: bool) -> None:
        """Take note that the store has failed a trial.

        Args:
            attempt: The trial.
            error: Why.
            pointer_unknown: Whether the checkpoint to which the database points is unknown now.
        """


class Checkpointing:
    """Has checkpoints made, stored and brought back. Only the main thread may call it.

    Args:
        transfers: Moves files between the store and this machine.
        background: Runs calls that wait for the store.
        ledger: Takes warnings for the event log.
        notice: Takes a line for a person.
        listener: Told how calls to the store have ended.
    """

    def __init__(
        self,
        transfers: Transfers,
        background: Background,
        ledger: Ledger,
        *,
        notice: Callable[[str], None],
        listener: StoreListener,
    ) -> None:
        self._transfers = transfers
        self._background = background
        self._ledger = ledger
        self._notice = notice
        self._listener = listener
        #: Seconds that the cheapest checkpoint of this run took: for small trials, opening and syncing files is most of
        #: the cost.
        self._least_s = 0.0
        #: Bytes of the largest checkpoint of this run, with the best weights beside it.
        self._most_bytes = 0
        #: By trial, the last line to a person about a store that takes no checkpoints.
        self._troubles: dict[int, str] = {}

    def restore(self, attempt: Attempt, then: Callable[[Attempt, Restored], None]) -> None:
        """Bring back the newest sound checkpoint of a trial."""
        lease, number, checkpoints = attempt.lease, attempt.number, attempt.slot.checkpoints
        self._start(attempt, lambda: self._transfers.restore(lease, number, checkpoints), then)

    def begin(self, attempt: Attempt, restored: Restored) -> None:
        """Go on from a checkpoint that was brought back, or from the beginning."""
        saving = attempt.saving
        saving.checkpoints, saving.restored = restored.checkpoints, restored.folder
        saving.restored_optimiser_steps = restored.optimiser_steps
        saving.saved_at = time.monotonic()

    def evaluated(self, attempt: Attempt, *, is_last: bool) -> None:
        """Call for a checkpoint after an evaluation; after the last one nothing is left to go on with."""
        attempt.saving.due = not is_last

    def is_wanted(self, attempt: Attempt, every_s: float) -> bool:
        """Return whether a trial that trains should be saved now: a checkpoint is due, and affordable.

        Args:
            attempt: The trial.
            every_s: Seconds after which a checkpoint is due.
        """
        saving, now = attempt.saving, time.monotonic()
        since = now - saving.saved_at
        due = since >= every_s or saving.due
        return now >= saving.retry_at and due and since * SAVE_SHARE >= min(self.cost_s(attempt), every_s * SAVE_SHARE)

    def cost_s(self, attempt: Attempt) -> float:
        """Return the seconds that a checkpoint of a trial takes: as the last one did, or an estimate."""
        if attempt.saving.cost_s is not None:
            return attempt.saving.cost_s
        parameters = (attempt.effective or {}).get("trainable_parameters", 0)
        estimate_s = float(parameters) * _BYTES / _BYTES_A_SECOND if isinstance(parameters, int) else 0.0
        return max(self._least_s, estimate_s)

    def _size(self, attempt: Attempt) -> int:
        """Return the bytes of a trial's next checkpoint and best weights: as before, or as the largest of this run.

        An estimate from the number of parameters could be far too high, and would then refuse room that is there. Once
        the files are written, `Transfers.keep` looks at their size.
        """
        checkpoints = attempt.saving.checkpoints
        own = replace(checkpoints, resume=checkpoints.resume[:1]).bytes
        return own if checkpoints.resume and checkpoints.best else max(own, self._most_bytes)

    def ask(self, attempt: Attempt, *, leave: bool = False) -> None:
        """Have room made in the store, then tell the trainer to save, and to leave after that."""
        lease, number, checkpoints = attempt.lease, attempt.number, attempt.saving.checkpoints
        size = self._size(attempt)
        attempt.saving.due, attempt.saving.half_saved = False, False

        def say(attempt: Attempt, folder: Path) -> None:
            over = attempt.end.result is not None and not attempt.end.is_unsaved
            if attempt.end.crash is not None or attempt.trainer is None or over:
                self._give_back(folder)
                return
            attempt.saving.staged = folder
            attempt.say(Save(folder=str(folder), leave=leave))

        self._start(attempt, lambda: self._transfers.stage(lease, number, checkpoints, size=size), say)

    def take(self, attempt: Attempt, message: Saved) -> bool:
        """Put the files that a trainer has written into the store; return whether there are any."""
        saving = attempt.saving
        staged = saving.staged
        if staged is None or str(staged) != message.folder:
            return False  # the second answer of a trainer that was told twice
        saving.staged = None
        if message.error is not None:
            self._troubled(attempt, f"its checkpoint cannot be written here: {message.error}")
            self._give_back(staged)
            return False
        lease, number, checkpoints, refused = attempt.lease, attempt.number, saving.checkpoints, saving.refused
        taken, last = time.monotonic(), attempt.end.result is not None
        request = attempt.end.stop_request
        alone = request is not None and request.kind is StopKind.SHELVED

        def keep() -> Kept:
            return self._transfers.keep(
                lease,
                number,
                checkpoints,
                staged=staged,
                optimiser_steps=message.optimiser_steps,
                best=message.best,
                refused=refused,
                alone=alone,
            )

        def kept(attempt: Attempt, kept: Kept) -> None:
            attempt.saving.half_saved = message.optimiser_steps is None and not last
            self._kept(attempt, kept, message.seconds + time.monotonic() - taken)

        self._start(attempt, keep, kept, moves_pointer=True)
        return True

    def keep_refused(self, attempt: Attempt) -> None:
        """Put into the store the best weights that it has refused before."""
        lease, number, saving = attempt.lease, attempt.number, attempt.saving
        checkpoints, refused, began = saving.checkpoints, saving.refused, time.monotonic()

        def keep() -> Kept:
            staged = self._transfers.stage(lease, number, checkpoints, size=0)
            return self._transfers.keep(
                lease, number, checkpoints, staged=staged, optimiser_steps=None, best=None, refused=refused
            )

        def kept(attempt: Attempt, kept: Kept) -> None:
            self._kept(attempt, kept, time.monotonic() - began)

        self._start(attempt, keep, kept, moves_pointer=True)

    def _kept(self, attempt: Attempt, kept: Kept, cost_s: float) -> None:
        saving = attempt.saving
        saving.checkpoints, saving.refused = kept.checkpoints, kept.refused
        newest = replace(kept.checkpoints, resume=kept.checkpoints.resume[:1])
        self._most_bytes = max(self._most_bytes, newest.bytes)
        saving.saved_at, saving.cost_s = time.monotonic(), cost_s
        self._least_s = min(self._least_s or cost_s, cost_s)
        if kept.problem is not None:
            self._troubled(attempt, kept.problem)
            return
        self._listener.stored(attempt)
        if self._troubles.pop(attempt.number, None) is not None:
            self._notice(f"trial {attempt.number}: its checkpoints are stored again")

    def _troubled(self, attempt: Attempt, problem: str) -> None:
        """Tell a person, once, why the store takes no checkpoint and how the trial goes on; try again later."""
        attempt.saving.retry_at = time.monotonic() + STORE_AGAIN_S
        if attempt.state is AttemptState.FINISHING:
            outcome = "trained to its end, which waits until its best weights are stored"
        else:
            outcome = "no checkpoint, training goes on and the one before stays"
        if self._troubles.get(attempt.number) != outcome:
            self._troubles[attempt.number] = outcome
            self._notice(f"trial {attempt.number}: {outcome}: {problem}")
            self._ledger.warn(attempt.lease, f"{outcome}: {problem}")

    def withdraw(self, attempt: Attempt) -> None:
        """Take back the word to save from a trainer that will not heed it any more."""
        saving = attempt.saving
        if saving.staged is not None:
            staged, saving.staged = saving.staged, None
            self._give_back(staged)
        saving.half_saved = False

    def remove(self, attempt: Attempt, *, complete: bool, then: Callable[[Attempt], None]) -> None:
        """Remove the files in the store of a trial that is over, except weights that are to stay."""
        number, checkpoints = attempt.number, attempt.saving.checkpoints
        self._start(
            attempt,
            lambda: self._transfers.end(number, checkpoints, complete=complete),
            lambda attempt, _: then(attempt),
        )

    def forget(self, attempt: Attempt) -> None:
        """Remove the checkpoints of a trial to which the database points no longer."""
        lease, number, keys = attempt.lease, attempt.number, attempt.saving.checkpoints.keys
        if keys:
            self._quietly(lambda: self._transfers.forget(lease, number, keys))

    def remove_trials(self, numbers: Sequence[int]) -> None:
        """Remove the files of trials that are over and were on no lane."""
        for number in numbers:
            self._quietly(partial(self._transfers.remove_trial, number))

    def clean_up(self, attempt: Attempt) -> None:
        """Remove the folders of an attempt that is off its lane."""
        saving = attempt.saving
        refused = saving.refused.folder.parent if saving.refused else None
        self._give_back(*(folder for folder in (saving.restored, saving.staged, refused) if folder is not None))

    def tidy_up(self) -> None:
        """Remove, in a thread, files in the store that trials which are over no longer need."""
        self._quietly(self._transfers.keep_best)

    def wait(self, seconds: float) -> None:
        """Wait so long for calls that are still with the store."""
        self._background.wait(seconds)

    def _give_back(self, *folders: Path) -> None:
        if folders:
            self._quietly(lambda: self._transfers.give_back(*folders))

    def _quietly(self, call: Callable[[], None]) -> None:
        """Make a call to the store for which no trial waits."""

        def told(outcome: Outcome[None]) -> None:
            if outcome.error is not None and _is_the_stores(outcome.error):
                self._notice(str(outcome.error))
            else:
                outcome.result()

        self._background.start(call, told)

    def _start(
        self,
        attempt: Attempt,
        call: Callable[[], T],
        then: Callable[[Attempt, T], None],
        *,
        moves_pointer: bool = False,
    ) -> None:
        """Make a call to the store for a trial; no other one of the trial's begins until it is done.

        Args:
            attempt: The trial.
            call: Made in a thread.
            then: Called in the main thread with the call's result.
            moves_pointer: Whether the call moves the pointer in the database. After a failure the pointer is unknown:
                the trial is released, and its next attempt reads the pointer again.
        """
        attempt.saving.with_store = True

        def done(outcome: Outcome[T]) -> None:
            attempt.saving.with_store = False
            if attempt.state.is_off:
                return
            try:
                then(attempt, outcome.result())
            except LeaseLost:
                self._listener.drop(attempt)
            except Exception as error:
                if outcome.error is not error or not _is_the_stores(error):
                    raise
                self._failed(attempt, error, moves_pointer=moves_pointer)

        self._background.start(call, done)

    def _failed(self, attempt: Attempt, error: BaseException, *, moves_pointer: bool) -> None:
        if attempt.trainer is not None and not moves_pointer:
            self._troubled(attempt, str(error))
        else:
            self._notice(f"trial {attempt.number}: {error}")
            attempt.saving.retry_at = time.monotonic() + STORE_AGAIN_S
        self._listener.store_failed(attempt, error, pointer_unknown=moves_pointer)


def _is_the_stores(error: BaseException) -> bool:
    """Return whether the store has failed, or an outage of the database has outlasted the time a signal leaves."""
    return isinstance(error, CheckpointError) or describe_outage(error) is not None
