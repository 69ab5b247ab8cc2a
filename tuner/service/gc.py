"""Garbage collection: removes checkpoints that no trial needs from a study's store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import Slots
from tuner.study.chosen import kept_numbers
from tuner.study.retention import last_collectable_attempt, needed_keys

if TYPE_CHECKING:
    from storage import CheckpointStore, Database, StudyRecord


def collect(database: Database, study: StudyRecord, store: CheckpointStore, *, dry_run: bool = False) -> list[str]:
    """Remove checkpoints that no trial needs and no worker may be writing.

    Args:
        database: The database that holds the study.
        study: The study.
        store: Its checkpoints.
        dry_run: Remove nothing; only return the checkpoints that would be removed.

    Returns:
        The removed checkpoints, complete or partial, as paths below the study's root.

    Raises:
        CheckpointError: The store cannot be reached.
    """
    # List the store before reading the slots: a trial whose first checkpoint is written in between is not looked at.
    numbers = store.trials()
    slots = {slot.trial_number: slot for slot in Slots(database, study.id).all()}
    kept = kept_numbers(database, study)
    removed: list[str] = []
    for number in numbers:
        slot = slots.get(number)
        removed += store.tidy(number, needed_keys(slot, kept), attempt=last_collectable_attempt(slot), dry_run=dry_run)
    return removed
