"""The budget: N trials are N rows, so however often a command is repeated, N trials are exactly N.

A slot is the lease of the trial in it. Each change is one UPDATE that names the state it expects, on the database's
clock, so that of two that race exactly one succeeds; and each is written down in the event log by the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from storage import tables
from storage.assignments import assigned
from storage.clock import now_s
from storage.fencing import finished_values, held, seconds_since_seen, write_event
from storage.owners import is_gone
from storage.records import Checkpoints, Lease, SlotRecord
from storage.slot_reader import SlotReader, held_now
from storage.states import CLAIMABLE, EventKind, SlotState, StudyState

#: Seconds for which a slot is held without a sign of life from its owner.
LEASE_S = 60.0
#: Seconds between two signs of life.
BEAT_S = 15.0

#: Seconds by which a lease that is ended lies in the past: on a clock of milliseconds, or now would be as late as now.
_MOMENT_S = 0.01

_slots = tables.slots.c
_events = tables.events.c
_studies = tables.studies.c


class Slots(SlotReader):
    """The slots of one study."""

    def resize(self, total: int, connection: sa.Connection) -> None:
        """Make the budget `total` trials; a trial that was begun keeps its slot, whatever the budget says."""
        # Of two that resize at once, the second counts what the first has made.
        lock = sa.select(_studies.study_id).where(_studies.study_id == self._study_id).with_for_update()
        connection.execute(lock)
        # And a trial that is claimed meanwhile is either seen here, or finds its slot gone.
        rows = sa.select(_slots.slot, _slots.state).where(self._mine).order_by(_slots.slot).with_for_update()
        states = {row.slot: row.state for row in connection.execute(rows)}
        fresh = [slot for slot in range(total) if slot not in states]
        for slot in fresh[: max(0, total - len(states))]:
            connection.execute(
                tables.slots.insert().values(
                    study_id=self._study_id,
                    slot=slot,
                    state=SlotState.EMPTY,
                    attempt=0,
                    crashes=0,
                    progress=0,
                    device_s=0.0,
                )
            )
        empty = sorted((slot for slot, state in states.items() if state == SlotState.EMPTY), reverse=True)
        for slot in empty[: max(0, len(states) - total)]:
            connection.execute(
                tables.slots.delete().where(self._mine, _slots.slot == slot, _slots.state == SlotState.EMPTY)
            )

    def claim(
        self, owner: str, lease_s: float, *, states: Collection[StudyState] = (StudyState.OPEN,), empty: bool = True
    ) -> tuple[Lease, SlotRecord] | None:
        """Take a slot: one whose trial is interrupted before an empty one.

        Args:
            owner: Who takes it.
            lease_s: Seconds until others may take it over.
            states: States of the study in which slots are given out.
            empty: Whether a slot without a trial will do.

        Returns:
            The lease and the slot, or None where there is no more to do for now.
        """
        begun = sa.or_(
            _slots.state.in_(CLAIMABLE), sa.and_(_slots.state == SlotState.RUNNING, _slots.expires < now_s())
        )
        free = sa.or_(begun, _slots.state == SlotState.EMPTY) if empty else begun
        given_out = sa.exists().where(_studies.study_id == self._study_id, _studies.state.in_(tuple(states)))
        candidates = (
            sa.select(_slots.slot, _slots.attempt)
            .where(self._mine, free, given_out)
            # An expired lease of a slot without a trial is as good as an empty slot, and comes first as well.
            .order_by(sa.case((_slots.state == SlotState.EMPTY, 1), else_=0), _slots.slot)
            .limit(1)
        )
        while True:
            with self._database.read() as connection:
                wanted = connection.execute(candidates).first()
            if wanted is None:
                return None
            lease = Lease(study_id=self._study_id, slot=wanted.slot, owner=owner, attempt=wanted.attempt + 1)
            unchanged = (self._mine, _slots.slot == wanted.slot, _slots.attempt == wanted.attempt)
            if (record := self._take(lease, lease_s, [*unchanged, free, given_out])) is not None:
                return lease, record

    def expire_gone(self) -> None:
        """End the leases of owners that have ended on this machine without a word: nobody has to wait for those."""
        holding = sa.and_(self._mine, held_now())
        with self._database.read() as connection:
            owners = connection.execute(sa.select(_slots.owner).where(holding).distinct()).scalars().all()
        if not (gone := [owner for owner in owners if is_gone(owner)]):
            return
        with self._database.write() as connection:
            connection.execute(
                tables.slots.update().where(holding, _slots.owner.in_(gone)).values(expires=now_s() - _MOMENT_S)
            )

    def reclaim(self, owner: str, held: Collection[Lease]) -> tuple[Lease, SlotRecord] | None:
        """Return a slot that an owner has taken without knowing it, or None where there is none."""
        known = {(lease.slot, lease.attempt) for lease in held}
        for slot in self.all():
            if (slot.state, slot.owner) == (SlotState.RUNNING, owner) and (slot.slot, slot.attempt) not in known:
                return Lease(study_id=self._study_id, slot=slot.slot, owner=owner, attempt=slot.attempt), slot
        return None

    def _take(self, lease: Lease, lease_s: float, conditions: Sequence[sa.ColumnElement[bool]]) -> SlotRecord | None:
        """Take one slot by compare and swap; None where somebody was faster."""
        expired = _slots.state == SlotState.RUNNING
        crashed = sa.and_(expired, _slots.trial_id.is_not(None))
        # Of an owner that ended without a word the last thing in the event log may be later than its last beat.
        last_heard = (
            sa.select(sa.func.max(_events.moment))
            .where(_events.study_id == lease.study_id, _events.slot == lease.slot, _events.attempt == lease.attempt - 1)
            .scalar_subquery()
        )
        heard_later = sa.and_(expired, last_heard > _slots.device_seen, last_heard <= _slots.expires)
        unseen = sa.case((heard_later, last_heard - _slots.device_seen), else_=0.0)
        values = {
            "state": SlotState.RUNNING,
            "owner": lease.owner,
            "attempt": lease.attempt,
            "expires": now_s() + lease_s,
            # Its owner ended without a word: that counts as a crash, unless the trial has got on since the last one.
            "crashes": _slots.crashes + sa.case((crashed, 1 - _slots.progress), else_=0),
            "progress": sa.case((crashed, 0), else_=_slots.progress),
            "reason": sa.case((expired, "its worker ended without a word"), else_=_slots.reason),
            "device_s": _slots.device_s + unseen,
            "device_seen": now_s(),
        }
        query = tables.slots.update().where(*conditions).ordered_values(*assigned(tables.slots, values))
        with self._database.write() as connection:
            before = self._row(lease, connection, lock=True)  # what is told of it is what the update finds
            if connection.execute(query).rowcount != 1:
                return None
            record = self._row(lease, connection)
            assert record is not None
            stolen = before is not None and before.state == SlotState.RUNNING
            told = {
                "trial_number": record.trial_number,
                "detail": f"from {before.owner}" if stolen and before is not None else None,
            }
            write_event(connection, lease, EventKind.STOLEN if stolen else EventKind.CLAIMED, told)
        return record

    def renew(self, leases: Collection[Lease], lease_s: float, *, at_most_s: float | None = None) -> set[Lease]:
        """Hold slots for longer; return the leases that were still good. The others are lost for good.

        A lease that has expired is renewed as long as nobody has taken its slot.

        Args:
            leases: What to hold.
            lease_s: Seconds until others may take it over.
            at_most_s: Seconds of a device that can have passed since the last sign of life: a machine that was
                suspended has trained nothing meanwhile. None where that is not known.
        """
        kept = set()
        with self._database.write() as connection:
            for lease in sorted(leases, key=lambda each: each.slot):  # in one order, so that no two wait for each other
                values = {
                    "expires": now_s() + lease_s,
                    "device_s": _slots.device_s + seconds_since_seen(at_most_s),
                    "device_seen": now_s(),
                }
                if self._update(lease, connection, **values):
                    kept.add(lease)
        return kept

    def assign(self, lease: Lease, trial_id: int, trial_number: int) -> bool:
        """Write a trial that is in no slot into one that is held and empty; return whether it is in there now."""
        try:
            with self._database.write() as connection:
                values = {"trial_id": trial_id, "trial_number": trial_number}
                return self._update(lease, connection, _slots.trial_id.is_(None), **values)
        except sa.exc.IntegrityError:  # another slot has it by now
            return False

    def commit(self, lease: Lease, checkpoints: Checkpoints, *, optimiser_steps: int, detail: str) -> bool:
        """Point a trial to its checkpoints; return whether the lease was still good.

        Args:
            lease: The lease.
            checkpoints: What the store holds for it now.
            optimiser_steps: Optimiser steps done, for the event log.
            detail: What is new, for the event log.
        """
        with self._database.write() as connection:
            if not self._update(lease, connection, checkpoint=checkpoints.to_dict(), progress=1):
                return False
            self._event(lease, connection, EventKind.CHECKPOINT, step=optimiser_steps, detail=detail)
        return True

    def finish(self, lease: Lease) -> bool:
        """End a slot whose trial somebody else has ended; return whether the lease was still good."""
        with self._database.write() as connection:
            if not self._update(lease, connection, **finished_values()):
                return False
            self._event(lease, connection, EventKind.END, detail="ended by another program")
        return True

    def release(self, lease: Lease, *, state: SlotState, reason: str, crashed: bool = False) -> bool:
        """Give a slot back with its trial unfinished; return whether the lease was still good.

        Args:
            lease: The lease.
            state: interrupted, or paused where nobody is to be told of an accident.
            reason: Why.
            crashed: Whether it counts as a crash, unless the trial has got on since the last one.
        """
        values: dict[str, Any] = {
            "state": sa.case((_slots.trial_id.is_(None), SlotState.EMPTY.value), else_=str(state)),
            "owner": None,
            "expires": None,
            "reason": reason,
            "device_s": _slots.device_s + seconds_since_seen(),
            "device_seen": None,
        }
        if crashed:
            values |= {"crashes": _slots.crashes + 1 - _slots.progress, "progress": 0}
        with self._database.write() as connection:
            number = connection.execute(sa.select(_slots.trial_number).where(held(lease))).scalar()
            if not self._update(lease, connection, **values):
                return False
            write_event(connection, lease, EventKind.RELEASED, {"trial_number": number, "detail": reason})
        return True

    def warn(self, lease: Lease, text: str) -> bool:
        """Write into the event log what a person should know of a trial; return whether the lease was still good."""
        with self._database.write() as connection:
            row = self._row(lease, connection)
            if row is None or (row.state, row.owner, row.attempt) != (SlotState.RUNNING, lease.owner, lease.attempt):
                return False
            self._event(lease, connection, EventKind.WARNING, detail=text)
        return True

    def _update(
        self, lease: Lease, connection: sa.Connection, *conditions: sa.ColumnElement[bool], **values: Any
    ) -> bool:
        query = tables.slots.update().where(held(lease), *conditions)
        query = query.ordered_values(*assigned(tables.slots, values))
        return connection.execute(query).rowcount == 1

    def _event(self, lease: Lease, connection: sa.Connection, kind: EventKind, **values: Any) -> None:
        number = connection.execute(
            sa.select(_slots.trial_number).where(self._mine, _slots.slot == lease.slot)
        ).scalar()
        write_event(connection, lease, kind, {"trial_number": number, **values})
