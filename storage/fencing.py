"""Fencing: what a worker writes to Optuna's tables counts only while it holds the trial.

A lease alone does not suffice: a process that is stopped after it looked, and wakes up late, would write all the
same. So the look and the write are one transaction. Optuna has no place for that; its sessions do, which are
SQLAlchemy's. `tests/contracts/test_fencing.py` holds us to what is used of them.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from storage import tables
from storage.assignments import assigned
from storage.backends import writing_from_the_start
from storage.clock import now_s
from storage.crash_points import reach
from storage.errors import LeaseLost
from storage.states import EventKind, SlotState

if TYPE_CHECKING:
    import optuna
    from sqlalchemy.orm import Session

    from storage.records import Lease

_slots = tables.slots.c
_thread = threading.local()

# Built once: of a transaction as short as a report, building them took a fifth.
_held: dict[str, sa.BindParameter[Any]] = {
    name: sa.bindparam(f"held_{name}") for name in ("study_id", "slot", "owner", "attempt")
}
_HELD = sa.and_(_slots.state == SlotState.RUNNING, *(_slots[name] == value for name, value in _held.items()))
_LOOK = sa.select(sa.literal(1)).select_from(tables.slots).where(_HELD).with_for_update()
_EVENT = tables.events.insert().values(moment=now_s())
#: The look and an event in one, of the trial that is in the slot.
_told = ("kind", "step", "value", "detail")
_LOOK_AND_TELL = (
    tables.events.insert()
    .from_select(
        ["study_id", "slot", "owner", "attempt", "trial_number", "moment", *_told],
        sa.select(
            *(_slots[name] for name in ("study_id", "slot", "owner", "attempt", "trial_number")),
            now_s(),
            *(sa.bindparam(f"told_{name}", type_=tables.events.c[name].type) for name in _told),
        )
        .where(_HELD)
        .with_for_update(),
    )
    .execution_options(preserve_rowcount=True)
)


@dataclass(kw_only=True)
class Fence:
    """What this thread's transactions must do besides what Optuna does in them."""

    lease: Lease
    #: An event to be written by the first of them.
    event: dict[str, Any] | None = None
    #: Whether the trial that they make or take is to be written into the slot.
    asking: bool = False
    #: The values of an `end` event, where they end the trial and with it the slot.
    ending: dict[str, Any] | None = None
    #: Which of these three the transaction that runs has done; and those that were committed.
    doing: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)

    def wants(self, what: str) -> bool:
        """Return whether one of the three is still to be done."""
        return getattr(self, what) not in (None, False) and what not in self.doing | self.done

    @property
    def ends(self) -> bool:
        """Whether the transaction that runs, or one before, has ended the trial and its slot."""
        return "ending" in self.doing | self.done


def held(lease: Lease) -> sa.ColumnElement[bool]:
    """Return the condition that a slot is still held by a lease."""
    return sa.and_(_slots.state == SlotState.RUNNING, *(_slots[name] == getattr(lease, name) for name in _held))


def write_event(connection: sa.Connection, lease: Lease, kind: EventKind, values: Mapping[str, Any]) -> None:
    """Write an event of a trial."""
    told = {
        "study_id": lease.study_id,
        "slot": lease.slot,
        "owner": lease.owner,
        "attempt": lease.attempt,
        "kind": kind,
        **_with_a_number(values),
    }
    connection.execute(_EVENT, told)


def _with_a_number(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of an event with what is no number told in words: not every database keeps NaN and infinity."""
    value = values.get("value")
    if value is None or math.isfinite(value):
        return values
    words = (values.get("detail"), f"value {value}")
    return {**values, "value": None, "detail": "; ".join(word for word in words if word)}


def seconds_since_seen(at_most_s: float | None = None) -> sa.ColumnElement[float]:
    """Return the seconds of a device that are not counted yet, of a slot that is held, or so many at most."""
    since = now_s() - _slots.device_seen
    more = [] if at_most_s is None else [(since > at_most_s, at_most_s)]
    return sa.case((_slots.device_seen.is_(None), 0.0), *more, else_=since)


def finished_values() -> dict[str, Any]:
    """Return what a slot is set to when its trial ends."""
    return {
        "state": SlotState.FINISHED,
        "owner": None,
        "expires": None,
        "device_s": _slots.device_s + seconds_since_seen(),
        "device_seen": None,
    }


def _update(values: Mapping[str, Any], *more: sa.ColumnElement[bool]) -> sa.Update:
    return tables.slots.update().where(_HELD, *more).ordered_values(*assigned(tables.slots, values))


_ASKED = _update(
    {name: sa.bindparam(f"asked_{name}") for name in ("trial_id", "trial_number")}, _slots.trial_id.is_(None)
)
_ENDED = _update(finished_values())


@contextmanager
def fenced(
    lease: Lease,
    *,
    kind: EventKind | None = None,
    values: Mapping[str, Any] | None = None,
    asking: bool = False,
    ending: bool = False,
) -> Iterator[Fence]:
    """Have every transaction of Optuna's in this thread fail unless a lease still holds its slot.

    Args:
        lease: The lease.
        kind: Of an event that the first of them writes.
        values: The event's step, value and the like; with `ending`, those of the event of the trial's end.
        asking: The trial that is made or taken from the queue is written into the slot.
        ending: The trial is ended, and the slot with it.

    Raises:
        LeaseLost: Somebody else has the slot, or it is deleted; nothing is written.
    """
    guard = Fence(
        lease=lease,
        event={"kind": kind, "values": dict(values or {})} if kind else None,
        asking=asking,
        ending=dict(values or {}) if ending else None,
    )
    before = getattr(_thread, "guard", None)
    _thread.guard = guard
    try:
        with writing_from_the_start():
            yield guard
    except KeyError as error:
        from optuna.storages._rdb.models import NOT_FOUND_MSG

        if error.args != (NOT_FOUND_MSG,):
            raise
        raise _lost(lease) from error  # the study was deleted
    finally:
        _thread.guard = before


def attach(storage: optuna.storages.RDBStorage) -> None:
    """Fence the sessions of a storage."""
    factory = storage.scoped_session.session_factory
    event.listen(factory, "after_begin", _after_begin)
    event.listen(factory, "before_commit", _before_commit)
    event.listen(factory, "after_flush", _after_flush)
    event.listen(factory, "after_commit", _after_commit)


def _after_begin(*_: object) -> None:
    guard: Fence | None = getattr(_thread, "guard", None)
    if guard is not None:
        guard.doing.clear()  # the transaction before may have failed, and Optuna tries some again by itself


def _after_commit(_: Session) -> None:
    guard: Fence | None = getattr(_thread, "guard", None)
    if guard is not None:
        guard.done |= guard.doing


def _before_commit(session: Session) -> None:
    guard: Fence | None = getattr(_thread, "guard", None)
    # The end of a slot is itself the look; and Optuna looks at a trial once more after it has told it.
    if guard is None or guard.ends:
        return
    # The row stays locked until the commit: whoever takes the slot over comes before it or after it, never between.
    connection, of = session.connection(), _of(guard.lease)
    if guard.event is None or not guard.wants("event"):
        found = connection.execute(_LOOK, of).first() is not None
    else:
        told = {"kind": guard.event["kind"], **_with_a_number(guard.event["values"])}
        found = (
            connection.execute(_LOOK_AND_TELL, {**of, **{f"told_{name}": told.get(name) for name in _told}}).rowcount
            == 1
        )
        guard.doing.add("event")
    if not found:
        raise _lost(guard.lease)


def _after_flush(session: Session, _: object) -> None:
    guard: Fence | None = getattr(_thread, "guard", None)
    if guard is None or not (guard.wants("asking") or guard.wants("ending")):
        return
    from optuna.storages._rdb.models import TrialModel

    for row in (*session.new, *session.dirty):
        if not isinstance(row, TrialModel) or row.number is None:
            continue
        if guard.wants("asking") and row.state.name == "RUNNING":
            _change(session, guard.lease, _ASKED, asked_trial_id=row.trial_id, asked_trial_number=row.number)
            guard.doing.add("asking")
            reach("asking")
        elif guard.ending is not None and guard.wants("ending") and row.state.is_finished():
            _change(session, guard.lease, _ENDED)
            write_event(session.connection(), guard.lease, EventKind.END, {"trial_number": row.number, **guard.ending})
            guard.doing.add("ending")
            reach("telling")


def _change(session: Session, lease: Lease, statement: sa.Update, **values: Any) -> None:
    if session.connection().execute(statement, {**_of(lease), **values}).rowcount != 1:
        raise _lost(lease)


def _of(lease: Lease) -> dict[str, Any]:
    return {f"held_{name}": getattr(lease, name) for name in _held}


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(f"slot {lease.slot}: another worker has taken its trial over from attempt {lease.attempt}")
