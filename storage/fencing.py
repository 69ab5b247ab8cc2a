"""Fencing: a worker's writes to Optuna's tables are committed only while the worker holds the trial's lease.

Checking the lease before the write is not enough: a process may be stopped after the check, lose the lease, wake up
and write. So the check and the write are one transaction. Optuna offers no hook for that, but its sessions are
SQLAlchemy's, which have events. `tests/contracts/test_fencing.py` checks the parts of Optuna's sessions we rely on.
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

# The statements are built once: building them anew took a fifth of a transaction as short as a report.
_held: dict[str, sa.BindParameter[Any]] = {
    name: sa.bindparam(f"held_{name}") for name in ("study_id", "slot", "owner", "attempt")
}
_HELD = sa.and_(_slots.state == SlotState.RUNNING, *(_slots[name] == value for name, value in _held.items()))
_CHECK = sa.select(sa.literal(1)).select_from(tables.slots).where(_HELD).with_for_update()
_EVENT = tables.events.insert().values(moment=now_s())
#: Checks the lease and writes an event in one statement. The event takes the trial's number from the slot.
_EVENT_COLUMNS = ("kind", "step", "value", "detail")
_CHECK_AND_LOG = (
    tables.events.insert()
    .from_select(
        ["study_id", "slot", "owner", "attempt", "trial_number", "moment", *_EVENT_COLUMNS],
        sa.select(
            *(_slots[name] for name in ("study_id", "slot", "owner", "attempt", "trial_number")),
            now_s(),
            *(sa.bindparam(f"told_{name}", type_=tables.events.c[name].type) for name in _EVENT_COLUMNS),
        )
        .where(_HELD)
        .with_for_update(),
    )
    .execution_options(preserve_rowcount=True)
)


@dataclass(kw_only=True)
class Fence:
    """The lease that Optuna's transactions in this thread must hold, and up to three tasks that they must do.

    The tasks are `event`, `asking` and `ending`. Each is done by the first transaction that can, and only once.
    """

    lease: Lease
    #: Kind and values of an event to write; None for no event.
    event: dict[str, Any] | None = None
    #: Whether to write into the slot the trial that Optuna creates or takes from its queue.
    asking: bool = False
    #: Values of the `end` event to write when Optuna ends the trial, which also finishes the slot; None to do neither.
    ending: dict[str, Any] | None = None
    #: Names of the tasks that the current transaction has done.
    doing: set[str] = field(default_factory=set)
    #: Names of the tasks that committed transactions have done.
    done: set[str] = field(default_factory=set)

    def wants(self, task: str) -> bool:
        """Return whether a task is required and not done yet."""
        return getattr(self, task) not in (None, False) and task not in self.doing | self.done

    @property
    def ends(self) -> bool:
        """Whether the current transaction, or a committed one, has ended the trial and finished the slot."""
        return "ending" in self.doing | self.done


def held(lease: Lease) -> sa.ColumnElement[bool]:
    """Return the SQL condition that selects the slot of a lease, if the lease still holds it."""
    return sa.and_(_slots.state == SlotState.RUNNING, *(_slots[name] == getattr(lease, name) for name in _held))


def write_event(connection: sa.Connection, lease: Lease, kind: EventKind, values: Mapping[str, Any]) -> None:
    """Write an event of a trial into the event log. The values are columns such as `step`, `value` and `detail`."""
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
    """Return the values of an event, with NaN or infinity moved into `detail`: not every database can store them."""
    value = values.get("value")
    if value is None or math.isfinite(value):
        return values
    words = (values.get("detail"), f"value {value}")
    return {**values, "value": None, "detail": "; ".join(word for word in words if word)}


def seconds_since_seen(at_most_s: float | None = None) -> sa.ColumnElement[float]:
    """Return an SQL expression for a slot's device seconds that are not counted yet, since the last renewal.

    Args:
        at_most_s: Upper bound in seconds; None for no bound.
    """
    since = now_s() - _slots.device_seen
    more = [] if at_most_s is None else [(since > at_most_s, at_most_s)]
    return sa.case((_slots.device_seen.is_(None), 0.0), *more, else_=since)


def empty_slot(study_id: int, slot: int) -> dict[str, Any]:
    """Return the values of a slot in which no trial has begun."""
    return {
        "study_id": study_id,
        "slot": slot,
        "state": SlotState.EMPTY,
        "attempt": 0,
        "crashes": 0,
        "progress": 0,
        "device_s": 0.0,
    }


def finished_values() -> dict[str, Any]:
    """Return the values of a slot's columns when its trial ends."""
    return {
        "state": SlotState.FINISHED,
        "owner": None,
        "expires": None,
        "device_s": _slots.device_s + seconds_since_seen(),
        "device_seen": None,
        "reserved_bytes": 0,
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
    """Make every transaction of Optuna's in this thread fail unless a lease still holds its slot.

    Args:
        lease: The lease.
        kind: Kind of an event that the first transaction writes; None for no event.
        values: Columns of that event, such as `step` and `value`; with `ending`, columns of the `end` event.
        asking: Write into the slot the trial that Optuna creates or takes from its queue.
        ending: When Optuna ends the trial, also finish the slot and write an `end` event.

    Raises:
        LeaseLost: Another worker has the slot, or the slot was deleted. Nothing is written.
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
    """Register the fence with the sessions of a storage. It acts only within `fenced`."""
    factory = storage.scoped_session.session_factory
    event.listen(factory, "after_begin", _after_begin)
    event.listen(factory, "before_commit", _before_commit)
    event.listen(factory, "after_flush", _after_flush)
    event.listen(factory, "after_commit", _after_commit)


def _after_begin(*_: object) -> None:
    guard: Fence | None = getattr(_thread, "guard", None)
    if guard is not None:
        guard.doing.clear()  # the previous transaction may have failed; Optuna itself tries some of them again


def _after_commit(_: Session) -> None:
    guard: Fence | None = getattr(_thread, "guard", None)
    if guard is not None:
        guard.done |= guard.doing


def _before_commit(session: Session) -> None:
    guard: Fence | None = getattr(_thread, "guard", None)
    # The UPDATE that finishes the slot has checked the lease itself. After it Optuna reads the trial in another
    # transaction, which must not fail although the lease has ended.
    if guard is None or guard.ends:
        return
    # This locks the slot's row until the commit. So a worker that takes the slot over does so before this check or
    # after the commit, never between.
    connection, of = session.connection(), _of(guard.lease)
    if guard.event is None or not guard.wants("event"):
        found = connection.execute(_CHECK, of).first() is not None
    else:
        told = {"kind": guard.event["kind"], **_with_a_number(guard.event["values"])}
        columns = {f"told_{name}": told.get(name) for name in _EVENT_COLUMNS}
        found = connection.execute(_CHECK_AND_LOG, {**of, **columns}).rowcount == 1
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
