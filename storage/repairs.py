"""Finds and repairs rows that other programs left in Optuna's tables and that stop a study from going on."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from storage import tables
from storage.clock import now_s
from storage.history import REASON_ATTR
from storage.states import SlotState
from storage.studies import Studies

if TYPE_CHECKING:
    from storage.database import Database

_slots = tables.slots.c


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A problem with a trial."""

    study: str
    #: The trial's number.
    trial: int
    #: The problem, for people.
    problem: str
    #: The repair that was made, or that `repair=True` would make.
    remedy: str


def examine(database: Database, names: list[str], *, repair: bool) -> list[Finding]:
    """Find problems in the trials of studies, and repair them if asked.

    Args:
        database: The database of the studies.
        names: Names of the studies.
        repair: Whether to repair the problems. False only reports them.

    Returns:
        The problems, by study, kind and trial.
    """
    studies = Studies(database)
    with database.write() as connection:
        if not sa.inspect(connection).has_table("trials"):
            return []
        findings = []
        for name in names:
            study_id = studies.get(name).id
            findings += _unreadable_values(connection, name, study_id, repair)
            findings += _unreadable_reports(connection, name, study_id, repair)
            findings += _orphans(connection, name, study_id, repair)
    return findings


def _unreadable_values(connection: sa.Connection, study: str, study_id: int, repair: bool) -> list[Finding]:
    """Find values that Optuna cannot read, such as a NaN told through the dashboard, which SQLite stores as NULL."""
    query = (
        "SELECT DISTINCT v.trial_id, t.number FROM trial_values v JOIN trials t USING (trial_id) "
        "WHERE t.study_id = :study AND v.value_type = 'FINITE' AND (v.value IS NULL OR v.value <> v.value) "
        "ORDER BY t.number"
    )
    if connection.dialect.name == "postgresql":  # on PostgreSQL, NaN equals NaN
        query = query.replace("v.value <> v.value", "v.value = 'NaN'")
    found = connection.execute(sa.text(query), {"study": study_id}).all()
    problem = "its value is not a number; Optuna cannot read it, so no new trial can be asked for"
    for row in found if repair else ():
        connection.execute(sa.text("DELETE FROM trial_values WHERE trial_id = :trial"), {"trial": row.trial_id})
        _fail(connection, row.trial_id, "its value was not a number; repaired by tuner doctor")
    return [
        Finding(study=study, trial=row.number, problem=problem, remedy="the trial counts as failed") for row in found
    ]


def _unreadable_reports(connection: sa.Connection, study: str, study_id: int, repair: bool) -> list[Finding]:
    query = (
        "SELECT i.trial_intermediate_value_id AS id, i.step, t.number "
        "FROM trial_intermediate_values i JOIN trials t USING (trial_id) WHERE t.study_id = :study "
        "AND i.intermediate_value_type = 'FINITE' AND i.intermediate_value IS NULL ORDER BY t.number, i.step"
    )
    found = connection.execute(sa.text(query), {"study": study_id}).all()
    for row in found if repair else ():
        connection.execute(
            sa.text(
                "UPDATE trial_intermediate_values SET intermediate_value_type = 'NAN' "
                "WHERE trial_intermediate_value_id = :id"
            ),
            {"id": row.id},
        )
    return [
        Finding(
            study=study,
            trial=row.number,
            problem=f"its report of step {row.step} has no value, which Optuna cannot read",
            remedy="the report counts as not a number",
        )
        for row in found
    ]


def _orphans(connection: sa.Connection, study: str, study_id: int, repair: bool) -> list[Finding]:
    """Find trials that are RUNNING but in no slot. Other programs asked for them, and no worker trains them."""
    query = (
        "SELECT t.trial_id, t.number FROM trials t LEFT JOIN tuner_slots s "
        "ON s.study_id = t.study_id AND s.trial_id = t.trial_id "
        "WHERE t.study_id = :study AND t.state = 'RUNNING' AND s.slot IS NULL ORDER BY t.number"
    )
    findings = []
    room = [
        row.slot
        for row in connection.execute(
            sa.select(_slots.slot)
            .where(_slots.study_id == study_id, _slots.state == SlotState.EMPTY)
            .order_by(_slots.slot)
            .with_for_update()
        )
    ]
    for row in connection.execute(sa.text(query), {"study": study_id}).all():
        slot = room.pop(0) if room else None
        if slot is not None:
            remedy = "put into an empty slot, where a worker goes on with it"
        else:
            remedy = "the budget has no room for it: the trial counts as failed"
        if repair and slot is not None:
            connection.execute(
                tables.slots.update()
                .where(_slots.study_id == study_id, _slots.slot == slot, _slots.state == SlotState.EMPTY)
                .values(
                    state=SlotState.INTERRUPTED,
                    trial_id=row.trial_id,
                    trial_number=row.number,
                    reason="found in no slot by tuner doctor",
                )
            )
        elif repair:
            _fail(connection, row.trial_id, "it was running in no slot of the budget; ended by tuner doctor")
        problem = "it is running but in no slot, so no worker would ever go on with it"
        findings.append(Finding(study=study, trial=row.number, problem=problem, remedy=remedy))
    return findings


def _fail(connection: sa.Connection, trial_id: int, reason: str) -> None:
    connection.execute(
        sa.text(
            "UPDATE trials SET state = 'FAIL', datetime_complete = COALESCE(datetime_complete, :now) "
            "WHERE trial_id = :trial"
        ).bindparams(sa.bindparam("now", type_=sa.DateTime)),
        {"trial": trial_id, "now": _utc(connection)},
    )
    # Built by SQLAlchemy, which quotes the column `key`: some databases reserve that word.
    attrs = sa.table("trial_user_attributes", sa.column("trial_id"), sa.column("key"), sa.column("value_json"))
    connection.execute(attrs.delete().where(attrs.c.trial_id == trial_id, attrs.c.key == REASON_ATTR))
    connection.execute(attrs.insert().values(trial_id=trial_id, key=REASON_ATTR, value_json=json.dumps(reason)))


def _utc(connection: sa.Connection) -> object:
    seconds = connection.execute(sa.select(now_s())).scalar_one()
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).replace(tzinfo=None)
