"""Slots: one row for each trial of the budget, which is also the lease of that trial.

A budget of N trials has N rows, so repeating a command never adds a trial.

Each change is one UPDATE whose WHERE clause names the expected state and compares times on the database's clock. Of two
workers that race, exactly one UPDATE matches. The same transaction writes the change into the event log.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from storage import tables
from storage.assignments import assigned
from storage.clock import now_s
from storage.fencing import empty_slot, finished_values, held, seconds_since_seen, write_event
from storage.owners import is_gone
from storage.records import Checkpoints, Lease, SlotRecord
from storage.slot_reader import SlotReader, held_now
from storage.states import CLAIMABLE, EventKind, SlotState, StudyState

#: Seconds that a lease lasts unless its owner renews it.
LEASE_S = 60.0
#: Seconds between two renewals.
BEAT_S = 15.0

#: An ended lease expires this many seconds in the past. On SQLite's millisecond clock `expires = now` would not yet
#: compare as expired.
_ENDED_AGO_S = 0.01

_slots = tables.slots.c
_events = tables.events.c
_studies = tables.studies.c


class Slots(SlotReader):
    """Claims, renews, releases and finishes the slots of one study."""

    def resize(self, total: int | None, connection: sa.Connection) -> None:
        """Insert or delete empty slots until the study has `total` slots.

        A slot whose trial has begun is never deleted, even if that leaves more than `total`. Without a `total`, as
        where the budget has no number of trials, the slots stay as they are, and there is one for trial 0.
        """
        # Of two transactions that resize at once, the second waits here and then counts the slots of the first.
        lock = sa.select(_studies.study_id).where(_studies.study_id == self._study_id).with_for_update()
        connection.execute(lock)
        # A worker that claims a slot meanwhile commits first and is seen here, or finds the slot deleted.
        rows = sa.select(_slots.slot, _slots.state).where(self._mine).order_by(_slots.slot).with_for_update()
        states = {row.slot: row.state for row in connection.execute(rows)}
        total = max(1, len(states)) if total is None else total
        fresh = [slot for slot in range(total) if slot not in states]
        for slot in fresh[: max(0, total - len(states))]:
            connection.execute(tables.slots.insert().values(empty_slot(self._study_id, slot)))
        empty = sorted((slot for slot, state in states.items() if state == SlotState.EMPTY), reverse=True)
        for slot in empty[: max(0, len(states) - total)]:
            connection.execute(
                tables.slots.delete().where(self._mine, _slots.slot == slot, _slots.state == SlotState.EMPTY)
            )

    def claim(
        self,
        owner: str,
        lease_s: float,
        *,
        states: Collection[StudyState] = (StudyState.OPEN,),
        empty: bool = True,
        planned: bool = False,
    ) -> tuple[Lease, SlotRecord] | None:
        """Claim a slot. Slots with an unfinished trial come before empty ones.

        Args:
            owner: The supervisor that claims the slot.
            lease_s: Seconds after which another supervisor may take the slot over.
            states: The claim succeeds only while the study is in one of these states.
            empty: Whether to consider empty slots, too.
            planned: Whether to consider, of the empty slots, only those for which a decision has named an arm, and that
                of trial 0.

        Returns:
            The lease and the slot; None if there is no slot to claim now.
        """
        begun = sa.or_(
            _slots.state.in_(CLAIMABLE), sa.and_(_slots.state == SlotState.RUNNING, _slots.expires < now_s())
        )
        fresh = _slots.state == SlotState.EMPTY
        if planned:
            fresh = sa.and_(fresh, sa.or_(_slots.arm.is_not(None), _slots.slot == 0))
        free = sa.or_(begun, fresh) if empty else begun
        given_out = sa.exists().where(_studies.study_id == self._study_id, _studies.state.in_(tuple(states)))
        candidates = (
            sa.select(_slots.slot, _slots.attempt)
            .where(self._mine, free, given_out)
            # A slot without a trial whose lease has expired also comes before the empty ones.
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
        """End the leases of owners on this machine whose process has died, so that no worker waits for their expiry."""
        holding = sa.and_(self._mine, held_now())
        with self._database.read() as connection:
            owners = connection.execute(sa.select(_slots.owner).where(holding).distinct()).scalars().all()
        if not (gone := [owner for owner in owners if is_gone(owner)]):
            return
        with self._database.write() as connection:
            connection.execute(
                tables.slots.update().where(holding, _slots.owner.in_(gone)).values(expires=now_s() - _ENDED_AGO_S)
            )

    def _take(self, lease: Lease, lease_s: float, conditions: Sequence[sa.ColumnElement[bool]]) -> SlotRecord | None:
        """Take one slot by compare and swap; return None if another worker was faster."""
        expired = _slots.state == SlotState.RUNNING
        crashed = sa.and_(expired, _slots.trial_id.is_not(None))
        # If the previous owner died, its last event may be later than its last renewal.
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
            # An expired lease counts as a crash, unless the trial has committed a checkpoint since its last crash.
            "crashes": _slots.crashes + sa.case((crashed, 1 - _slots.progress), else_=0),
            "progress": sa.case((crashed, 0), else_=_slots.progress),
            "reason": sa.case((expired, "its worker ended without a word"), else_=_slots.reason),
            "device_s": _slots.device_s + unseen,
            "device_seen": now_s(),
            "reserved_bytes": 0,
        }
        query = tables.slots.update().where(*conditions).ordered_values(*assigned(tables.slots, values))
        with self._database.write() as connection:
            # Locked, so that the event tells of the same owner that the update replaces.
            before = self._row(lease, connection, lock=True)
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
        """Renew leases, and count the device time since the last renewal.

        An expired lease is renewed, too, if no worker has taken its slot over.

        Args:
            leases: The leases to renew.
            lease_s: Seconds from now after which another supervisor may take the slots over.
            at_most_s: Upper bound of the device seconds to count. A machine that was suspended has trained nothing
                meanwhile. None counts all the time since the last renewal.

        Returns:
            The leases that are still held. The others are lost for good.
        """
        kept = set()
        with self._database.write() as connection:
            for lease in sorted(leases, key=lambda each: each.slot):  # one order for all transactions avoids deadlocks
                values = {
                    "expires": now_s() + lease_s,
                    "device_s": _slots.device_s + seconds_since_seen(at_most_s),
                    "device_seen": now_s(),
                }
                if self._update(lease, connection, **values):
                    kept.add(lease)
        return kept

    def assign(self, lease: Lease, trial_id: int, trial_number: int) -> bool:
        """Write a trial that no slot has into the slot of a lease, if that has no trial yet.

        Returns:
            Whether the trial is in the slot now.
        """
        try:
            with self._database.write() as connection:
                values = {"trial_id": trial_id, "trial_number": trial_number}
                return self._update(lease, connection, _slots.trial_id.is_(None), **values)
        except sa.exc.IntegrityError:  # another slot has the trial by now
            return False

    def commit(self, lease: Lease, checkpoints: Checkpoints, *, optimiser_steps: int, detail: str) -> bool:
        """Replace the record of a trial's checkpoints, and write an event.

        Args:
            lease: The lease of the trial.
            checkpoints: The trial's checkpoints that are in the store now.
            optimiser_steps: Optimiser steps done, for the event.
            detail: Which checkpoints are new, for the event.

        Returns:
            Whether the slot was still held by the lease; otherwise nothing is written.
        """
        with self._database.write() as connection:
            # What was reserved stays so: the files that these replace are removed after this.
            stored = {"checkpoint": checkpoints.to_dict(), "stored_bytes": checkpoints.bytes}
            if not self._update(lease, connection, **stored, progress=1):
                return False
            self._event(lease, connection, EventKind.CHECKPOINT, step=optimiser_steps, detail=detail)
        return True

    def finish(self, lease: Lease) -> bool:
        """Finish a slot whose trial was ended by another program, such as the dashboard.

        Returns:
            Whether the slot was still held by the lease; otherwise nothing is written.
        """
        with self._database.write() as connection:
            if not self._update(lease, connection, **finished_values()):
                return False
            self._event(lease, connection, EventKind.END, detail="ended by another program")
        return True

    def release(self, lease: Lease, *, state: SlotState, reason: str, crashed: bool = False) -> bool:
        """Release a slot whose trial is unfinished.

        Args:
            lease: The lease to end.
            state: `paused` if the study was paused, otherwise `interrupted`. A slot without a trial becomes `empty`.
            reason: Why the trial is interrupted, for people.
            crashed: Whether this is a crash. It counts only if the trial has committed no checkpoint since its last
                crash.

        Returns:
            Whether the slot was still held by the lease; otherwise nothing is written.
        """
        values: dict[str, Any] = {
            "state": sa.case((_slots.trial_id.is_(None), SlotState.EMPTY.value), else_=str(state)),
            "owner": None,
            "expires": None,
            "reason": reason,
            "device_s": _slots.device_s + seconds_since_seen(),
            "device_seen": None,
            "reserved_bytes": 0,
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
        """Write a warning about a trial into the event log.

        Returns:
            Whether the slot was still held by the lease; otherwise nothing is written.
        """
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
