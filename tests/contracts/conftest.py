"""One suite, run on each backend."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import optuna
import pytest
import sqlalchemy as sa
from racing import holding, race
from servers import MariaDBServer, PostgresServer
from storing import create_study, optuna_study

from storage import Database, Slots, StudyRecord

__all__ = ["holding", "race"]

Watch: TypeAlias = Callable[[Database], Callable[..., None]]

_BACKENDS = ["sqlite", "postgresql", "mariadb"]
_DEADLINE_S = 60.0
#: How many wait for a lock that somebody else holds.
_WAITING = {
    "postgresql": (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
    ),
    "mysql": "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
}


@pytest.fixture(params=_BACKENDS)
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that nothing was ever written to."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tuner.db'}"
    url: str = request.getfixturevalue({"postgresql": "postgres_url", "mariadb": "mariadb_url"}[request.param])
    return url


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with our tables and Optuna's, which take most of a second to make."""
    path = tmp_path_factory.mktemp("tables") / "tuner.db"
    with Database(f"sqlite:///{path}", create=True) as database:
        assert database.optuna_storage is not None
    return path


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: PostgresServer) -> str:
    """A database with our tables and Optuna's, to be emptied before it is used."""
    url = postgres_server.create_database("contracts")
    with Database(url, create=True) as database:
        assert database.optuna_storage is not None
    return url


@pytest.fixture(scope="session")
def mariadb_tables(mariadb_server: MariaDBServer) -> str:
    """The same on MariaDB."""
    url = mariadb_server.create_database("contracts")
    with Database(url, create=True) as database:
        assert database.optuna_storage is not None
    return url


@pytest.fixture(params=_BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with our tables and Optuna's, and no study."""
    if request.param == "sqlite":
        path = tmp_path / "tuner.db"
        shutil.copyfile(request.getfixturevalue("sqlite_tables"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue({"postgresql": "postgres_tables", "mariadb": "mariadb_tables"}[request.param])
    _empty(url)
    return url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with Database(url) as opened:
        yield opened


@pytest.fixture
def other(url: str) -> Iterator[Database]:
    """The same database, as another machine has opened it."""
    with Database(url) as opened:
        yield opened


@pytest.fixture
def record(database: Database) -> StudyRecord:
    return create_study(database, trials=3)


@pytest.fixture
def slots(database: Database, record: StudyRecord) -> Slots:
    return Slots(database, record.id)


@pytest.fixture
def study(database: Database, record: StudyRecord) -> optuna.Study:
    return optuna_study(database, record.name)


@pytest.fixture(scope="session")
def dead_owner() -> str:
    """An owner whose process was one of this machine's."""
    script = "from storage import new_owner; print(new_owner(), flush=True); import os; os.kill(os.getpid(), 9)"
    return subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=False).stdout.strip()


@pytest.fixture
def watch(url: str) -> Iterator[Watch]:
    """Tell when somebody waits for another one's transaction: `waits = watch(database)`, and later `waits()` returns.

    `waits(thread)` returns as well when that thread ends without having waited. A server says itself who waits. Of a
    file it is known that whoever says BEGIN IMMEDIATE to it goes no further.
    """
    if url.startswith("sqlite"):
        yield _watch_file
        return
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    query = sa.text(_WAITING[engine.dialect.name])

    def wait(thread: threading.Thread | None = None) -> None:
        deadline = time.monotonic() + _DEADLINE_S
        with engine.connect() as connection:
            while not connection.execute(query).scalar() and (thread is None or thread.is_alive()):
                assert time.monotonic() < deadline
                # InnoDB shows what it showed at the look before, unless that was a tenth of a second ago.
                time.sleep(0.15)

    yield lambda _: wait
    engine.dispose()


def _watch_file(database: Database) -> Callable[..., None]:
    begins = threading.Event()

    def look(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement == "BEGIN IMMEDIATE":
            begins.set()

    for engine in (database.engine, database.optuna_storage.engine):
        sa.event.listen(engine, "before_cursor_execute", look)

    def wait(_: threading.Thread | None = None) -> None:
        assert begins.wait(_DEADLINE_S)

    return wait


def _empty(url: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        kept = ("alembic_version", "version_info", "tuner_schema")
        names = [name for name in sa.inspect(connection).get_table_names() if name not in kept]
        if engine.dialect.name == "postgresql":
            statements = [f"TRUNCATE {', '.join(names)} RESTART IDENTITY CASCADE"]
        else:  # a table at a time, and slowly
            filled = [name for name in names if connection.exec_driver_sql(f"SELECT 1 FROM {name} LIMIT 1").first()]
            statements = ["SET foreign_key_checks = 0", *(f"TRUNCATE {name}" for name in filled)]
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()
