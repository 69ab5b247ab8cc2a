"""Stopping a study: no trial of it goes on anywhere, and none is left half-way."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optuna.trial import TrialState

from storage import LEASE_S, REASON_ATTR, CheckpointError, LeaseLost, Slots, Studies, fenced, new_owner

if TYPE_CHECKING:
    from storage import CheckpointStore, Database, Lease, SlotRecord, StudyRecord

#: Why the trials of a stopped study failed.
REASON = "the study was stopped"
#: Seconds between two looks at the workers that are to end their trials.
_LOOK_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """What came of stopping a study."""

    #: Trials that were ended, here or by their workers.
    ended: int
    #: Owners of trials that had not ended when time was up.
    waiting: tuple[str, ...]


def stop(database: Database, study: StudyRecord, store: CheckpointStore, *, wait_s: float) -> Stopped:
    """Stop a study: running trials are ended by their workers, interrupted ones here. Its best weights stay.

    Args:
        database: Where the study is.
        study: The study.
        store: Its checkpoints.
        wait_s: Seconds to wait for the workers.
    """
    Studies(database).set_state(study.id, "stopped")
    slots = Slots(database, study.id)
    begun = sum(slot.state not in ("finished", "empty") for slot in slots.all())
    owner, deadline = new_owner(), time.monotonic() + wait_s
    while True:
        slots.expire_gone()
        while (claimed := slots.claim(owner, LEASE_S, states=("stopped",), empty=False)) is not None:
            _fail(database, store, slots, *claimed)
        running = [slot for slot in slots.all() if slot.state == "running"]
        if not running or time.monotonic() >= deadline:
            break
        time.sleep(_LOOK_S)
    waiting = tuple(sorted({slot.owner for slot in running if slot.owner}))
    return Stopped(ended=begun - len(running), waiting=waiting)


def _fail(database: Database, store: CheckpointStore, slots: Slots, lease: Lease, slot: SlotRecord) -> None:
    """End the trial of a slot that nobody trains."""
    if slot.trial_id is None:
        slots.release(lease, state="empty", reason=REASON)
        return
    storage = database.optuna_storage
    try:
        if not storage.get_trial(slot.trial_id).state.is_finished():
            with fenced(lease):
                storage.set_trial_user_attr(slot.trial_id, REASON_ATTR, REASON)
            with fenced(lease, ending=True, values={"detail": f"failed: {REASON}"}):
                storage.set_trial_state_values(slot.trial_id, state=TrialState.FAIL)
        slots.finish(lease)
        assert slot.trial_number is not None
        store.remove_trial(slot.trial_number)
    except (LeaseLost, CheckpointError):
        return  # somebody else ends it; or `tuner gc` removes what it has left
