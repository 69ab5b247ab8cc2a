"""Databases as text: written so that they load again exactly, and loaded."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

HERE = Path(__file__).parent
#: One folder each: `database.sql`, the checkpoints if there are any, and outputs of the version that can read it. By
#: folder, the version of its tables.
STUDIES = {"interrupted": 3, "finished": 3, "fine-tuning": 3, "version-1": 1, "version-2": 2}
#: Environment in which NumPy draws the same points on every x86-64: it goes without the instruction sets above its
#: baseline, which round otherwise in the last bit or put equal numbers in another order. Names of the pinned NumPy.
PLAIN = {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"}


def dump(path: Path) -> str:
    """Return a SQLite file as SQL that makes it again.

    Raises:
        AssertionError: It would not be the same.
    """
    with closing(sqlite3.connect(path)) as connection:
        text = "\n".join(["PRAGMA journal_mode=WAL;", *connection.iterdump(), ""])
        with closing(sqlite3.connect(":memory:")) as again:
            again.executescript(text)
            assert list(rows(again)) == list(rows(connection)), "the SQL is not the same database"
    return text


def rows(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield every table's definition and rows."""
    tables = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    for name, sql in tables:
        yield name, sql
        if sql and sql.startswith("CREATE TABLE"):
            yield from connection.execute(f'SELECT * FROM "{name}" ORDER BY rowid')


def place(name: str, folder: Path) -> str:
    """Put a study of this folder where the command finds it: `tuner.db`, and its checkpoints beside it.

    Returns:
        The database's URL.
    """
    path = folder / "tuner.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((HERE / name / "database.sql").read_text(encoding="utf-8"))
    checkpoints = HERE / name / "checkpoints"
    if checkpoints.is_dir():
        shutil.copytree(checkpoints, folder / "tuner-checkpoints")
    shutil.copy(HERE / "fixture_training.py", folder)
    return f"sqlite:///{path}"


def transplant(source: str, target: str) -> None:
    """Copy a database of this folder into an empty one of another kind, as its version would have written it there.

    Args:
        source: URL of the SQLite file.
        target: URL of an empty database on a server.
    """
    from optuna.storages import RDBStorage
    from optuna.storages._rdb.models import BaseModel

    from storage.backends import backend_of
    from storage.urls import parse_url

    ours, theirs = sa.MetaData(), BaseModel.metadata
    reading, writing = sa.create_engine(source), sa.create_engine(target)
    backend = backend_of(parse_url(target))
    with reading.connect() as earlier, writing.begin() as here:
        ours.reflect(earlier, only=lambda name, _: name.startswith("tuner_"))
        for table in ours.tables.values():
            for column in table.columns:
                column.type = column.type.as_generic()
        if "tuner_events" in ours.tables:  # SQLite counts in a type of its own
            ours.tables["tuner_events"].c.id.type = sa.BigInteger()
        for metadata in (ours, theirs):
            backend.tables(metadata).create_all(here)
    storage = RDBStorage(target)  # writes the versions of its tables
    storage.remove_session()
    storage.engine.dispose()
    with reading.connect() as earlier, writing.begin() as here:
        for table in (*ours.sorted_tables, *theirs.sorted_tables):
            copied = [dict(row._mapping) for row in earlier.execute(sa.select(table))]
            if copied and table.name != "version_info":
                here.execute(table.insert(), copied)
                _count_on(here, table)
    for engine in (reading, writing):
        engine.dispose()


def _count_on(connection: sa.Connection, table: sa.Table) -> None:
    """Have PostgreSQL number the next row after those that were copied; MariaDB does."""
    keys = list(table.primary_key.columns)
    if connection.dialect.name == "postgresql" and len(keys) == 1 and isinstance(keys[0].type, sa.Integer):
        sequence = f"pg_get_serial_sequence('{table.name}', '{keys[0].name}')"
        connection.exec_driver_sql(f"SELECT setval({sequence}, (SELECT max({keys[0].name}) FROM {table.name}))")
