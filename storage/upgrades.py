"""Upgrades the tables of an earlier version to the current one.

All tables are altered first, and each alteration may be repeated. Then one transaction converts the rows and writes
the new version. So an upgrade that fails or is killed leaves the rows as they were, and the next one begins anew:
SQLite and PostgreSQL also undo the alterations, MySQL and MariaDB keep those that were made.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from storage import tables
from storage.alterations import Alterations
from storage.clock import now_s
from storage.crash_points import reach
from storage.database import Database, optuna_major, schema_version
from storage.errors import DatabaseBusy
from storage.owners import is_gone
from storage.percent_upgrade import to_percents
from storage.records import CheckpointRef, Checkpoints
from storage.states import SlotState

#: Workers that the message of a refusal names.
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class _Step:
    """The way from one version of the tables to the next."""

    #: Changes the tables; may be repeated.
    alter: Callable[[Alterations], None]
    #: Converts the rows, once the tables are those of the current version.
    convert: Callable[[sa.Connection], None] = lambda _: None


def upgrade(database: Database) -> tuple[int, int]:
    """Upgrade our tables and Optuna's. No other process may use the database meanwhile.

    Args:
        database: A database opened with `outdated=True`.

    Returns:
        The version of our tables before and after.

    Raises:
        DatabaseBusy: Workers of an earlier version still run. Nothing is changed.
    """
    with database.creation_lock(), database.write() as connection:
        before = schema_version(connection)
        assert before is not None  # otherwise `Database` would have raised DatabaseMissing
        if before < tables.SCHEMA_VERSION:
            _check_idle(connection, database.url, before)
            _upgrade_ours(connection, database.own_tables, before)
    reach("upgraded")
    with database.creation_lock():
        storage = database.new_optuna_storage(skip_compatibility_check=True)
        # If the root logger has no handler, Optuna's migration configures logging: it prints its steps on stderr and
        # disables other loggers. A handler that does nothing prevents this.
        silence = logging.NullHandler()
        logging.getLogger().addHandler(silence)
        try:
            storage.upgrade()
        finally:
            logging.getLogger().removeHandler(silence)
            storage.remove_session()
            storage.engine.dispose()
    # Last: until Optuna's own tables are upgraded, the database counts as that of the earlier Optuna.
    with database.write() as connection:
        connection.execute(tables.schema.update().values(optuna=optuna_major()))
    return before, tables.SCHEMA_VERSION


def _upgrade_ours(connection: sa.Connection, metadata: sa.MetaData, before: int) -> None:
    steps = [_STEPS[version] for version in range(before, tables.SCHEMA_VERSION)]
    for step in steps:
        step.alter(Alterations(connection, metadata))
    reach("altered")
    # Locks the version until the commit. MySQL has committed several times since it was read, and on a server the
    # creation lock ends with its connection: another process may have upgraded the rows, which must not be done twice.
    if connection.execute(sa.select(tables.schema.c.version).with_for_update()).scalar_one() != before:
        return
    for step in steps:
        step.convert(connection)
    connection.execute(tables.schema.update().values(version=tables.SCHEMA_VERSION))
    reach("converted")


def _check_idle(connection: sa.Connection, shown: str, version: int) -> None:
    """Check that no worker of the earlier version runs: it would go on writing as its version does.

    Raises:
        DatabaseBusy: One does; the message names it.
    """
    if version == 1:
        return  # its workers did not say how long their heartbeats last
    columns = tables.workers.c
    query = (
        sa.select(columns.owner, columns.host, columns.pid, (columns.expires - now_s()).label("left_s"))
        .where(columns.expires >= now_s())
        .order_by(columns.owner, columns.lane)
    )
    rows = [row for row in connection.execute(query).all() if not is_gone(row.owner)]
    if not rows:
        return
    names = list(dict.fromkeys(f"process {row.pid} on {row.host}" for row in rows))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    wait_s = math.ceil(max(row.left_s for row in rows))
    raise DatabaseBusy(
        f"{shown}: workers of an earlier version still run: {', '.join(names[:_NAMED])}{more}; end them with Ctrl-C or "
        f"SIGTERM, which saves their trials, and upgrade again; a worker that has died counts as gone in {wait_s} s"
    )


def _alter_to_2(alterations: Alterations) -> None:
    """Add leases, events and the state of studies."""
    alterations.add_columns(tables.schema, {"optuna": 5})
    alterations.add_columns(tables.studies, {"state": "open", "wall_seen": None})
    alterations.add_columns(tables.slots, {"expires": None, "progress": 0, "device_seen": None, "checkpoint": None})
    alterations.replace(tables.workers, lacking="expires")  # no worker of version 1 is running
    alterations.create(tables.events)
    alterations.add_unique_index("tuner_slots_trial", tables.slots, ("study_id", "trial_id"))


def _convert_to_2(connection: sa.Connection) -> None:
    """Let slots name the checkpoints of their trials."""
    for study in connection.execute(sa.select(tables.studies.c.study_id, tables.studies.c.facts)).all():
        # Version 1's fingerprint of the data covered rows and tokenizer together. It cannot be compared with today's.
        facts = {key: value for key, value in study.facts.items() if key != "data"}
        connection.execute(
            tables.studies.update().where(tables.studies.c.study_id == study.study_id).values(facts=facts)
        )
    columns = tables.slots.c
    # No owner from version 1 is running.
    connection.execute(
        tables.slots.update()
        .where(columns.state == SlotState.RUNNING)
        .values(
            state=sa.case((columns.trial_id.is_(None), SlotState.EMPTY.value), else_=SlotState.INTERRUPTED.value),
            owner=None,
        )
    )
    finished = sa.select(columns.study_id, columns.slot, columns.trial_number).where(
        columns.state == SlotState.FINISHED
    )
    for row in connection.execute(finished.where(columns.trial_number.is_not(None))).all():
        # Version 1 kept the best weights, if at all, in a folder named after the trial's number. The database had no
        # digest of them.
        best = CheckpointRef(key=f"trial-{row.trial_number:05d}", sha256="", bytes=0, optimiser_steps=0)
        connection.execute(
            tables.slots.update()
            .where(columns.study_id == row.study_id, columns.slot == row.slot)
            .values(checkpoint=Checkpoints(best=best).to_dict())
        )


def _alter_to_3(alterations: Alterations) -> None:
    """Add the limits of the micro-batch size."""
    alterations.create(tables.memory)


def _alter_to_4(alterations: Alterations) -> None:
    """Add rungs, the bytes of checkpoints, and the plan of a study's search."""
    added = {"stored_bytes": 0, "reserved_bytes": 0, "first_rung": None, "target": None, "arm": None}
    alterations.add_columns(tables.slots, added)
    alterations.create(tables.plans)


_STEPS = {
    1: _Step(alter=_alter_to_2, convert=_convert_to_2),
    2: _Step(alter=_alter_to_3),
    3: _Step(alter=_alter_to_4, convert=to_percents),
}
