"""Plans: decisions of a study's search that hold for all of its machines, each made under a lease of its own.

Every supervisor can decide, from the values in the database alone. The lease lets one do so at a time, and the attempt
number refuses the decision of a supervisor that lost the lease meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from storage import tables
from storage.assignments import assigned
from storage.clock import now_s
from storage.fencing import empty_slot
from storage.owners import is_gone
from storage.states import EventKind, PlanPart, SlotState

if TYPE_CHECKING:
    from storage.database import Database

_plans, _slots = tables.plans.c, tables.slots.c


@dataclass(frozen=True, kw_only=True)
class PlanLease:
    """The right to decide for a study."""

    owner: str
    #: Number of times that the lease was taken: the fencing token.
    attempt: int
    #: The decisions so far, as JSON values.
    content: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class PromotionRecord:
    """A decision that a trial may train to a later rung."""

    slot: int
    trial_number: int
    #: The rung at which the trial was judged, and the one to which it may train now, in percent of its schedule.
    rung: int
    target: int
    #: What the decision rests on, for people.
    reason: str


@dataclass(frozen=True, kw_only=True)
class BeginRecord:
    """A decision that new trials begin."""

    #: The arm of all of them.
    arm: str
    count: int
    #: What the decision rests on, for people.
    reason: str


class Plans:
    """A part of the plan of one study.

    Args:
        database: Where it is.
        study_id: The study.
        part: Which part. Each has a lease of its own.
    """

    def __init__(self, database: Database, study_id: int, part: PlanPart = PlanPart.SEARCH) -> None:
        self._database = database
        self._study_id = study_id
        self._part = part

    @property
    def _mine(self) -> sa.ColumnElement[bool]:
        return sa.and_(_plans.study_id == self._study_id, _plans.part == self._part)

    def content(self) -> dict[str, Any]:
        """Return the decisions so far, as JSON values; empty before the first one."""
        with self._database.read() as connection:
            found = connection.execute(sa.select(_plans.content).where(self._mine)).scalar()
        return dict(found or {})

    def take(self, owner: str, lease_s: float) -> PlanLease | None:
        """Take the lease of the plan; return None while another supervisor has it.

        Args:
            owner: The supervisor.
            lease_s: Seconds after which another one may take it, unless the decision is committed before.
        """
        with self._database.read() as connection:
            row = connection.execute(sa.select(tables.plans).where(self._mine)).first()
        if row is None and not self._insert():
            return None
        attempt = 0 if row is None else row.attempt
        free = sa.or_(_plans.owner.is_(None), _plans.expires < now_s(), _plans.owner == owner)
        if row is not None and is_gone(row.owner):
            free = sa.true()
        query = (
            tables.plans.update()
            .where(self._mine, _plans.attempt == attempt, free)
            .values(owner=owner, attempt=attempt + 1, expires=now_s() + lease_s)
        )
        with self._database.write() as connection:
            if connection.execute(query).rowcount != 1:
                return None
            content = connection.execute(sa.select(_plans.content).where(self._mine)).scalar_one()
        return PlanLease(owner=owner, attempt=attempt + 1, content=dict(content))

    def _insert(self) -> bool:
        row = {"study_id": self._study_id, "part": self._part, "attempt": 0, "content": {}}
        try:
            with self._database.write() as connection:
                connection.execute(tables.plans.insert().values(row))
        except sa.exc.IntegrityError:  # another supervisor was faster
            return False
        return True

    def renew(self, lease: PlanLease, lease_s: float) -> bool:
        """Keep the lease for longer work; return False where it is lost."""
        query = tables.plans.update().where(*self._held(lease)).values(expires=now_s() + lease_s)
        with self._database.write() as connection:
            return connection.execute(query).rowcount == 1

    def write(
        self, lease: PlanLease, content: Mapping[str, Any], *, decided: str, kind: EventKind = EventKind.DECIDED
    ) -> bool:
        """Write decisions in one transaction, and keep the lease; return False where it is lost.

        Args:
            lease: The lease of the plan.
            content: Decisions that hold for the whole study, as JSON values.
            decided: They and their grounds, for the event log.
            kind: The kind of event that tells of them.
        """
        with self._database.write() as connection:
            query = tables.plans.update().where(*self._held(lease)).values(content=dict(content))
            if connection.execute(query).rowcount != 1:
                return False
            self._log(connection, lease, kind, {"detail": decided})
        return True

    def _held(self, lease: PlanLease) -> tuple[sa.ColumnElement[bool], ...]:
        return self._mine, _plans.owner == lease.owner, _plans.attempt == lease.attempt

    def commit(
        self,
        lease: PlanLease,
        *,
        content: Mapping[str, Any] | None = None,
        decided: str | None = None,
        promotions: Sequence[PromotionRecord] = (),
        begins: BeginRecord | None = None,
        drops_empty: bool = False,
        kind: EventKind = EventKind.DECIDED,
    ) -> int | None:
        """Write decisions, and end the lease, in one transaction.

        Args:
            lease: The lease of the plan.
            content: Decisions that hold for the whole study, as JSON values; None leaves them as they are.
            decided: Such a decision and its grounds, for the event log.
            promotions: Trials that may train on.
            begins: Trials that are to begin.
            drops_empty: Whether the slots in which no trial has begun are removed, as the search is over.
            kind: The kind of event that tells of `decided`.

        Returns:
            The number of trials that were promoted or are to begin by this call; None where the lease is lost. Then
            nothing is written.
        """
        values: dict[str, Any] = {"owner": None, "expires": None}
        if content is not None:
            values["content"] = dict(content)
        with self._database.write() as connection:
            if connection.execute(tables.plans.update().where(*self._held(lease)).values(values)).rowcount != 1:
                return None
            if decided is not None:
                self._log(connection, lease, kind, {"detail": decided})
            # One order of slots for all transactions avoids deadlocks.
            moved = sum(self._promote(connection, lease, each) for each in sorted(promotions, key=lambda p: p.slot))
            if drops_empty:
                empty = (_slots.study_id == self._study_id, _slots.state == SlotState.EMPTY)
                connection.execute(tables.slots.delete().where(*empty, _slots.trial_id.is_(None)))
            return moved + (0 if begins is None else self._begin(connection, lease, begins))

    def _begin(self, connection: sa.Connection, lease: PlanLease, begins: BeginRecord) -> int:
        """Give empty slots their arm, and make slots where there are too few; return how many trials are to begin."""
        # Of two transactions that make or remove slots, the second waits here and then sees those of the first.
        studies, mine = tables.studies.c, _slots.study_id == self._study_id
        found = connection.execute(
            sa.select(studies.study_id).where(studies.study_id == self._study_id).with_for_update()
        )
        if found.first() is None:  # the study was deleted
            return 0
        # Slot 0 is that of trial 0, whose values are those of the recipe.
        free = sa.and_(mine, _slots.state == SlotState.EMPTY, _slots.arm.is_(None), _slots.slot > 0)
        query = sa.select(_slots.slot).where(free).order_by(_slots.slot).limit(begins.count).with_for_update()
        numbers = connection.execute(query).scalars().all()
        for number in numbers:
            connection.execute(tables.slots.update().where(mine, _slots.slot == number).values(arm=begins.arm))
        missing = begins.count - len(numbers)
        last = connection.execute(sa.select(sa.func.max(_slots.slot)).where(mine)).scalar()
        first = 0 if last is None else last + 1
        made = range(first, first + missing)
        for number in made:
            connection.execute(tables.slots.insert().values({**empty_slot(self._study_id, number), "arm": begins.arm}))
        for number in (*numbers, *made):
            self._log(connection, lease, EventKind.DECIDED, {"detail": begins.reason}, slot=number)
        return begins.count

    def _promote(self, connection: sa.Connection, lease: PlanLease, promotion: PromotionRecord) -> bool:
        shelved = _slots.state == SlotState.SHELVED
        values = {
            "target": promotion.target,
            "reason": sa.case((shelved, promotion.reason), else_=_slots.reason),
            "state": sa.case((shelved, SlotState.INTERRUPTED.value), else_=_slots.state),
        }
        query = (
            tables.slots.update()
            .where(
                _slots.study_id == self._study_id,
                _slots.slot == promotion.slot,
                _slots.trial_number == promotion.trial_number,
                _slots.state != SlotState.FINISHED,
                _slots.target < promotion.target,
            )
            .ordered_values(*assigned(tables.slots, values))
        )
        if connection.execute(query).rowcount != 1:
            return False
        told = {"trial_number": promotion.trial_number, "step": promotion.target, "detail": promotion.reason}
        self._log(connection, lease, EventKind.PROMOTED, told, slot=promotion.slot)
        return True

    def _log(
        self,
        connection: sa.Connection,
        lease: PlanLease,
        kind: EventKind,
        told: Mapping[str, Any],
        *,
        slot: int | None = None,
    ) -> None:
        values = {"study_id": self._study_id, "owner": lease.owner, "kind": kind, "slot": slot, **told}
        connection.execute(tables.events.insert().values(moment=now_s(), **values))
