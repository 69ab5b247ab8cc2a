"""Retention: which checkpoints of a trial the store has to keep.

An unfinished trial needs every checkpoint that its slot points to. A finished trial is never resumed. It needs only
its best weights, and these only while it is one of the study's `keep` best complete trials. The weights of trial 0
stay whichever trials are the best: trial 0 is the published recipe, and without its weights the best trial could not be
compared with it on other rows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from storage import SlotState

if TYPE_CHECKING:
    from storage import SlotRecord


#: Number of the trial whose weights stay besides those of the best ones.
FIRST_TRIAL = 0


def kept_trials(
    ranking: Sequence[tuple[int, float]], keep: int, *, others: Collection[int], twins: Collection[int]
) -> list[int]:
    """Return the numbers of the trials whose weights stay: the best ones, then trial 0 and others that stay.

    Args:
        ranking: Number and value of each complete trial, best first.
        keep: How many of the best trials keep their weights.
        others: Numbers of other trials whose weights stay: those for which the test split was opened, as the verdict is
            about their weights, and the leaders of a study that is to be confirmed.
        twins: Numbers of trials that have taken over the values of another one, and have no weights.
    """
    numbers = [number for number, _ in ranking if number not in twins]
    best = numbers[:keep]
    return [*best, *(number for number in sorted({FIRST_TRIAL, *others}) if number in numbers and number not in best)]


def needed_keys(slot: SlotRecord | None, kept: Collection[int]) -> tuple[str, ...]:
    """Return the keys of a trial's checkpoints that must stay in the store.

    Args:
        slot: The trial's slot. None for a trial that has no slot in the study; it needs nothing.
        kept: Numbers of the complete trials whose weights stay; see `kept_trials`.
    """
    if slot is None:
        return ()
    if slot.state != SlotState.FINISHED:
        return slot.checkpoints.keys
    weights = slot.checkpoints.best
    return (weights.key,) if slot.trial_number in kept and weights is not None else ()


def last_collectable_attempt(slot: SlotRecord | None) -> int | None:
    """Return the last attempt of a trial whose unneeded checkpoints may be removed; None where every attempt's may.

    The slot may have been claimed since it was read, and the new attempt may be writing: its checkpoints have no
    pointer yet. A running attempt may write too, even where its lease has expired because its worker was suspended.
    """
    if slot is None or slot.state == SlotState.FINISHED:
        return None
    return slot.attempt - 1 if slot.state == SlotState.RUNNING else slot.attempt
