"""Shelves: trials that are put aside at a rung of their schedule, and are promoted or ended later.

A trial at a rung is judged by the values of all trials at that rung. Until these are known, its slot is SHELVED: no
worker may claim it. `target` is the percent of its schedule up to which a trial may train. A promotion raises it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from storage import tables
from storage.assignments import assigned
from storage.clock import now_s
from storage.errors import LeaseLost
from storage.fencing import held, seconds_since_seen, write_event
from storage.history import read_number
from storage.records import Checkpoints, Lease, SlotRecord
from storage.slot_reader import SlotReader
from storage.states import SETTLED, EventKind, SlotState

if TYPE_CHECKING:
    from storage.database import Database

_slots = tables.slots.c


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A trial as a decision about its study sees it."""

    slot: SlotRecord
    #: By percent of its schedule, the value that it reported there.
    values: dict[int, float]


class Shelves:
    """Shelves the trials of one study, and claims shelved trials to end them."""

    def __init__(self, database: Database, study_id: int) -> None:
        self._database = database
        self._study_id = study_id
        self._reader = SlotReader(database, study_id)

    def standings(self, rungs: Sequence[int]) -> list[Standing]:
        """Return all slots with the values of their trials at rungs, by slot.

        Args:
            rungs: Percents of a schedule.
        """
        values = sa.text(
            "SELECT i.trial_id, i.step, i.intermediate_value AS v, i.intermediate_value_type AS kind "
            "FROM trial_intermediate_values i JOIN trials t USING (trial_id) "
            "WHERE t.study_id = :study AND i.step IN :rungs"
        ).bindparams(sa.bindparam("rungs", expanding=True))
        with self._database.read() as connection:
            slots = self._reader.all(connection)
            found: dict[int, dict[int, float]] = {}
            rows = connection.execute(values, {"study": self._study_id, "rungs": list(rungs)})
            for trial_id, step, value, kind in rows:
                of_trial = found.get(trial_id)
                if of_trial is None:
                    of_trial = found[trial_id] = {}
                of_trial[step] = value if kind == "FINITE" and value is not None else read_number(value, kind)
        return [Standing(slot=slot, values=found.get(slot.trial_id or -1, {})) for slot in slots]

    def begin(self, lease: Lease, *, first_rung: int, target: int, arm: str | None = None) -> int | None:
        """Say where a trial may first be shelved and how far it may train, unless that is said already.

        Args:
            lease: The lease of the trial.
            first_rung: The percent of its schedule before which it may not be shelved.
            target: The percent up to which it may train.
            arm: Of a search over depths, the arm of the trial as it was drawn.

        Returns:
            The percent up to which the trial may train now; None where the lease is lost.
        """
        with self._database.write() as connection:
            query = (
                tables.slots.update()
                .where(held(lease), _slots.target.is_(None))
                .values(first_rung=first_rung, target=target, arm=arm)
            )
            connection.execute(query)
            return connection.execute(sa.select(_slots.target).where(held(lease))).scalar()

    def target(self, lease: Lease) -> int | None:
        """Return the percent up to which a trial may train now; None where the lease is lost or nothing is said."""
        with self._database.read() as connection:
            return connection.execute(sa.select(_slots.target).where(held(lease))).scalar()

    def shelve(self, lease: Lease, rung: int, *, reason: str, keeps: bool = True) -> SlotState | None:
        """Give a slot back with its trial at a rung. It is safe to repeat, where an outage hid that it was done.

        Args:
            lease: The lease to end.
            rung: The percent of its schedule that the trial has reached.
            reason: For people: its value, and whether its checkpoint is kept.
            keeps: Whether its checkpoints stay. Otherwise it trains from the beginning if it is promoted.

        Returns:
            The slot's state: SHELVED, or INTERRUPTED where the trial was promoted meanwhile, so that any worker may go
            on with it. None where the lease is lost; then nothing is written.
        """
        promoted = _slots.target > rung
        values: dict[str, Any] = {
            "state": sa.case((promoted, SlotState.INTERRUPTED.value), else_=SlotState.SHELVED.value),
            "owner": None,
            "expires": None,
            "reason": reason,
            "device_s": _slots.device_s + seconds_since_seen(),
            "device_seen": None,
            "reserved_bytes": 0,
        }
        if not keeps:
            values |= {"checkpoint": Checkpoints().to_dict()}  # their bytes count until the files are gone
        with self._database.write() as connection:
            number = connection.execute(sa.select(_slots.trial_number).where(held(lease))).scalar()
            query = tables.slots.update().where(held(lease)).ordered_values(*assigned(tables.slots, values))
            is_done = connection.execute(query).rowcount == 1
            mine = (_slots.study_id == self._study_id, _slots.slot == lease.slot, _slots.attempt == lease.attempt)
            state: str | None = connection.execute(sa.select(_slots.state).where(*mine, _is_aside(rung))).scalar()
            if is_done:
                event = {"trial_number": number, "step": rung, "detail": reason}
                write_event(connection, lease, EventKind.SHELVED, event)
        return None if state is None else SlotState(state)

    def claim(self, owner: str, lease_s: float, slot: SlotRecord) -> Lease | None:
        """Claim a shelved trial, to end it. It is safe to repeat, where an outage hid that it was claimed.

        Args:
            owner: The supervisor that claims it.
            lease_s: Seconds after which another supervisor may take it over.
            slot: Its slot, as it was read.

        Returns:
            The lease; None if the slot has changed since it was read.
        """
        lease = Lease(study_id=self._study_id, slot=slot.slot, owner=owner, attempt=slot.attempt + 1)
        unchanged = _still_shelved(self._study_id, slot)
        values = {
            "state": SlotState.RUNNING,
            "owner": owner,
            "attempt": lease.attempt,
            "expires": now_s() + lease_s,
            "device_seen": None,
        }
        with self._database.write() as connection:
            if connection.execute(tables.slots.update().where(unchanged).values(values)).rowcount != 1:
                is_mine = connection.execute(sa.select(_slots.slot).where(held(lease))).first() is not None
                return lease if is_mine else None
            told = {"trial_number": slot.trial_number, "detail": "to end it"}
            write_event(connection, lease, EventKind.CLAIMED, told)
        return lease

    def drop_checkpoints(self, slot: SlotRecord, *, reason: str) -> bool:
        """Forget the checkpoints of a shelved trial, which trains from the beginning if it is promoted.

        Their bytes count until `hold` says that the files are gone.

        Args:
            slot: Its slot, as it was read.
            reason: Why, for people.

        Returns:
            Whether they are forgotten; False if the slot has changed since it was read.
        """
        unchanged = _still_shelved(self._study_id, slot)
        values = {"checkpoint": Checkpoints().to_dict(), "reason": reason}
        lease = Lease(study_id=self._study_id, slot=slot.slot, owner="", attempt=slot.attempt)
        with self._database.write() as connection:
            if connection.execute(tables.slots.update().where(unchanged).values(values)).rowcount != 1:
                return False
            told = {"trial_number": slot.trial_number, "detail": reason}
            write_event(connection, lease, EventKind.CHECKPOINT, told)
        return True

    def hold(self, trial_number: int, size: int, *, attempt: int) -> None:
        """Say how many bytes of a trial are left in the store, once files of it are removed.

        Args:
            trial_number: The trial. Nothing is written if a worker holds it.
            size: Bytes of the files that are left.
            attempt: The last attempt that the caller knows of. A later one says itself how much it has stored.
        """
        settled = (_slots.state.in_(SETTLED), _slots.attempt <= attempt, _slots.stored_bytes != size)
        mine = (_slots.study_id == self._study_id, _slots.trial_number == trial_number)
        with self._database.write() as connection:
            connection.execute(tables.slots.update().where(*mine, *settled).values(stored_bytes=size))

    def hold_only(self, trial_numbers: Collection[int]) -> None:
        """Say that no trial that is over has files in the store, besides these."""
        over = (_slots.study_id == self._study_id, _slots.state == SlotState.FINISHED, _slots.stored_bytes > 0)
        others = _slots.trial_number.not_in(sorted(trial_numbers))
        with self._database.write() as connection:
            connection.execute(tables.slots.update().where(*over, others).values(stored_bytes=0))

    def reserve(self, lease: Lease, size: int, limit: int) -> bool:
        """Reserve room for the checkpoints of a trial that are about to be written.

        Args:
            lease: The lease of the trial.
            size: Bytes of all its checkpoints once they are written.
            limit: Most bytes of the checkpoints of all trials of the study together.

        Returns:
            Whether there is room. The reservation ends with the lease.

        Raises:
            LeaseLost: Another worker has the trial.
        """
        studies = tables.studies.c
        with self._database.write() as connection:
            # Of two transactions that reserve at once, the second waits here and then sees the first reservation.
            lock = sa.select(studies.study_id).where(studies.study_id == self._study_id).with_for_update()
            connection.execute(lock)
            if connection.execute(sa.select(_slots.slot).where(held(lease)).with_for_update()).first() is None:
                raise LeaseLost(f"slot {lease.slot} is another worker's")
            others = (_slots.study_id == self._study_id, _slots.slot != lease.slot)
            taken = sa.select(sa.func.coalesce(sa.func.sum(_stored_or_reserved()), 0)).where(*others)
            if int(connection.execute(taken).scalar_one()) + size > limit:
                return False
            connection.execute(tables.slots.update().where(held(lease)).values({"reserved_bytes": size}))
            return True


def _still_shelved(study_id: int, slot: SlotRecord) -> sa.ColumnElement[bool]:
    """Return the condition that a slot is shelved, and has not been claimed since it was read."""
    same = (_slots.study_id == study_id, _slots.slot == slot.slot, _slots.attempt == slot.attempt)
    return sa.and_(*same, _slots.state == SlotState.SHELVED)


def _is_aside(rung: int) -> sa.ColumnElement[bool]:
    """Return the condition of a slot whose trial was put aside at a rung, and is there or was promoted since."""
    promoted = sa.and_(_slots.state == SlotState.INTERRUPTED, _slots.target > rung)
    return sa.or_(_slots.state == SlotState.SHELVED, promoted)


def _stored_or_reserved() -> sa.ColumnElement[int]:
    return sa.case((_slots.reserved_bytes > _slots.stored_bytes, _slots.reserved_bytes), else_=_slots.stored_bytes)
