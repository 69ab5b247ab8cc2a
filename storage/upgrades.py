"""Upgrades: tables of an earlier version brought up to date, step by step, in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable

import sqlalchemy as sa

from storage import tables
from storage.database import Database, optuna_major, schema_version
from storage.records import CheckpointRef, Checkpoints
from storage.states import SlotState


def upgrade(database: Database) -> tuple[int, int]:
    """Bring our tables and Optuna's up to date. Nobody else may use the database meanwhile.

    Args:
        database: Opened with `outdated`.

    Returns:
        The version that our tables had, and the one that they have.
    """
    with database.creation_lock(), database.write() as connection:
        before = schema_version(connection)
        assert before is not None  # or it could not have been opened
        for version in range(before, tables.SCHEMA_VERSION):
            _STEPS[version](connection)
        connection.execute(tables.schema.update().values(version=tables.SCHEMA_VERSION))
    with database.creation_lock():
        storage = database.new_optuna_storage(skip_compatibility_check=True)
        # Where nobody has set up logging, Optuna's migration does: it tells its steps on stderr, and silences others.
        silence = logging.NullHandler()
        logging.getLogger().addHandler(silence)
        try:
            storage.upgrade()
        finally:
            logging.getLogger().removeHandler(silence)
            storage.remove_session()
            storage.engine.dispose()
    # Last: until Optuna's own tables are done, the database counts as that of another one.
    with database.write() as connection:
        connection.execute(tables.schema.update().values(optuna=optuna_major()))
    return before, tables.SCHEMA_VERSION


def _to_2(connection: sa.Connection) -> None:
    """Leases, events, the state of studies; kept weights are named by their slots."""
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
    connection.exec_driver_sql(f"DROP TABLE {quoted(tables.workers.name)}")  # who lived then is gone
    tables.workers.create(connection)
    tables.events.create(connection)
    connection.exec_driver_sql("CREATE UNIQUE INDEX tuner_slots_trial ON tuner_slots (study_id, trial_id)")
    for study in connection.execute(sa.select(tables.studies.c.study_id, tables.studies.c.facts)).all():
        # Then it was of the rows and the tokenizer in one, with which nothing of today can be compared.
        facts = {key: value for key, value in study.facts.items() if key != "data"}
        connection.execute(
            tables.studies.update().where(tables.studies.c.study_id == study.study_id).values(facts=facts)
        )
    columns = tables.slots.c
    # Whoever held a slot then is gone.
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
        # Where the weights were kept, they lie in a folder of the trial's number, with a digest of their own.
        best = CheckpointRef(key=f"trial-{row.trial_number:05d}", sha256="", bytes=0, optimiser_steps=0)
        connection.execute(
            tables.slots.update()
            .where(columns.study_id == row.study_id, columns.slot == row.slot)
            .values(checkpoint=Checkpoints(best=best).to_dict())
        )


def _to_3(connection: sa.Connection) -> None:
    """What fits in memory."""
    tables.memory.create(connection)


_STEPS: dict[int, Callable[[sa.Connection], None]] = {1: _to_2, 2: _to_3}
