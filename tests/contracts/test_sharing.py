"""Connections to a server are shared: kept for moments, given back when others lack them, waited for."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from servers import PostgresServer

from storage import Database, DatabaseUnreachable, give_back, waiting_for_connections


@pytest.fixture(scope="module")
def tiny(new_postgres_server: Callable[..., PostgresServer]) -> Iterator[PostgresServer]:
    """A server of three connections, none of them kept back for its superuser."""
    with new_postgres_server(max_connections=3, superuser_reserved_connections=0) as server:
        yield server


@pytest.fixture
def url(tiny: PostgresServer) -> str:
    return tiny.create_database(f"tiny_{uuid.uuid4().hex}")


@pytest.fixture
def crowd(url: str) -> Iterator[list[sa.Connection]]:
    """Every connection, held by others until closed."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    held = [engine.connect() for _ in range(3)]
    yield held
    for connection in held:
        connection.close()


def test_a_command_waits_for_a_connection_and_says_so_once(url: str, crowd: list[sa.Connection]) -> None:
    told: list[str] = []
    waiting = threading.Event()

    def notice(text: str) -> None:
        told.append(text)
        waiting.set()

    def leave() -> None:
        waiting.wait(30)
        for connection in crowd:
            connection.close()

    leaving = threading.Thread(target=leave)
    leaving.start()
    with waiting_for_connections(notice), Database(url, create=True):
        pass
    leaving.join()
    (text,) = told
    assert text.startswith("every connection of the database is taken, waiting for one: ")
    assert "too many clients" in text


@pytest.mark.usefixtures("crowd")
def test_without_one_in_time_the_command_says_why(url: str) -> None:
    with (
        waiting_for_connections(seconds=0.0),
        pytest.raises(DatabaseUnreachable, match="too many clients"),
    ):
        Database(url, create=True)


def test_a_database_that_lies_idle_holds_one_connection_until_it_is_given_back(url: str, tiny: PostgresServer) -> None:
    name = url.rsplit("/", 1)[1]
    with Database(url, create=True) as database:
        assert database.optuna_storage.get_all_studies() == []
        give_back(kept_s=3600.0)
        assert 1 <= tiny.connections_to(name) <= 2
        give_back()
        closed = threading.Event()
        while tiny.connections_to(name):  # the server notices a moment later
            assert not closed.wait(0.01)
        assert database.optuna_storage.get_all_studies() == []
