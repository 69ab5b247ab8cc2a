"""What every tier of tests shares."""

from __future__ import annotations

import gc
import os
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import hypothesis
import pytest
from servers import MariaDBServer, PostgresServer, S3Server, Server, ServerUnavailable

# Before any test imports a library that reads them.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Threads that wait for each other sleep: where several tests run at once, spinning takes the processor from the rest.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# A machine that runs several tests at once makes a quick example slow now and then; hangs are the timeout's to find.
# Examples are the same in each run: a change is judged by its own faults, not by a draw that finds an older one. Give
# TUNER_TESTS_BY_CHANCE=1 to look for such.
hypothesis.settings.register_profile("shared", deadline=None, derandomize="TUNER_TESTS_BY_CHANCE" not in os.environ)
hypothesis.settings.load_profile("shared")

Kind = TypeVar("Kind")

_TIERS = ("chaos", "contracts", "integration")
#: Where files are in memory, which SQLite's syncs cost nothing of; what a run leaves there takes some 100 MB.
_MEMORY, _MEMORY_BYTES = Path("/dev/shm"), 2 << 30
#: Folders and files of which each test is of `make test-rest`: the slowest for what a change often breaks.
_REST = (
    *("chaos", "gpu", "integration", "benchmarks/test_small_modes.py"),
    *("acceptance/test_corruption.py", "acceptance/test_never_pruned.py", "acceptance/test_pruning.py"),
    *("acceptance/test_resume_elsewhere.py", "acceptance/test_saving_cost.py", "acceptance/test_wheel.py"),
    *("contracts/test_space_edits.py", "unit/tuner/search/test_learning.py", "unit/tuner/training/test_script.py"),
    *("unit/tuner/training/test_out_of_memory.py", "unit/tuner/training/model/test_four_bits.py"),
    *("unit/tuner/study/test_gguf_models.py", "unit/tuner/reporting/trackers/test_relay.py"),
)
#: Of a test for several architectures, `make test-rest` runs these, and `make test` the others.
_LATER = {"roberta", "distilbert", "electra", "deberta-v2"}
#: Values of parameters that lead a test to a server.
_SERVERS = {"postgresql", "mariadb", "s3"}
#: The order in which files are begun: those that take minutes first, so that no worker is left alone with one.
_ORDER = ("benchmarks", "architectures", "chaos", "docs", "acceptance", "contracts", "integration", "gpu", "unit")


def pytest_configure() -> None:
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK):
        found = os.statvfs(_MEMORY)
        if found.f_bavail * found.f_frsize >= _MEMORY_BYTES and not found.f_flag & os.ST_NOEXEC:
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        parts = item.path.relative_to(Path(__file__).parent).parts
        if parts[0] in _TIERS:
            item.add_marker(parts[0])
        if parts[0] in _REST or "/".join(parts) in _REST or _asks_for_a_server(item) or _is_later(item):
            item.add_marker("rest")
    items.sort(key=lambda item: _ORDER.index(item.path.relative_to(Path(__file__).parent).parts[0]))


def pytest_collection_finish() -> None:
    # Preparation and trials collect garbage; to look at all that imports have made took half of their tests' time.
    gc.collect()
    gc.freeze()


def _asks_for_a_server(item: pytest.Item) -> bool:
    if "unit" in item.path.parts:
        return False
    names = getattr(item, "fixturenames", ())
    called = getattr(item, "callspec", None)
    values = [] if called is None else [*called.params.values()]
    values += [part for value in values if isinstance(value, tuple) for part in value]
    return any("server" in name or name == "s3_url" for name in names) or any(
        isinstance(value, str) and value in _SERVERS for value in values
    )


def _is_later(item: pytest.Item) -> bool:
    called = getattr(item, "callspec", None)
    values = [] if called is None or "training" not in item.path.parts else called.params.values()
    return any(isinstance(value, str) and value in _LATER for value in values)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    # A test that starts one in a way that is not seen above would make `make test` wait for servers.
    Server.refused = "" if item.get_closest_marker("rest") else f"mark {item.nodeid} with `rest`: it starts a server"


def _start(kind: Callable[..., Kind], **settings: str | int) -> Kind:
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
