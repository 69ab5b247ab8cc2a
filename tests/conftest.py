"""What every tier of tests shares."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import hypothesis
import pytest
from servers import MariaDBServer, PostgresServer, S3Server, ServerUnavailable

# Before any test imports a library that reads them.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Threads that wait for each other sleep: where several tests run at once, spinning takes the processor from the rest.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# A machine that runs several tests at once makes a quick example slow now and then; hangs are the timeout's to find.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")

Server = TypeVar("Server")

_TIERS = ("chaos", "contracts", "integration")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        tier = item.path.relative_to(Path(__file__).parent).parts[0]
        if tier in _TIERS:
            item.add_marker(tier)


def _start(kind: Callable[..., Server], **settings: str | int) -> Server:
    """Start a server, or skip the test where its programs are missing; where CI runs, that is an error."""
    try:
        return kind(**settings)
    except ServerUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def new_postgres_server() -> Callable[..., PostgresServer]:
    """Give a PostgreSQL for a test alone, to kill or to set up otherwise: `with new_postgres_server() as server:`."""
    return partial(_start, PostgresServer)


@pytest.fixture(scope="session")
def postgres_server(new_postgres_server: Callable[..., PostgresServer]) -> Iterator[PostgresServer]:
    """The PostgreSQL that the tests of a session share."""
    with new_postgres_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A fresh PostgreSQL database."""
    name = f"test_{uuid.uuid4().hex}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def new_mariadb_server() -> Callable[..., MariaDBServer]:
    """Give a MariaDB for a test alone, to kill or to set up otherwise: `with new_mariadb_server() as server:`."""
    return partial(_start, MariaDBServer)


@pytest.fixture(scope="session")
def mariadb_server(new_mariadb_server: Callable[..., MariaDBServer]) -> Iterator[MariaDBServer]:
    """The MariaDB that the tests of a session share."""
    with new_mariadb_server() as server:
        yield server


@pytest.fixture
def mariadb_url(mariadb_server: MariaDBServer) -> Iterator[str]:
    """A fresh MariaDB database."""
    name = f"test_{uuid.uuid4().hex}"
    yield mariadb_server.create_database(name)
    mariadb_server.drop_database(name)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """The S3 that the tests of a session share; `s3_url` leads a test to it."""
    with S3Server() as server:
        yield server


@pytest.fixture
def s3_url(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder in a fresh bucket; this process and what it starts find it at that URL."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return f"{s3_server.make_bucket(f'test-{uuid.uuid4().hex}')}/checkpoints"
