"""What counts as an outage, which passes by itself, and what as an error, which does not."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from storing import begin, create_study, optuna_study

from storage import (
    Database,
    DatabaseUnreachable,
    DatabaseUnreadable,
    LeaseLost,
    Slots,
    StudyNotFound,
    describe_outage,
    fenced,
)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM nosuch",
        "SELECT nosuch FROM tuner_slots",
        "SELEKT 1",
        "INSERT INTO tuner_slots (study_id) VALUES (1)",
        "INSERT INTO tuner_schema VALUES (1, 1, 1)",
    ],
)
def test_an_error_of_ours_is_no_outage(database: Database, statement: str) -> None:
    with pytest.raises(sa.exc.SQLAlchemyError) as caught, database.write() as connection:
        connection.exec_driver_sql(statement)
    assert describe_outage(caught.value) is None


def rename(database: Database, table: str, name: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {name}")


def test_an_error_of_ours_in_optunas_hands_is_no_outage(database: Database) -> None:
    create_study(database)
    trial = optuna_study(database).ask()
    rename(database, "trial_user_attributes", "hidden")
    try:
        with pytest.raises(optuna.exceptions.StorageInternalError) as caught:
            trial.set_user_attr("x", 1)
    finally:
        rename(database, "hidden", "trial_user_attributes")
    assert describe_outage(caught.value) is None


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("database is locked"),
        OSError("connection refused"),
        DatabaseUnreadable("no database"),
        StudyNotFound("none"),
        LeaseLost("slot 0"),
        KeyboardInterrupt(),
    ],
)
def test_what_no_database_has_said_is_no_outage(error: BaseException) -> None:
    assert describe_outage(error) is None


def test_what_a_lost_lease_was_caused_by_is_no_outage() -> None:
    outage = sa.exc.OperationalError("SELECT 1", {}, Exception("gone"))
    assert describe_outage(outage) == "gone"
    lost = LeaseLost("slot 0")
    lost.__cause__ = outage
    assert describe_outage(lost) is None
    unreachable = DatabaseUnreachable("postgresql://h/d cannot be used: refused")
    unreachable.__cause__ = outage
    assert describe_outage(unreachable) == "postgresql://h/d cannot be used: refused"


def test_an_outage_is_told_in_one_line() -> None:
    outage = sa.exc.OperationalError("SELECT 1", {}, Exception("server closed the connection\n\tThis probably means"))
    assert describe_outage(outage) == "server closed the connection"
    assert describe_outage(sa.exc.OperationalError("SELECT 1", {}, Exception(""))) == "OperationalError"


#: What makes a connection wait for others for 50 ms only, or not at all.
IMPATIENCE = {
    "sqlite": "PRAGMA busy_timeout = 50",
    "postgresql": "SET lock_timeout = '50ms'",
    "mysql": "SET SESSION innodb_lock_wait_timeout = 0",
}


def hurry(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "checkout")
    def set_patience(connection: Any, *_: object) -> None:
        cursor = connection.cursor()
        cursor.execute(IMPATIENCE[engine.dialect.name])
        cursor.close()


def test_a_lock_that_is_held_for_too_long_is_an_outage(database: Database, other: Database) -> None:
    slots = Slots(database, create_study(database).id)
    lease, _ = begin(slots, optuna_study(database))
    hurry(database.engine)
    with other.write() as holder:
        holder.exec_driver_sql("UPDATE tuner_slots SET reason = 'held'")
        with pytest.raises(sa.exc.OperationalError) as caught:
            slots.renew({lease}, 60.0)
    told = describe_outage(caught.value)
    assert told is not None
    assert "lock" in told.lower()


def test_a_lock_that_is_held_for_too_long_is_an_outage_in_optunas_hands_too(
    database: Database, other: Database
) -> None:
    slots = Slots(database, create_study(database).id)
    lease, trial = begin(slots, optuna_study(database))
    hurry(database.optuna_storage.engine)
    with other.write() as holder:
        holder.exec_driver_sql("UPDATE tuner_slots SET reason = 'held'")
        with pytest.raises((optuna.exceptions.StorageInternalError, sa.exc.OperationalError)) as caught, fenced(lease):
            trial.set_user_attr("x", 1)
    told = describe_outage(caught.value)
    assert told is not None
    assert "lock" in told.lower()
    with fenced(lease):
        trial.set_user_attr("x", 2)
    assert optuna_study(database).trials[0].user_attrs == {"x": 2}


@pytest.mark.parametrize(("driver", "said"), [("psycopg", ("gone",)), ("pymysql.err", (2013, "gone"))])
def test_an_outage_that_comes_from_the_driver_untranslated_is_one_too(driver: str, said: tuple[Any, ...]) -> None:
    error = pytest.importorskip(driver).OperationalError(*said)
    found = describe_outage(error)
    assert found is not None
    assert "gone" in found
    assert describe_outage(pytest.importorskip(driver).ProgrammingError(*said)) is None
