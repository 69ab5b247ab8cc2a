from __future__ import annotations

import sqlite3
import subprocess
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pytest
import sqlalchemy as sa

from storage import (
    Database,
    DatabaseMissing,
    DatabaseUnreadable,
    InvalidStorageURL,
    StorageError,
    Studies,
    checkpoints_folder,
    mask_password,
)
from storage.tables import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "s3cr3t"


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


# ---- URLs and passwords ----


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{SECRET}@host/db",
        f"postgresql+psycopg://user:{SECRET}@host:5432/db?sslmode=require",
        f"mysql+pymysql://user:{SECRET}@host/db",
        f"postgresql://:{SECRET}@host/db",
        f"postgresql://user:a@{SECRET}@host/db",
        f"postgresql://user:{SECRET}@b@host/db",
        f"postgresql://user:a:{SECRET}@host/db",
        f"postgresql://user:a/{SECRET}@host/db",
        f"postgresql://user:/{SECRET}@host/db",
        f"postgresql://user:a?{SECRET}@host/db",
        f"postgresql://user:a b{SECRET}@host/db",
        f"postgresql://user@server:{SECRET}@host/db",
        f"postgresql://do/main:{SECRET}@host/db",
        f"postgresql://user:%40{SECRET}%2F@host/db",
        f"postgresql:///user:{SECRET}@host/db",
        f"postgresql:///db?user=me&password={SECRET}",
        f"postgresql://host/db?sslpassword={SECRET}&x=1",
        f"postgresql://user:{SECRET}/db",
        f"postgresql://user:{SECRET}",
        f"postgresql:user:{SECRET}@host/db",
        f"postgresql//user:{SECRET}@host/db",
        f"user:{SECRET}@host/db",
        f"user:a@{SECRET}@host",
        f"sqlite://user:{SECRET}@host/file.db",
        f"sqlite://:{SECRET}@/file.db",
        f"sqlite+pysqlcipher://:{SECRET}@/file.db",
        f"sqlite:///file.db?password={SECRET}",
        f"nosuch://user:{SECRET}@host/db",
    ],
)
@pytest.mark.parametrize("opened", [Database, Database.path_of, lambda url: Database(url, create=True)])
def test_a_password_is_never_repeated_however_odd_it_is(url: str, opened: Callable[[str], Any]) -> None:
    with pytest.raises(InvalidStorageURL) as caught:
        opened(url)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)
    everything = "".join(traceback.format_exception(caught.value, limit=0))
    assert SECRET not in everything
    assert "***" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:pw@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:***@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://h:5432/d", "postgresql://h:5432/d"),
        ("sqlite:///a:b@c.db", "sqlite:///a:b@c.db"),
        ("sqlite:////a/b:c@d.db", "sqlite:////a/b:c@d.db"),
        ("cannot reach postgresql://u:p@w@h/d: write to x@y.z", "cannot reach postgresql://u:***@h/d: write to x@y.z"),
        ("s3://key:pw@bucket and mysql://u:pw@h/d", "s3://key:***@bucket and mysql://u:***@h/d"),
        ("study.yaml:3:1: write to me@example.org", "study.yaml:3:1: write to me@example.org"),
    ],
)
def test_only_the_passwords_of_a_text_are_hidden(text: str, shown: str) -> None:
    assert mask_password(text) == shown


def test_a_password_in_the_url_of_a_checkpoint_folder_is_not_repeated() -> None:
    with pytest.raises(StorageError) as caught:
        checkpoints_folder(f"s3://key:{SECRET}@bucket/folder")
    assert SECRET not in str(caught.value)
    assert "s3 is not supported; give a folder" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://host/db", "postgresql is not supported"),
        ("mysql+pymysql://host/db", "mysql+pymysql is not supported"),
        ("sqlite+aiosqlite:///file.db", "sqlite+aiosqlite is not supported"),
        ("sqlite://", "lives in memory, where no study can be resumed"),
        ("sqlite:///", "lives in memory, where no study can be resumed"),
        ("sqlite:///:memory:", "lives in memory, where no study can be resumed"),
        ("sqlite:///file::memory:?uri=true", "lives in memory, where no study can be resumed"),
        ("sqlite:///file:x?mode=memory&cache=shared&uri=true", "lives in memory, where no study can be resumed"),
        ("sqlite:///file:x.db?uri=true", "only a plain path is supported"),
        ("sqlite:///x.db?timeout=1", "only a plain path is supported"),
        ("sqlite:///a\0b.db", "only a plain path is supported"),
        ("sqlite://folder/file.db", "a SQLite file is on no host"),
        ("tuner.db", "is no database URL"),
        ("", "is no database URL"),
        ("sqlite:/x.db", "is no database URL"),
        ("://", "is no database URL"),
        ("postgresql://h:port/db", "is no database URL"),
    ],
)
def test_a_url_that_names_no_sqlite_file_is_refused_with_the_way_to_write_it(url: str, reason: str) -> None:
    with pytest.raises(InvalidStorageURL) as caught:
        Database(url, create=True)
    assert reason in str(caught.value)
    assert "write sqlite:///folder/file.db" in str(caught.value)
    assert str(caught.value).startswith("storage ")


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


# ---- opening ----


def test_a_reader_creates_nothing(tmp_path: Path) -> None:
    for target in (tmp_path / "none.db", tmp_path / "no" / "folder" / "none.db"):
        with pytest.raises(DatabaseMissing, match=r"there is no database .*none\.db; `tuner start` makes one"):
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


def test_a_version_table_without_a_version_is_refused(database: Database, url: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM tuner_schema")
    with pytest.raises(DatabaseUnreadable, match="has tables of version None"):
        Database(url)


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
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1
    with database.optuna_storage.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1


def test_a_reader_sees_one_state_while_another_writes(database: Database, url: str) -> None:
    count = sa.text("SELECT count(*) FROM tuner_schema")
    with Database(url) as reader, reader.read() as seen:
        assert seen.execute(count).scalar() == 1
        with database.write() as writer:
            writer.exec_driver_sql("INSERT INTO tuner_schema VALUES (2, 2)")
        assert seen.execute(count).scalar() == 1
    with database.read() as later:
        assert later.execute(count).scalar() == 2


def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    def write() -> None:
        with database.write() as connection:
            connection.exec_driver_sql("INSERT INTO tuner_schema VALUES (2, 2)")
            connection.exec_driver_sql("INSERT INTO tuner_schema VALUES (1, 2)")  # stands already

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
                value = connection.exec_driver_sql("SELECT version FROM tuner_schema WHERE id = 2").scalar()
                connection.exec_driver_sql(f"UPDATE tuner_schema SET version = {value + 1} WHERE id = 2")
    return times


def test_no_addition_of_four_processes_that_read_and_then_write_is_lost(
    database: Database, url: str, race: Callable[..., list[Any]]
) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO tuner_schema VALUES (2, 0)")
    assert race(add_to_counter, 4, url, 25) == [25] * 4
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT version FROM tuner_schema WHERE id = 2").scalar() == 100


# ---- eight at once ----


def create_first(number: int, url: str) -> dict[str, str]:
    from storage import Database, Studies, StudyExists

    answers = {}
    with Database(url, create=True) as database:
        assert database.optuna_storage is not None
        for name in ("same", f"own-{number}"):
            try:
                record = Studies(database).create(
                    name,
                    direction="maximize",
                    config={"budget": {"trials": 3}, "by": number},
                    facts={},
                    trials=3,
                    first={"x": number},
                )
            except StudyExists:
                answers[name] = "exists"
            else:
                assert record.config["by"] == number
                answers[name] = "created"
    return answers


@pytest.mark.parametrize("attempt", [1, 2])
def test_eight_processes_that_start_at_once_on_nothing_all_succeed(
    tmp_path: Path, race: Callable[..., list[Any]], attempt: int
) -> None:
    url = f"sqlite:///{tmp_path}/new/folder/{attempt}.db"
    answers = race(create_first, 8, url)
    assert sorted(answer["same"] for answer in answers) == ["created"] + ["exists"] * 7
    assert [answer[f"own-{number}"] for number, answer in enumerate(answers)] == ["created"] * 8
    names = sorted(["same", *(f"own-{number}" for number in range(8))])
    with Database(url) as database:
        assert sorted(Studies(database).names()) == names
        with database.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM tuner_slots").scalar() == 3 * len(names)
        summaries = optuna.get_all_study_summaries(database.optuna_storage)
        assert sorted(summary.study_name for summary in summaries) == names
        assert {summary.n_trials for summary in summaries} == {1}
    assert journal_mode(database.path) == "wal"


# ---- what readers load ----


def test_opening_a_database_to_read_imports_neither_optuna_nor_torch(database: Database, url: str) -> None:
    program = (
        "import sys; from storage import Database, Studies; Studies(Database(sys.argv[1])).names();"
        "sys.exit(', '.join({'torch', 'optuna', 'transformers'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
