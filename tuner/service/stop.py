"""Stopping a study: every trial that has begun is ended, on all machines."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import LEASE_S, CheckpointError, LeaseLost, Shelves, Slots, SlotState, Studies, StudyState, new_owner
from tuner.search.optuna_trials import fail_in_slot

if TYPE_CHECKING:
    from storage import CheckpointStore, Database, Lease, SlotRecord, StudyRecord

#: Why the trials of a stopped study failed.
REASON = "the study was stopped"
#: Seconds between two checks whether the workers have ended their trials.
_POLL_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """The result of stopping a study."""

    #: Number of trials that were ended, by this process or by their workers.
    ended: int
    #: Owners of trials that were still running when `wait_s` was over.
    waiting: tuple[str, ...]


def stop(database: Database, study: StudyRecord, store: CheckpointStore, *, wait_s: float) -> Stopped:
    """Stop a study. Workers end their running trials; this process ends the others. The best weights stay.

    Args:
        database: The database that holds the study.
        study: The study.
        store: Its checkpoints.
        wait_s: Seconds to wait for the workers.
    """
    Studies(database).set_state(study.id, StudyState.STOPPED)
    slots, shelves = Slots(database, study.id), Shelves(database, study.id)
    begun = len(_unended(slots))
    owner, deadline = new_owner(), time.monotonic() + wait_s
    while True:
        slots.expire_gone()
        while (claimed := slots.claim(owner, LEASE_S, states=(StudyState.STOPPED,), empty=False)) is not None:
            _fail(database, store, slots, *claimed)
        for slot in slots.shelved():
            if (lease := shelves.claim(owner, LEASE_S, slot)) is not None:
                _fail(database, store, slots, lease, slot)
        # Beside those that run there may be one that another supervisor has promoted since the look above.
        left = _unended(slots)
        if not left or time.monotonic() >= deadline:
            break
        time.sleep(_POLL_S)
    waiting = tuple(sorted({slot.owner for slot in left if slot.owner}))
    return Stopped(ended=begun - len(left), waiting=waiting)


def _unended(slots: Slots) -> list[SlotRecord]:
    """Return the slots whose trials have begun and are not over."""
    return [slot for slot in slots.all() if slot.state not in (SlotState.FINISHED, SlotState.EMPTY)]


def _fail(database: Database, store: CheckpointStore, slots: Slots, lease: Lease, slot: SlotRecord) -> None:
    """End the trial of a slot that this process has claimed, as failed."""
    if slot.trial_id is None:
        slots.release(lease, state=SlotState.INTERRUPTED, reason=REASON)  # without a trial it is empty again
        return
    try:
        fail_in_slot(database, lease, slot.trial_id, REASON)
        assert slot.trial_number is not None
        store.remove_trial(slot.trial_number)
    except (LeaseLost, CheckpointError):
        return  # lost lease: its new owner ends the trial; store error: `tuner gc` removes the checkpoints
