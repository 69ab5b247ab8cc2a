"""What is true of SQLite files alone; what is true of every database is in tests/contracts."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from storing import create_study, optuna_study

from storage import Database, DatabaseMissing, DatabaseUnreadable, History, Studies
from storage.backends import BUSY_TIMEOUT_S, writing_from_the_start
from storage.tables import SCHEMA_VERSION


def journal_mode(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])
    finally:
        connection.close()


def tables_of(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    try:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        connection.close()


# ---- opening ----


@pytest.mark.parametrize("name", ["a b.db", "a#b.db", "a@b:c.db", "über.db", "mode=memory.db", "a+b&c.db"])
def test_a_path_of_any_letters_is_one_file_for_us_and_for_optuna(tmp_path: Path, name: str) -> None:
    with Database(f"sqlite:///{tmp_path}/{name}", create=True) as database:
        assert database.path == tmp_path / name
        optuna.create_study(storage=database.optuna_storage, study_name="s")
    assert {"tuner_slots", "studies"} <= tables_of(tmp_path / name)
    assert [entry.name for entry in tmp_path.glob("*.db")] == [name]


def test_a_relative_path_starts_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Database("sqlite:///sub/x.db", create=True) as database:
        assert database.path == tmp_path / "sub" / "x.db"
        assert database.url == "sqlite:///sub/x.db"
    assert (tmp_path / "sub" / "x.db").exists()


def test_a_reader_creates_nothing(tmp_path: Path) -> None:
    for target in (tmp_path / "none.db", tmp_path / "no" / "folder" / "none.db"):
        with pytest.raises(
            DatabaseMissing, match=r"no database .*none\.db; `tuner start` makes one once .* in another one\?$"
        ):
            Database(f"sqlite:///{target}")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_holds_no_study_and_stays_empty_for_a_reader(path: Path, url: str) -> None:
    path.touch()
    with pytest.raises(DatabaseMissing, match="holds no study of tuner"):
        Database(url)
    assert path.read_bytes() == b""
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_database_of_optuna_alone_holds_no_study_until_it_is_asked_to(path: Path, url: str) -> None:
    storage = optuna.storages.RDBStorage(url)
    optuna.create_study(storage=storage, study_name="theirs")
    storage.remove_session()
    storage.engine.dispose()
    with pytest.raises(DatabaseMissing, match="holds no study of tuner"):
        Database(url)
    assert "tuner_studies" not in tables_of(path)
    with Database(url, create=True) as database:
        assert Studies(database).names() == []
        assert optuna.get_all_study_names(database.optuna_storage) == ["theirs"]


@pytest.mark.parametrize("create", [False, True])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path: Path, url: str, create: bool) -> None:
    content = b"learning_rate,accuracy\n1e-4,0.8\n" * 100
    path.write_bytes(content)
    with pytest.raises(DatabaseUnreadable, match="cannot be used as a database: file is not a database"):
        Database(url, create=create)
    assert path.read_bytes() == content


@pytest.mark.parametrize("create", [False, True])
def test_a_folder_in_place_of_the_file_is_refused(path: Path, url: str, create: bool) -> None:
    path.mkdir()
    with pytest.raises(DatabaseUnreadable, match="cannot be used as a database: unable to open database file"):
        Database(url, create=create)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseUnreadable, match=r"file/sub cannot be made: Not a directory"):
        Database(f"sqlite:///{tmp_path}/file/sub/x.db", create=True)
    with pytest.raises(DatabaseMissing):
        Database(f"sqlite:///{tmp_path}/file/sub/x.db")


@pytest.mark.parametrize("create", [False, True])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, create: bool) -> None:
    with pytest.raises(DatabaseUnreadable, match="File name too long"):
        Database(f"sqlite:///{tmp_path}/{'n' * 300}.db", create=create)


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, SCHEMA_VERSION - 1])
def test_tables_of_another_version_are_refused_and_left_as_they_are(
    path: Path, url: str, version: int, create: bool
) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE tuner_schema (id INTEGER PRIMARY KEY, version INTEGER NOT NULL)")
    connection.execute("INSERT INTO tuner_schema VALUES (1, ?)", (version,))
    connection.commit()
    connection.close()
    with pytest.raises(DatabaseUnreadable) as caught:
        Database(url, create=create)
    assert f"has tables of version {version}, this tuner writes version {SCHEMA_VERSION}" in str(caught.value)
    assert tables_of(path) == {"tuner_schema"}


def test_tables_without_a_version_are_not_all_made_until_somebody_makes_the_rest(database: Database, url: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM tuner_schema")
        connection.exec_driver_sql("DROP TABLE tuner_events")
    with pytest.raises(DatabaseMissing, match="holds no study of tuner"):
        Database(url)
    with Database(url, create=True) as again:
        assert sa.inspect(again.engine).has_table("tuner_events")


def test_opening_a_second_time_changes_nothing(database: Database, path: Path, url: str) -> None:
    before = tables_of(path)
    with Database(url, create=True) as second, second.read() as connection:
        assert connection.exec_driver_sql("SELECT id, version FROM tuner_schema").all() == [(1, SCHEMA_VERSION)]
    assert tables_of(path) == before


# ---- transactions ----


def test_the_journal_is_really_wal_for_everybody(database: Database, path: Path) -> None:
    assert journal_mode(path) == "wal"
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    with database.optuna_storage.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_reader_sees_one_state_while_another_writes(database: Database, url: str) -> None:
    count = sa.text("SELECT count(*) FROM tuner_schema")
    with Database(url) as reader, reader.read() as seen:
        assert seen.execute(count).scalar() == 1
        with database.write() as writer:
            writer.exec_driver_sql("INSERT INTO tuner_schema VALUES (2, 2, 5)")
        assert seen.execute(count).scalar() == 1
    with database.read() as later:
        assert later.execute(count).scalar() == 2


def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    def write() -> None:
        with database.write() as connection:
            connection.exec_driver_sql("INSERT INTO tuner_schema VALUES (2, 2, 5)")
            connection.exec_driver_sql("INSERT INTO tuner_schema VALUES (1, 2, 5)")  # stands already

    with pytest.raises(sa.exc.IntegrityError):
        write()
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM tuner_schema").scalar() == 1


def test_of_two_writers_the_second_waits_from_its_start(database: Database, path: Path) -> None:
    other = sqlite3.connect(path, timeout=0)
    try:
        with database.write():
            with pytest.raises(sqlite3.OperationalError, match="database is locked"):
                other.execute("BEGIN IMMEDIATE")
            other.execute("SELECT * FROM tuner_schema").fetchall()  # a reader never waits
        other.execute("BEGIN IMMEDIATE")
    finally:
        other.close()


def add_to_counter(number: int, url: str, times: int) -> int:
    from storage import Database

    with Database(url) as database:
        for _ in range(times):
            with database.write() as connection:
                value = connection.exec_driver_sql("SELECT value FROM counter").scalar()
                connection.exec_driver_sql(f"UPDATE counter SET value = {value + 1}")
    return times


def test_no_addition_of_four_processes_that_read_and_then_write_is_lost(
    database: Database, url: str, race: Callable[..., list[Any]]
) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE counter AS SELECT 0 AS value")
    assert race(add_to_counter, 4, url, 25) == [25] * 4
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT value FROM counter").scalar() == 100


def test_a_fenced_transaction_of_optuna_owns_the_right_to_write_from_its_start(database: Database, path: Path) -> None:
    other = sqlite3.connect(path, timeout=0)
    storage = database.optuna_storage
    try:
        with storage.engine.connect() as reader:
            reader.execute(sa.text("SELECT * FROM studies")).all()
            other.execute("BEGIN IMMEDIATE")  # elsewhere a reader of Optuna's is in nobody's way
            other.rollback()
        with writing_from_the_start(), storage.engine.connect() as writer:
            writer.execute(sa.text("SELECT * FROM studies")).all()
            with pytest.raises(sqlite3.OperationalError, match="database is locked"):
                other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")
    finally:
        other.close()


def test_a_writer_is_waited_for_as_long_by_optuna_as_by_us(database: Database) -> None:
    milliseconds = BUSY_TIMEOUT_S * 1000
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == milliseconds
    with database.optuna_storage.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == milliseconds


# ---- what readers load and change ----


def test_reading_imports_neither_optuna_nor_torch(database: Database, url: str) -> None:
    create_study(database)
    study = optuna_study(database)
    study.tell(study.ask(), 0.5)
    program = (
        "import sys; from storage import Database, Events, History, Studies, Workers\n"
        "database = Database(sys.argv[1]); record = Studies(database).get('one'); history = History(database, record)\n"
        "assert history.trials()[0].value == history.best().value == 0.5\n"
        "assert Events(database, record.id).all() == Workers(database, record.id).alive() == []\n"
        "sys.exit(', '.join({'torch', 'optuna', 'transformers', 'pandas', 'psycopg'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_reader_changes_nothing(database: Database, url: str) -> None:
    create_study(database)
    optuna_study(database).ask().report(0.5, 1)
    with database.read() as connection:
        before = connection.exec_driver_sql("PRAGMA data_version").scalar()
        with Database(url) as reader:
            history = History(reader, Studies(reader).get("one"))
            assert [trial.state for trial in history.trials()] == ["interrupted"]
            assert history.best() is None
        assert connection.exec_driver_sql("PRAGMA data_version").scalar() == before
