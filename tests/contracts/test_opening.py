from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from storing import count, create_study

from storage import Database, DatabaseMissing, DatabaseOutdated, Studies
from storage.clock import now_s
from storage.database import optuna_major
from storage.tables import SCHEMA_VERSION, metadata


def table_names(database: Database) -> set[str]:
    return set(sa.inspect(database.engine).get_table_names())


def optunas_alone(url: str) -> optuna.storages.RDBStorage:
    if url.startswith("mysql"):  # where Optuna goes by the database's own collation, and not all are good enough
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            connection.exec_driver_sql("ALTER DATABASE COLLATE utf8mb4_bin")
        engine.dispose()
    return optuna.storages.RDBStorage(url)


def test_nothing_is_made_unless_it_is_asked_for(storage_url: str) -> None:
    with pytest.raises(DatabaseMissing, match="`tuner start` makes one"):
        Database(storage_url)
    with Database(storage_url, create=True) as database:
        assert set(metadata.tables) == table_names(database)
        assert Studies(database).names() == []
        assert database.optuna_storage is not None
        assert {"studies", "trials", "alembic_version"} < table_names(database)
    with Database(storage_url) as database:
        assert Studies(database).names() == []


def test_opening_a_second_time_changes_nothing(url: str) -> None:
    with Database(url, create=True) as database:
        before = table_names(database)
        assert database.optuna_storage is not None
        assert table_names(database) == before
        with database.read() as connection:
            row = connection.exec_driver_sql("SELECT id, version, optuna FROM tuner_schema").all()
        assert row == [(1, SCHEMA_VERSION, optuna_major())]


def test_a_database_of_optuna_alone_holds_no_study_until_it_is_asked_to(storage_url: str) -> None:
    theirs = optunas_alone(storage_url)
    optuna.create_study(storage=theirs, study_name="theirs")
    theirs.remove_session()
    theirs.engine.dispose()
    with pytest.raises(DatabaseMissing, match="holds no study of tuner"):
        Database(storage_url)
    with Database(storage_url, create=True) as database:
        assert Studies(database).names() == []
        assert optuna.get_all_study_names(database.optuna_storage) == ["theirs"]


@pytest.mark.parametrize("create", [False, True])
def test_tables_of_a_later_version_are_refused(storage_url: str, create: bool) -> None:
    with Database(storage_url, create=True) as database, database.write() as connection:
        connection.exec_driver_sql("UPDATE tuner_schema SET version = version + 1")
    with pytest.raises(DatabaseOutdated, match=r"has tables of version 5, .* version 4; use the tuner that made them"):
        Database(storage_url, create=create)


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


@pytest.mark.rest
def test_eight_processes_that_start_at_once_on_nothing_all_succeed(
    storage_url: str, race: Callable[..., list[Any]]
) -> None:
    answers = race(create_first, 8, storage_url)
    assert sorted(answer["same"] for answer in answers) == ["created"] + ["exists"] * 7
    assert [answer[f"own-{number}"] for number, answer in enumerate(answers)] == ["created"] * 8
    names = sorted(["same", *(f"own-{number}" for number in range(8))])
    with Database(storage_url) as database:
        assert sorted(Studies(database).names()) == names
        assert count(database, "tuner_slots") == 3 * len(names)
        assert count(database, "tuner_schema") == count(database, "version_info") == 1
        summaries = optuna.get_all_study_summaries(database.optuna_storage)
        assert sorted(summary.study_name for summary in summaries) == names
        assert {summary.n_trials for summary in summaries} == {1}


# ---- transactions ----


def test_a_reader_sees_one_state_while_another_writes(database: Database, other: Database) -> None:
    create_study(database)
    query = sa.text("SELECT count(*) FROM tuner_studies")
    with other.read() as seen:
        assert seen.execute(query).scalar() == 1
        create_study(database, "two")
        assert seen.execute(query).scalar() == 1
    assert count(other, "tuner_studies") == 2


def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    def write() -> None:
        with database.write() as connection:
            for slot in (1, 2, 1):  # which stands already, the third time
                connection.exec_driver_sql(
                    "INSERT INTO tuner_slots "
                    "(study_id, slot, state, attempt, crashes, progress, device_s, stored_bytes, reserved_bytes) "
                    f"VALUES (1, {slot}, 'empty', 0, 0, 0, 0, 0, 0)"
                )

    with pytest.raises(sa.exc.IntegrityError):
        write()
    assert count(database, "tuner_slots") == 0


def test_a_transaction_that_was_left_by_an_error_is_over(database: Database, other: Database) -> None:
    create_study(database)
    query = "UPDATE tuner_studies SET wall_s = wall_s + 1"

    def write() -> None:
        with database.write() as connection:
            connection.exec_driver_sql(query)
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write()
    with other.write() as connection:  # which waits for nobody
        connection.exec_driver_sql(query)
    assert Studies(database).get("one").wall_s == 1.0


# ---- the clock ----


def test_the_clock_of_the_database_counts_seconds_since_1970_and_goes_on_within_a_transaction(
    database: Database,
) -> None:
    before = time.time()
    with database.read() as connection:
        first = connection.execute(sa.select(now_s())).scalar_one()
        deadline = time.monotonic() + 30
        while (second := connection.execute(sa.select(now_s())).scalar_one()) == first:
            assert time.monotonic() < deadline
    assert isinstance(first, float)
    assert before - 1 < first < second < time.time() + 1  # both run on this machine


# ---- forks ----


def test_a_process_reads_a_database_without_ever_importing_optuna(database: Database, url: str) -> None:
    create_study(database)
    program = (
        "import sys; from storage import Database, Studies\n"
        "assert Studies(Database(sys.argv[1])).names() == ['one']\n"
        "sys.exit(', '.join({'torch', 'optuna', 'transformers'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
