"""Upgrades the tables of an earlier version to the current one, version by version, in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable

import sqlalchemy as sa

from storage import tables
from storage.database import Database, optuna_major, schema_version
from storage.records import CheckpointRef, Checkpoints
from storage.states import SlotState


def upgrade(database: Database) -> tuple[int, int]:
    """Upgrade our tables and Optuna's. No other process may use the database meanwhile.

    Args:
        database: A database opened with `outdated=True`.

    Returns:
        The version of our tables before and after.
    """
    with database.creation_lock(), database.write() as connection:
        before = schema_version(connection)
        assert before is not None  # otherwise `Database` would have raised DatabaseMissing
        for version in range(before, tables.SCHEMA_VERSION):
            _STEPS[version](connection)
        connection.execute(tables.schema.update().values(version=tables.SCHEMA_VERSION))
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


def _to_2(connection: sa.Connection) -> None:
    """Add leases, events and the state of studies. Slots now name the checkpoints of their trials."""
    quoted = connection.dialect.identifier_preparer.quote
    for table, names in (
        (tables.schema, ("optuna",)),
        (tables.studies, ("state", "wall_seen")),
        (tables.slots, ("expires", "progress", "device_seen", "checkpoint")),
    ):
        for name in names:
            column = table.c[name]
            default = {"optuna": " DEFAULT 5", "state": " DEFAULT 'open'", "progress": " DEFAULT 0"}.get(name, "")
            kind = column.type.compile(connection.dialect)
            null = "" if column.nullable else " NOT NULL"
            added = f"{quoted(name)} {kind}{null}{default}"
            connection.exec_driver_sql(f"ALTER TABLE {quoted(table.name)} ADD COLUMN {added}")
    connection.exec_driver_sql(f"DROP TABLE {quoted(tables.workers.name)}")  # no worker of version 1 is running
    tables.workers.create(connection)
    tables.events.create(connection)
    connection.exec_driver_sql("CREATE UNIQUE INDEX tuner_slots_trial ON tuner_slots (study_id, trial_id)")
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


def _to_3(connection: sa.Connection) -> None:
    """Add the limits of the micro-batch size."""
    tables.memory.create(connection)


_STEPS: dict[int, Callable[[sa.Connection], None]] = {1: _to_2, 2: _to_3}
