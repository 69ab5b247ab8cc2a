"""Transfers between the store and this machine: checkpoints are brought back, stored and removed, in threads."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from storage import (
    CheckpointDamaged,
    CheckpointError,
    CheckpointMissing,
    CheckpointRef,
    Checkpoints,
    CheckpointsFull,
    CheckpointsUnreachable,
    LeaseLost,
)
from storage.crash_points import reach
from tuner.processes.supervisor_pipe import BEST, STEP
from tuner.study.retention import needed_keys
from tuner.supervisor.saving import StagedBest
from tuner.trial.evaluation import is_better

if TYPE_CHECKING:
    from storage import CheckpointStore, Lease
    from tuner.supervisor.best_trials import BestTrials
    from tuner.supervisor.ledger import Ledger
    from tuner.supervisor.room import Room
    from tuner.trial.evaluation import Evaluation


#: A trial that is over has no further attempt.
_ANY = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Restored:
    """The checkpoint from which an interrupted trial goes on."""

    #: Folder of the files; None where it begins at the beginning.
    folder: Path | None
    #: Its sound checkpoints.
    checkpoints: Checkpoints
    #: Optimiser steps that it has done; 0 at the beginning.
    optimiser_steps: int


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The outcome of storing a checkpoint."""

    checkpoints: Checkpoints
    #: Best weights that the store did not take.
    refused: StagedBest | None = None
    #: Why it did not.
    problem: str | None = None


class Transfers:
    """The store of one study, as its supervisor uses it from several threads.

    A trial has at most two resume checkpoints and one set of best weights in the store. The older one is deleted before
    a new one is written; the last sound one never is.

    Args:
        store: The store.
        ledger: Writes the pointers.
        direction: `maximize` or `minimize`.
        best_trials: Says which trials' weights stay.
        room: Keeps the checkpoints within the study's limit.
        facts: Values for every manifest.
        notice: Takes a line for a person.
    """

    def __init__(
        self,
        store: CheckpointStore,
        ledger: Ledger,
        best_trials: BestTrials,
        room: Room,
        *,
        direction: str,
        facts: dict[str, Any],
        notice: Callable[[str], None],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._best_trials = best_trials
        self._room = room
        self._direction = direction
        self._facts = facts
        self._notice = notice

    def restore(self, lease: Lease, number: int, checkpoints: Checkpoints) -> Restored:
        """Find the newest sound checkpoint of a trial, and remove the files of dead attempts.

        A damaged checkpoint is never used: the one before takes its place, then the beginning. If the best weights are
        damaged or missing, the trial begins again, since they have to be trained anew.

        Raises:
            CheckpointError: The store cannot be reached.
            LeaseLost: Another worker has the trial.
        """
        self._store.tidy(number, checkpoints.keys, attempt=lease.attempt)
        sound, folder = self._sound(number, checkpoints)
        optimiser_steps = sound.resume[0].optimiser_steps if sound.resume else 0
        if sound != checkpoints:
            if not self._ledger.commit(
                lease, sound, optimiser_steps=optimiser_steps, detail="damaged checkpoints dropped"
            ):
                raise LeaseLost(f"trial {number} is another worker's")
            self._store.tidy(number, sound.keys, attempt=lease.attempt)
        return Restored(folder=folder, checkpoints=sound, optimiser_steps=optimiser_steps)

    def _sound(self, number: int, checkpoints: Checkpoints) -> tuple[Checkpoints, Path | None]:
        """Return the checkpoints that may be used, and the folder of the first of them."""
        if checkpoints.best is not None:
            best = self._fetch(number, checkpoints.best)
            if best is None:
                # The trial's best value belongs to weights that are lost: they have to be trained again.
                self._notice(f"trial {number}: its best weights are lost, it begins again")
                return Checkpoints(), None
            self._store.release(best)
        for place, ref in enumerate(checkpoints.resume):
            folder = self._fetch(number, ref)
            if folder is not None:
                return replace(checkpoints, resume=checkpoints.resume[place:]), folder
        return replace(checkpoints, resume=()), None

    def _fetch(self, number: int, ref: CheckpointRef) -> Path | None:
        try:
            folder, _ = self._store.fetch(ref.key, ref.sha256)
        except (CheckpointDamaged, CheckpointMissing) as error:
            self._notice(f"trial {number}: {error}")
            return None
        return folder

    def stage(self, lease: Lease, number: int, checkpoints: Checkpoints, *, size: int) -> Path:
        """Return an empty folder for the next checkpoint, once the older of two is gone.

        Args:
            lease: The lease of the trial.
            number: Its number.
            checkpoints: Its checkpoints.
            size: Bytes of the next one, as far as they are known.

        Raises:
            LeaseLost: Another worker has the trial, and may need the older one.
            CheckpointError: The store cannot be reached, or the study's limit leaves no room.
        """
        if checkpoints.resume[1:] and not self._ledger.holds(lease):
            raise LeaseLost(f"trial {number} is another worker's")
        for ref in checkpoints.resume[1:]:
            self._store.delete(ref.key)
        self._room.make(lease, replace(checkpoints, resume=checkpoints.resume[:1]).bytes + size)
        return self._store.stage(number, lease.attempt)

    def keep(
        self,
        lease: Lease,
        number: int,
        checkpoints: Checkpoints,
        *,
        staged: Path,
        optimiser_steps: int | None,
        best: Evaluation | None,
        refused: StagedBest | None,
        alone: bool = False,
    ) -> Kept:
        """Store the files that a trainer has staged, and point the trial to them.

        Args:
            lease: The lease of the trial.
            number: Its number.
            checkpoints: Its checkpoints before.
            staged: The folder of the files.
            optimiser_steps: Optimiser steps of the resume checkpoint; None where there is none.
            best: The evaluation of the best weights; None where there are none.
            refused: Best weights that the store has refused before.
            alone: Whether the resume checkpoint is to be the only one: a trial that is put aside takes less room.

        Raises:
            LeaseLost: Another worker has the trial; the new checkpoint is removed from the store again.
            CheckpointError: The staged files can be no checkpoint.
        """
        reach("staged")
        weights = refused if best is None else None
        folder = weights.folder if weights else staged / BEST
        evaluation = weights.evaluation if weights else best
        # Training of a user's own may save twice after the same optimiser step: the checkpoint that is there stays.
        if _has(checkpoints, lease, optimiser_steps):
            optimiser_steps = None
        # The files are known now: the estimate may have been too low.
        try:
            self._make_room(lease, checkpoints, staged)
        except CheckpointsFull as error:
            waits = None if evaluation is None else StagedBest(folder=folder, evaluation=evaluation)
            self._remove((), [staged] if waits is None or folder.parent != staged else ())
            return Kept(checkpoints=checkpoints, refused=waits, problem=str(error))
        # The older of two is gone since this was staged.
        new, made, kept, problem = replace(checkpoints, resume=checkpoints.resume[:1]), [], None, None
        if evaluation is not None and self._is_new_best(evaluation, checkpoints):
            try:
                ref = self._publish(folder, lease, number, "best", _best_step(evaluation, lease, checkpoints))
            except CheckpointsUnreachable as error:
                problem = str(error)
                kept = StagedBest(folder=folder, evaluation=evaluation)
            else:
                made.append(ref.key)
                new = replace(new, best=replace(ref, value=evaluation.value, step=evaluation.step))
        if optimiser_steps is not None and problem is None:
            try:
                ref = self._publish(staged / STEP, lease, number, "step", optimiser_steps)
            except CheckpointsUnreachable as error:
                problem = str(error)
            else:
                made.append(ref.key)
                new = replace(new, resume=(ref,) if alone else (ref, *checkpoints.resume[:1]))
        if optimiser_steps is None:
            optimiser_steps = evaluation.optimiser_steps if evaluation else 0
        detail = ", ".join(made)
        if made and not self._ledger.commit(lease, new, optimiser_steps=optimiser_steps, detail=detail):
            self._remove(made, [staged])
            raise LeaseLost(f"trial {number} is another worker's")
        over = [] if kept is not None and kept.folder.parent == staged else [staged]
        if refused is not None and kept is None:
            over.append(refused.folder.parent)
        self._remove(set(checkpoints.keys) - set(new.keys), over)
        return Kept(checkpoints=new, refused=kept, problem=problem)

    def _make_room(self, lease: Lease, checkpoints: Checkpoints, staged: Path) -> None:
        size = replace(checkpoints, resume=checkpoints.resume[:1]).bytes + _size(staged)
        try:
            self._room.make(lease, size)
        except LeaseLost:
            self._remove((), [staged])
            raise

    def _remove(self, keys: Iterable[str], folders: Iterable[Path]) -> None:
        """Remove checkpoints and folders; those that cannot be removed now are removed when the trial ends."""
        for key in keys:
            with contextlib.suppress(CheckpointError):
                self._store.delete(key)
        for folder in folders:
            with contextlib.suppress(CheckpointError):
                self._store.release(folder)

    def _is_new_best(self, evaluation: Evaluation, checkpoints: Checkpoints) -> bool:
        # A trial that goes on from further back meets its best evaluation again: its weights are there already.
        known = checkpoints.best.value if checkpoints.best else None
        return is_better(evaluation.value, known, self._direction)

    def _publish(
        self, folder: Path, lease: Lease, number: int, kind: Literal["step", "best"], optimiser_steps: int
    ) -> CheckpointRef:
        facts = {**self._facts, "trial": number, "attempt": lease.attempt, "step": optimiser_steps}
        published = self._store.publish(
            folder, trial=number, attempt=lease.attempt, kind=kind, optimiser_steps=optimiser_steps, facts=facts
        )
        return CheckpointRef(
            key=published.key, sha256=published.sha256, bytes=published.bytes, optimiser_steps=optimiser_steps
        )

    def forget(self, lease: Lease, number: int, keys: Iterable[str]) -> None:
        """Remove the checkpoints of a trial that is put aside without them."""
        self._remove(keys, ())
        self._room.hold(number, 0, attempt=lease.attempt)

    def remove_trial(self, number: int) -> None:
        """Remove all files of a trial that is over."""
        self._store.remove_trial(number)
        self._room.hold(number, 0, attempt=_ANY)

    def give_back(self, *folders: Path) -> None:
        """Remove folders that were staged or fetched and are not needed any more."""
        for folder in folders:
            self._store.release(folder)

    def end(self, number: int, checkpoints: Checkpoints, *, complete: bool) -> None:
        """Remove the files of a trial that is over; if its weights stay, those of the trial that they displace."""
        best = checkpoints.best
        if complete and best is not None:
            self.keep_best()
        else:
            self.remove_trial(number)

    def keep_best(self) -> None:
        """Remove from the store the files of trials that are over, except the weights that are to stay."""
        # In this order: the weights of a trial that ends in between are left alone, or they would be no best trial's.
        stored = self._store.trials()
        over = {slot.trial_number: slot for slot in self._ledger.finished_slots(stored)}
        wanted = set(self._best_trials.numbers())
        self._room.hold_only(stored)
        for number in stored:
            slot = over.get(number)
            if slot is None:
                continue  # it is being trained, or waits
            if needed := needed_keys(slot, wanted):
                self._store.tidy(number, needed)
                size = sum(ref.bytes for ref in slot.checkpoints.refs if ref.key in needed)
                self._room.hold(number, size, attempt=_ANY)
            else:
                self.remove_trial(number)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _has(checkpoints: Checkpoints, lease: Lease, optimiser_steps: int | None) -> bool:
    """Return whether the newest checkpoint to go on from is of this attempt and step."""
    return any(
        ref.optimiser_steps == optimiser_steps and f"/attempt-{lease.attempt}/" in ref.key
        for ref in checkpoints.resume[:1]
    )


def _best_step(evaluation: Evaluation, lease: Lease, checkpoints: Checkpoints) -> int:
    """Return the number of a best checkpoint: its steps, or the next one where training does not count them.

    The checkpoint that the database points to is never overwritten: a crash before the pointer moves would lose it.
    """
    steps, best = evaluation.optimiser_steps, checkpoints.best
    taken = best is not None and best.optimiser_steps == steps and f"/attempt-{lease.attempt}/" in best.key
    return steps + 1 if taken else steps
