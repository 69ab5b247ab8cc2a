"""Reads slots: single rows, the rows of a study, and totals over them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from storage import tables
from storage.clock import now_s
from storage.errors import DatabaseUnreadable
from storage.fencing import seconds_since_seen
from storage.owners import is_gone
from storage.records import Checkpoints, Lease, SlotRecord, SlotTotals
from storage.states import SETTLED, EventKind, SlotState

if TYPE_CHECKING:
    from storage.database import Database

_slots = tables.slots.c


class SlotReader:
    """Reads the slots of one study. Changes nothing."""

    def __init__(self, database: Database, study_id: int) -> None:
        self._database = database
        self._study_id = study_id

    def find(self, lease: Lease) -> SlotRecord | None:
        """Return the slot that a lease names, even if another owner holds it now; None if the slot was deleted."""
        with self._database.read() as connection:
            return self._row(lease, connection)

    def all(self, connection: sa.Connection | None = None, *, trial: int | None = None) -> list[SlotRecord]:
        """Return the study's slots, sorted by slot number.

        Args:
            connection: Connection in whose transaction to read; None opens a transaction of its own.
            trial: Return only the slot of the trial with this number; None returns those of every trial.
        """
        query = _records().where(self._mine).order_by(_slots.slot)
        if trial is not None:
            query = query.where(_slots.trial_number == trial)
        if connection is not None:
            return [_record(row) for row in connection.execute(query)]
        with self._database.read() as fresh:
            return [_record(row) for row in fresh.execute(query)]

    def begun(self, connection: sa.Connection) -> list[SlotRecord]:
        """Return the slots with an unfinished trial, read within the transaction of a connection."""
        query = _records().where(self._mine, _slots.state != SlotState.FINISHED, _slots.trial_id.is_not(None))
        return [_record(row) for row in connection.execute(query)]

    def over(self, trials: Collection[int]) -> list[SlotRecord]:
        """Return the finished slots among those of the trials with these numbers."""
        query = _records().where(
            self._mine, _slots.state == SlotState.FINISHED, _slots.trial_number.in_(sorted(trials))
        )
        with self._database.read() as connection:
            return [_record(row) for row in connection.execute(query)]

    def totals(self) -> SlotTotals:
        """Return the counts of all slots and of finished ones, and the device seconds counted so far."""
        finished = sa.func.sum(sa.case((_slots.state == SlotState.FINISHED, 1), else_=0))
        query = sa.select(
            sa.func.count().label("slots"), finished.label("finished"), sa.func.sum(_slots.device_s).label("s")
        )
        with self._database.read() as connection:
            row = connection.execute(query.where(self._mine)).one()
        return SlotTotals(slots=row.slots, finished=int(row.finished or 0), device_s=float(row.s or 0.0))

    def device_seconds(self) -> float:
        """Return the device seconds of all trials, with those of running trials counted up to now."""
        # For a slot whose lease has expired only the counted seconds are known.
        running = sa.case((held_now(), seconds_since_seen()), else_=0.0)
        query = sa.select(sa.func.coalesce(sa.func.sum(_slots.device_s + running), 0.0)).where(self._mine)
        with self._database.read() as connection:
            return float(connection.execute(query).scalar_one())

    def unfinished(self) -> int:
        """Return how many slots the study waits for: their trials have not begun, run, or are to be gone on with."""
        query = sa.select(sa.func.count()).select_from(tables.slots).where(self._mine, _slots.state.not_in(SETTLED))
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def shelved(self) -> list[SlotRecord]:
        """Return the slots whose trials are put aside."""
        query = _records().where(self._mine, _slots.state == SlotState.SHELVED)
        with self._database.read() as connection:
            return [_record(row) for row in connection.execute(query)]

    def orphans(self) -> list[tuple[int, int]]:
        """Return Optuna's id and number of each RUNNING trial that no slot has, by number.

        Other programs make such trials, for example with `study.ask()`.
        """
        query = sa.text(
            "SELECT t.trial_id, t.number FROM trials t WHERE t.study_id = :study AND t.state = 'RUNNING' AND NOT EXISTS"
            " (SELECT 1 FROM tuner_slots s WHERE s.study_id = t.study_id AND s.trial_id = t.trial_id) ORDER BY t.number"
        )
        with self._database.read() as connection:
            return [(row.trial_id, row.number) for row in connection.execute(query, {"study": self._study_id})]

    def reclaim(self, owner: str, held: Collection[Lease]) -> tuple[Lease, SlotRecord] | None:
        """Return a slot that the owner holds in the database but not in `held`; None if there is none.

        This happens if the database commits a claim and the connection breaks before the owner reads the answer.
        """
        known = {(lease.slot, lease.attempt) for lease in held}
        for slot in self.all():
            if (slot.state, slot.owner) == (SlotState.RUNNING, owner) and (slot.slot, slot.attempt) not in known:
                return Lease(study_id=self._study_id, slot=slot.slot, owner=owner, attempt=slot.attempt), slot
        return None

    def decisions(self, lease: Lease) -> list[str]:
        """Return why the trial of a slot began, and why it went on from its rungs, in order."""
        query = (
            sa.select(tables.events.c.detail)
            .where(
                tables.events.c.study_id == self._study_id,
                tables.events.c.slot == lease.slot,
                tables.events.c.kind.in_((EventKind.DECIDED, EventKind.PROMOTED, EventKind.SHELVED)),
            )
            .order_by(tables.events.c.id)
        )
        with self._database.read() as connection:
            return [each for each in connection.execute(query).scalars() if each]

    @property
    def _mine(self) -> sa.ColumnElement[bool]:
        return _slots.study_id == self._study_id

    def _row(self, lease: Lease, connection: sa.Connection, *, lock: bool = False) -> SlotRecord | None:
        query = _records().where(self._mine, _slots.slot == lease.slot)
        row = connection.execute(query.with_for_update() if lock else query).first()
        return None if row is None else _record(row)


def held_now() -> sa.ColumnElement[bool]:
    """Return the SQL condition that a slot is running and its lease has not expired."""
    return sa.and_(_slots.state == SlotState.RUNNING, _slots.expires >= now_s())


def _records() -> sa.Select[Any]:
    return sa.select(tables.slots, held_now().label("held"))


def _record(row: sa.Row[Any]) -> SlotRecord:
    return SlotRecord(
        slot=row.slot,
        state=_state(row),
        trial_id=row.trial_id,
        trial_number=row.trial_number,
        owner=row.owner,
        attempt=row.attempt,
        held=bool(row.held) and not is_gone(row.owner),
        crashes=row.crashes,
        device_s=row.device_s,
        checkpoints=Checkpoints.from_dict(row.checkpoint),
        reason=row.reason,
        first_rung=row.first_rung,
        target=row.target,
        arm=row.arm,
        stored_bytes=row.stored_bytes,
    )


def _state(row: sa.Row[Any]) -> SlotState:
    try:
        return SlotState(row.state)
    except ValueError as error:
        raise DatabaseUnreadable(
            f"slot {row.slot} of study {row.study_id} is in a state that this version of tuner does not know: "
            f"{row.state!r}; has another program written there?"
        ) from error
