"""Databases as text: written so that they load again exactly, and loaded."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
#: One folder each: `database.sql`, the checkpoints if there are any, and outputs of the version that can read it.
STUDIES = ("interrupted", "finished", "fine-tuning", "version-1", "version-2")
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
