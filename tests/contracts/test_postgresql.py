"""What is true of PostgreSQL alone: what it says, and what its URLs may say."""

from __future__ import annotations

import sys

import pytest
import sqlalchemy as sa
from servers import PostgresServer
from storing import create_study

from storage import Database, DatabaseUnreachable, Events, Studies

SECRET = "s3cr3t"


def with_password(url: str, password: str = SECRET) -> str:
    return url.replace("postgres@", f"postgres:{password}@")


# ---- what cannot be opened ----


@pytest.mark.parametrize("create", [False, True])
def test_a_database_that_the_server_does_not_have_is_named_without_the_password(
    postgres_server: PostgresServer, create: bool
) -> None:
    with pytest.raises(DatabaseUnreachable) as caught:
        Database(with_password(postgres_server.url_of("nosuch")), create=create)
    assert 'database "nosuch" does not exist' in str(caught.value)
    assert f"postgres:***@127.0.0.1:{postgres_server.port}/nosuch cannot be used: " in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_user_that_the_server_does_not_know_is_refused(postgres_server: PostgresServer) -> None:
    url = postgres_server.url.replace("postgres@", f"nobody:{SECRET}@")
    with pytest.raises(DatabaseUnreachable, match='role "nobody" does not exist') as caught:
        Database(url)
    assert SECRET not in str(caught.value)


def test_without_its_driver_a_database_says_what_to_install(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for create in (False, True):
        with pytest.raises(DatabaseUnreachable, match=r"pip install 'shichimi\[postgres\]'"):
            Database(postgres_server.url, create=create)


# ---- settings ----


def test_what_the_users_url_says_goes(postgres_url: str) -> None:
    url = f"{postgres_url}?application_name=mine&connect_timeout=3&options=-c%20statement_timeout%3D7s"
    with Database(url, create=True) as database:
        for engine in (database.engine, database.optuna_storage.engine):
            with engine.connect() as connection:
                assert connection.exec_driver_sql("SHOW application_name").scalar() == "mine"
                assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "7s"
                assert connection.exec_driver_sql("SHOW timezone").scalar() == "UTC"


def test_a_database_without_an_encoding_keeps_what_is_written(postgres_server: PostgresServer) -> None:
    engine = sa.create_engine(postgres_server.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "CREATE DATABASE ascii ENCODING SQL_ASCII LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    engine.dispose()
    with Database(postgres_server.url_of("ascii"), create=True) as database:
        record = create_study(database, trials=1)
        Studies(database).set_state(record.id, "paused", reason="größer als 5: zu groß")
    with Database(postgres_server.url_of("ascii")) as again:
        assert Events(again, record.id).paused_because() == "größer als 5: zu groß"
    postgres_server.drop_database("ascii")
