"""The event log of a study: what happened to its trials, in order, as the transactions themselves wrote it down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from storage import tables
from storage.records import EventRecord

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
                step=row.step,
                value=row.value,
                detail=row.detail,
            )
            for row in rows
        ]
