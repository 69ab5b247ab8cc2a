"""The event log of a study: what happened to its trials, in order, as the transactions themselves wrote it down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from storage import tables
from storage.records import EventRecord
from storage.states import EventKind, TrialState

if TYPE_CHECKING:
    from storage.database import Database

_events, _slots = tables.events.c, tables.slots.c


class Events:
    """The events of one study."""

    def __init__(self, database: Database, study_id: int) -> None:
        self._database = database
        self._study_id = study_id

    def all(self, *, trial: int | None = None, after: int = 0) -> list[EventRecord]:
        """Return events in order.

        Args:
            trial: Number of a trial, whose events alone are wanted.
            after: Id of the last event that is known already.
        """
        # A slot has one trial for ever, but a claim may come before it is asked for.
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

    def failed_in_a_row(self, count: int) -> str | None:
        """Return why the last trial failed, where the last so many that ended all did; else None.

        What was before somebody resumed or edited the study does not count: they may have mended the cause.

        Args:
            count: How many.
        """
        spoken = sa.select(sa.func.coalesce(sa.func.max(_events.id), 0)).where(
            _events.study_id == self._study_id, _events.kind.in_((EventKind.RESUMED, EventKind.EDITED))
        )
        ends = (
            sa.select(_events.detail)
            .where(
                _events.study_id == self._study_id, _events.kind == EventKind.END, _events.id > spoken.scalar_subquery()
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
        """Return why the study was last paused, where that was not somebody's wish."""
        query = (
            sa.select(_events.detail)
            .where(_events.study_id == self._study_id, _events.kind == EventKind.PAUSED)
            .order_by(_events.id.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            reason: str | None = connection.execute(query).scalar()
        return reason
