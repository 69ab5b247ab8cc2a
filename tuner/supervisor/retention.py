"""Retention: which checkpoints of a trial the store has to keep.

An unfinished trial needs every checkpoint that its slot points to. A finished trial is never resumed. It needs only
its best weights, and these only while it is one of the study's `keep` best complete trials.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from storage import SlotState

if TYPE_CHECKING:
    from storage import SlotRecord


def needed_keys(slot: SlotRecord | None, best: Collection[int]) -> tuple[str, ...]:
    """Return the keys of a trial's checkpoints that must stay in the store.

    Args:
        slot: The trial's slot. None for a trial that has no slot in the study; it needs nothing.
        best: Numbers of the study's `keep` best complete trials.
    """
    if slot is None:
        return ()
    if slot.state != SlotState.FINISHED:
        return slot.checkpoints.keys
    weights = slot.checkpoints.best
    return (weights.key,) if slot.trial_number in best and weights is not None else ()


def last_collectable_attempt(slot: SlotRecord | None) -> int | None:
    """Return the last attempt of a trial whose unneeded checkpoints may be removed; None where every attempt's may.

    The slot may have been claimed since it was read, and the new attempt may be writing: its checkpoints have no
    pointer yet. A running attempt may write too, even where its lease has expired because its worker was suspended.
    """
    if slot is None or slot.state == SlotState.FINISHED:
        return None
    return slot.attempt - 1 if slot.state == SlotState.RUNNING else slot.attempt
