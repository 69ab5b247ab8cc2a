"""The budget: N trials are N rows, so however often a command is repeated, N trials are exactly N.

Each change is one UPDATE that names the state it expects, so that of two that race exactly one succeeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from storage import tables
from storage.records import SlotRecord

if TYPE_CHECKING:
    from storage.database import Database

_slots = tables.slots.c


class Slots:
    """The slots of one study."""

    def __init__(self, database: Database, study_id: int) -> None:
        self._database = database
        self._study_id = study_id

    def resize(self, total: int, connection: sa.Connection) -> None:
        """Make the budget `total` trials; a trial that was begun keeps its slot, whatever the budget says."""
        rows = connection.execute(sa.select(_slots.slot, _slots.state).where(self._mine)).all()
        states = {row.slot: row.state for row in rows}
        fresh = [slot for slot in range(total) if slot not in states]
        for slot in fresh[: max(0, total - len(states))]:
            connection.execute(
                tables.slots.insert().values(
                    study_id=self._study_id, slot=slot, state="empty", attempt=0, crashes=0, device_s=0.0
                )
            )
        empty = sorted((slot for slot, state in states.items() if state == "empty"), reverse=True)
        for slot in empty[: max(0, len(states) - total)]:
            connection.execute(tables.slots.delete().where(self._mine, _slots.slot == slot, _slots.state == "empty"))

    def claim(self, owner: str) -> SlotRecord | None:
        """Take a slot: one whose trial is interrupted before an empty one.

        Returns:
            The slot, now running, or None where there is no more to do.
        """
        wanted = (
            sa.select(_slots.slot)
            .where(self._mine, _slots.state.in_(("interrupted", "empty")))
            .order_by(sa.case((_slots.state == "interrupted", 0), else_=1), _slots.slot)
            .limit(1)
        )
        query = (
            tables.slots.update()
            .where(
                self._mine,
                _slots.slot == wanted.scalar_subquery(),
                _slots.state.in_(("interrupted", "empty")),
            )
            .values(state="running", owner=owner, attempt=_slots.attempt + 1)
            .returning(tables.slots)
        )
        with self._database.write() as connection:
            row = connection.execute(query).first()
        return None if row is None else _record(row)

    def assign(self, slot: int, owner: str, trial_id: int, trial_number: int) -> bool:
        """Write the trial into a slot that its owner holds; return whether it still does."""
        return self._update(slot, owner, trial_id=trial_id, trial_number=trial_number)

    def finish(self, slot: int, owner: str, device_s: float) -> bool:
        """End a slot for good, once its trial is told; return whether its owner still held it."""
        return self._update(slot, owner, state="finished", owner=None, device_s=_slots.device_s + device_s)

    def release(self, slot: int, owner: str, *, reason: str, device_s: float, crashed: bool) -> bool:
        """Give a slot back with its trial unfinished; return whether its owner still held it."""
        return self._update(
            slot,
            owner,
            state=sa.case((_slots.trial_id.is_(None), "empty"), else_="interrupted"),
            owner=None,
            reason=reason,
            device_s=_slots.device_s + device_s,
            crashes=_slots.crashes + int(crashed),
        )

    def interrupt_abandoned(self) -> int:
        """Give back every slot that a dead supervisor held; only the holder of the study's lock may call this."""
        query = (
            tables.slots.update()
            .where(self._mine, _slots.state == "running")
            .values(
                state=sa.case((_slots.trial_id.is_(None), "empty"), else_="interrupted"),
                owner=None,
                reason="its supervisor ended without a word",
            )
        )
        with self._database.write() as connection:
            return connection.execute(query).rowcount

    def all(self, connection: sa.Connection | None = None) -> list[SlotRecord]:
        """Return the slots in order, as a connection sees them or as they are now."""
        query = sa.select(tables.slots).where(self._mine).order_by(_slots.slot)
        if connection is not None:
            return [_record(row) for row in connection.execute(query)]
        with self._database.read() as fresh:
            return [_record(row) for row in fresh.execute(query)]

    @property
    def _mine(self) -> sa.ColumnElement[bool]:
        return _slots.study_id == self._study_id

    def _update(self, slot: int, holder: str, **values: object) -> bool:
        query = (
            tables.slots.update()
            .where(self._mine, _slots.slot == slot, _slots.owner == holder, _slots.state == "running")
            .values(**values)
        )
        with self._database.write() as connection:
            return connection.execute(query).rowcount == 1


def _record(row: sa.Row[tuple[object, ...]]) -> SlotRecord:
    return SlotRecord(
        slot=row.slot,
        state=row.state,
        trial_id=row.trial_id,
        trial_number=row.trial_number,
        owner=row.owner,
        attempt=row.attempt,
        crashes=row.crashes,
        device_s=row.device_s,
        reason=row.reason,
    )
