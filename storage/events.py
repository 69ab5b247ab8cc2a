"""Reads the event log of a study. Each event was written by the transaction that made the change it describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from storage import tables
from storage.records import EventRecord
from storage.states import EventKind, TrialState

if TYPE_CHECKING:
    from collections.abc import Collection

    from storage.database import Database

_events, _slots = tables.events.c, tables.slots.c


class Events:
    """The events of one study."""

    def __init__(self, database: Database, study_id: int) -> None:
        self._database = database
        self._study_id = study_id

    def all(
        self, *, trial: int | None = None, after: int = 0, kinds: Collection[EventKind] | None = None
    ) -> list[EventRecord]:
        """Return events, oldest first.

        Args:
            trial: Return only the events of the trial with this number; None returns those of every trial.
            after: Return only events with a larger id than this one.
            kinds: Return only events of these kinds; None returns those of every kind.
        """
        # A slot keeps its trial for ever. But it may be claimed before it has a trial; such an event has no number.
        number = sa.func.coalesce(_events.trial_number, _slots.trial_number).label("number")
        same = sa.and_(_slots.study_id == _events.study_id, _slots.slot == _events.slot)
        query = (
            sa.select(tables.events, number)
            .select_from(tables.events.outerjoin(tables.slots, same))
            .where(_events.study_id == self._study_id, _events.id > after)
            .order_by(_events.id)
        )
        if trial is not None:
            query = query.where(number == trial)
        if kinds is not None:
            query = query.where(_events.kind.in_(list(kinds)))
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            EventRecord(
                id=row.id,
                moment=row.moment,
                kind=row.kind,
                slot=row.slot,
                trial=row.number,
                attempt=row.attempt,
                owner=row.owner,
                step=None if row.kind == EventKind.CHECKPOINT else row.step,
                optimiser_steps=row.step if row.kind == EventKind.CHECKPOINT else None,
                value=row.value,
                detail=row.detail,
            )
            for row in rows
        ]

    def last(self) -> int:
        """Return the id of the last event; 0 before the first one. Cheap."""
        query = sa.select(sa.func.coalesce(sa.func.max(_events.id), 0)).where(_events.study_id == self._study_id)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def failed_in_a_row(self, count: int) -> str | None:
        """Return why the last trial failed, if the last `count` trials to end all failed; otherwise None.

        Only trials that ended after the study was last resumed or edited count: that may have removed the cause.

        Args:
            count: Number of trials to look at. If fewer have ended, the result is None.
        """
        last_change = sa.select(sa.func.coalesce(sa.func.max(_events.id), 0)).where(
            _events.study_id == self._study_id, _events.kind.in_((EventKind.RESUMED, EventKind.EDITED))
        )
        ends = (
            sa.select(_events.detail)
            .where(
                _events.study_id == self._study_id,
                _events.kind == EventKind.END,
                _events.id > last_change.scalar_subquery(),
            )
            .order_by(_events.id.desc())
            .limit(count)
        )
        with self._database.read() as connection:
            details = [detail or "" for detail in connection.execute(ends).scalars()]
        if len(details) < count or not all(detail.startswith(TrialState.FAILED) for detail in details):
            return None
        return details[0].removeprefix(f"{TrialState.FAILED}: ")

    def paused_because(self) -> str | None:
        """Return why tuner last paused the study; None if a person paused it, or if it was never paused."""
        query = (
            sa.select(_events.detail)
            .where(_events.study_id == self._study_id, _events.kind == EventKind.PAUSED)
            .order_by(_events.id.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            reason: str | None = connection.execute(query).scalar()
        return reason

    def decided_last(self) -> str | None:
        """Return the last decision about trials that begin or go on, with its grounds; None where there is none."""
        kinds = (EventKind.DECIDED, EventKind.PROMOTED)
        query = (
            sa.select(_events.detail)
            .where(_events.study_id == self._study_id, _events.kind.in_(kinds))
            .order_by(_events.id.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            reason: str | None = connection.execute(query).scalar()
        return reason
