"""Garbage: what the store holds that no trial needs any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import History, Slots

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
        Keys of checkpoints, and `trial-N` for all that a trial has.

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
        if slot is not None and slot.held:
            continue  # its worker tidies up itself, and may be writing
        needed = _needed(slot, number in best)
        found = store.keys(number)
        removed += [key for key in found if key not in needed] if needed else found or [f"trial-{number:05d}"]
        if dry_run:
            continue
        if needed:
            store.tidy(number, needed)
        else:
            store.remove_trial(number)
    return removed


def _needed(slot: SlotRecord | None, among_best: bool) -> tuple[str, ...]:
    if slot is None:
        return ()
    if slot.state != "finished":
        return slot.checkpoints.keys
    return (slot.checkpoints.best.key,) if among_best and slot.checkpoints.best else ()
