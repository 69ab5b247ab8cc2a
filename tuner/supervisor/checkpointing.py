"""Saves: a trial's checkpoints, from the word to its trainer until the pointer in the database names them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from storage import CheckpointError, LeaseLost, describe_outage
from tuner.errors import first_line
from tuner.processes.messages import Save
from tuner.supervisor.background import Outcome
from tuner.supervisor.crash import Crash
from tuner.trial.result import TrialResult

if TYPE_CHECKING:
    from pathlib import Path

    from storage import Lease
    from tuner.processes.messages import Saved
    from tuner.supervisor.attempt import Attempt
    from tuner.supervisor.background import Background
    from tuner.supervisor.transfers import Kept, Transfers

T = TypeVar("T")

#: Seconds after which a store that fails is tried again.
STORE_AGAIN_S = 5.0


class Checkpointing:
    """What is done with the store for trials that run. Only the main thread may call it.

    Args:
        keeping: The store.
        background: Runs what waits for it.
        notice: Told in a line what a person should know.
        warn: Writes into the event log what a person should know of a trial.
        drop: Told of a trial that turns out to be another worker's.
        fail: Told of a trial for which the store has failed before or after its training.
    """

    def __init__(
        self,
        transfers: Transfers,
        background: Background,
        *,
        notice: Callable[[str], None],
        warn: Callable[[Lease, str], None],
        drop: Callable[[Attempt], None],
        fail: Callable[[Attempt, BaseException], None],
    ) -> None:
        self._transfers = transfers
        self._background = background
        self._notice = notice
        self._warn = warn
        self._drop = drop
        self._fail = fail
        #: Seconds that the cheapest checkpoint of this run took: the files of a small one are most of what it costs.
        self.least_s = 0.0
        #: By trial, what a person was told of what keeps its checkpoints from the store.
        self._troubles: dict[int, str] = {}

    def ask(self, attempt: Attempt, *, leave: bool = False) -> None:
        """Have room made in the store, then give the trainer the word to save, and to leave after that."""
        lease, number, checkpoints = attempt.lease, attempt.number, attempt.checkpoints
        attempt.save_due = False

        def say(attempt: Attempt, folder: Path) -> None:
            over = attempt.result is not None and not attempt.unsaved
            if attempt.crash is not None or attempt.trainer is None or over:
                self.give_back(folder)
                return
            attempt.staged = folder
            attempt.say(Save(folder=str(folder), leave=leave))

        self.start(attempt, lambda: self._transfers.stage(lease, number, checkpoints), say)

    def take(self, attempt: Attempt, message: Saved) -> None:
        """Put into the store what a trainer has staged."""
        staged = attempt.staged
        if staged is None or str(staged) != message.folder:
            return  # the second answer of a trainer that was told twice
        attempt.staged = None
        if message.error is not None:
            self._troubled(attempt, f"its checkpoint cannot be written here: {message.error}")
            self.give_back(staged)
            return
        lease, number, checkpoints, refused = attempt.lease, attempt.number, attempt.checkpoints, attempt.refused
        taken, last = time.monotonic(), attempt.result is not None
        if last:  # the trainer has nothing more to give: should this fail, the trial is given back
            attempt.unsaved = False

        def keep() -> Kept:
            return self._transfers.keep(
                lease, number, checkpoints, staged=staged, step=message.step, best=message.best, refused=refused
            )

        def kept(attempt: Attempt, kept: Kept) -> None:
            attempt.half_saved = message.step is None and not last
            self._kept(attempt, kept, message.seconds + time.monotonic() - taken)

        self.start(attempt, keep, kept, fatal=True)

    def keep_refused(self, attempt: Attempt) -> None:
        """Put into the store the best weights that it has refused before."""
        lease, number, checkpoints, refused = attempt.lease, attempt.number, attempt.checkpoints, attempt.refused
        began = time.monotonic()

        def keep() -> Kept:
            staged = self._transfers.stage(lease, number, checkpoints)
            return self._transfers.keep(
                lease, number, checkpoints, staged=staged, step=None, best=None, refused=refused
            )

        self.start(attempt, keep, lambda attempt, kept: self._kept(attempt, kept, time.monotonic() - began), fatal=True)

    def _kept(self, attempt: Attempt, kept: Kept, cost_s: float) -> None:
        attempt.checkpoints, attempt.refused = kept.checkpoints, kept.refused
        attempt.saved, attempt.save_cost_s = time.monotonic(), cost_s
        self.least_s = min(self.least_s or cost_s, cost_s)
        if kept.problem is not None:
            self._troubled(attempt, kept.problem)
        elif self._troubles.pop(attempt.number, None) is not None:
            self._notice(f"trial {attempt.number}: its checkpoints are stored again")

    def _troubled(self, attempt: Attempt, problem: str) -> None:
        """Tell a person what keeps a checkpoint from the store and what comes of it, once; and try again later."""
        attempt.patient_until = time.monotonic() + STORE_AGAIN_S
        if attempt.result is not None:
            outcome = "trained to its end, which waits until its best weights are stored"
        else:
            outcome = "no checkpoint, training goes on and the one before stays"
        if self._troubles.get(attempt.number) != outcome:
            self._troubles[attempt.number] = outcome
            self._notice(f"trial {attempt.number}: {outcome}: {problem}")
            self._warn(attempt.lease, f"{outcome}: {problem}")

    def withdraw(self, attempt: Attempt) -> None:
        """Take back the word to save from a trainer that will not heed it any more."""
        if attempt.staged is not None:
            staged, attempt.staged = attempt.staged, None
            self.give_back(staged)

    def give_back(self, *folders: Path) -> None:
        """Remove folders that were staged or fetched."""
        if folders:
            self.quietly(lambda: self._transfers.give_back(*folders))

    def quietly(self, job: Callable[[], None]) -> None:
        """Do something with the store that nobody waits for."""

        def told(outcome: Outcome[None]) -> None:
            if outcome.error is not None and _is_the_stores(outcome.error):
                self._notice(str(outcome.error))
            else:
                outcome.result()

        self._background.start(job, told)

    def start(
        self, attempt: Attempt, job: Callable[[], T], then: Callable[[Attempt, T], None], *, fatal: bool = False
    ) -> None:
        """Do something with the store for a trial, for which nothing else is begun until it is done.

        Args:
            attempt: The trial.
            job: What a thread does.
            then: Called with what it returned.
            fatal: Where it fails, nobody knows what the database points to: the trial is given back, to be found out.
        """
        attempt.storing = True

        def done(outcome: Outcome[T]) -> None:
            attempt.storing = False
            if attempt.is_off:
                return
            try:
                then(attempt, outcome.result())
            except LeaseLost:
                self._drop(attempt)
            except Exception as error:
                if outcome.error is not error or not _is_the_stores(error):
                    raise
                self._failed(attempt, error, fatal=fatal)

        self._background.start(job, done)

    def _failed(self, attempt: Attempt, error: BaseException, *, fatal: bool) -> None:
        if fatal or attempt.trainer is None:
            self._notice(f"trial {attempt.number}: {error}")
            attempt.patient_until = time.monotonic() + STORE_AGAIN_S
        else:
            self._troubled(attempt, str(error))
        if fatal:
            attempt.crash = Crash(reason=f"its checkpoint failed: {first_line(error)}")
            if attempt.trainer is not None:
                attempt.trainer.kill()
        elif attempt.told_to_leave:
            attempt.result = attempt.result or TrialResult(state="left")
        elif attempt.trainer is None and attempt.result is None:
            self._fail(attempt, error)


def _is_the_stores(error: BaseException) -> bool:
    # Or an outage of the database that has outlasted what a signal leaves.
    return isinstance(error, CheckpointError) or describe_outage(error) is not None
