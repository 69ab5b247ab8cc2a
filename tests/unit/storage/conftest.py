"""SQLite files, and real processes that race on them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from racing import holding, race

from storage import Database

__all__ = ["holding", "race"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is, or will be."""
    return tmp_path / "tuner.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with our tables and Optuna's, which take most of a second to make."""
    path = tmp_path_factory.mktemp("made") / "tuner.db"
    with Database(f"sqlite:///{path}", create=True) as database:
        assert database.optuna_storage is not None
    assert not path.with_name("tuner.db-wal").exists()
    return path


@pytest.fixture
def database(made_once: Path, path: Path, url: str) -> Iterator[Database]:
    shutil.copyfile(made_once, path)
    with Database(url, create=True) as opened:
        yield opened
