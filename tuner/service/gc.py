"""Garbage: what the store holds that no trial needs any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import History, Slots, SlotState

if TYPE_CHECKING:
    from storage import CheckpointStore, Database, SlotRecord, StudyRecord


def collect(database: Database, study: StudyRecord, store: CheckpointStore, *, dry_run: bool = False) -> list[str]:
    """Remove what no pointer names and no worker is writing.

    Args:
        database: Where the study is.
        study: The study.
        store: Its checkpoints.
        dry_run: Only return what would go.

    Returns:
        Checkpoints, whole or not, by paths below the study's root.

    Raises:
        CheckpointError: The store cannot be reached.
    """
    # The store first: what a worker begins to write after this is not looked at.
    numbers = store.trials()
    slots = {slot.trial_number: slot for slot in Slots(database, study.id).all()}
    best = {number for number, _ in History(database, study).top(int(study.config["keep"]))}
    removed: list[str] = []
    for number in numbers:
        slot = slots.get(number)
        removed += store.tidy(number, _needed(slot, number in best), attempt=_last_attempt(slot), dry_run=dry_run)
    return removed


def _needed(slot: SlotRecord | None, among_best: bool) -> tuple[str, ...]:
    if slot is None:
        return ()
    if slot.state != SlotState.FINISHED:
        return slot.checkpoints.keys
    return (slot.checkpoints.best.key,) if among_best and slot.checkpoints.best else ()


def _last_attempt(slot: SlotRecord | None) -> int | None:
    """Return the last attempt at a trial whose litter may go, as a later one may be writing by now; None is all."""
    if slot is None or slot.state == SlotState.FINISHED:
        return None
    # Whoever has it may still write, even after a silence that was longer than its lease.
    return slot.attempt - 1 if slot.state == SlotState.RUNNING else slot.attempt
