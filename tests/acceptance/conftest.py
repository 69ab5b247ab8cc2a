"""The command line as a user meets it: the installed command, in a folder of its own, on a tiny model."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from acceptance_support import COMMAND, Gate, Tuner, build_data, build_model


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.acceptance)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_data(tmp_path_factory.mktemp("data") / "sentences")


@pytest.fixture(scope="session")
def new_tuner(
    tmp_path_factory: pytest.TempPathFactory, model_folder: Path, data_folder: Path
) -> Callable[[Path], Tuner]:
    """Give the command in a folder."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("TUNER_", "PYTHON"))}
    environment = {
        **kept,
        "HF_HUB_OFFLINE": "1",
        "TUNER_CACHE": str(tmp_path_factory.mktemp("cache")),
        # As where the environment is active: the summary then calls the command by its name alone.
        "PATH": f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "200",
    }

    def make(folder: Path) -> Tuner:
        return Tuner(folder=folder, environment=environment, model=model_folder, data=data_folder)

    return make


@pytest.fixture
def tuner(tmp_path: Path, new_tuner: Callable[[Path], Tuner]) -> Tuner:
    """The command in an empty folder."""
    return new_tuner(tmp_path)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


@pytest.fixture
def gated(tuner: Tuner, gate: Gate) -> Tuner:
    """The command whose toy trials wait at a gate."""
    return tuner.within(**gate.environment)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database for a test alone, on each backend; on MariaDB for the tests that ask for it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/tuner.db"
    found: str = request.getfixturevalue({"postgresql": "postgres_url", "mariadb": "mariadb_url"}[request.param])
    return found


@dataclass(frozen=True)
class Finished:
    """A finished study, and the memory of the processes that lasted while its trials came and went."""

    tuner: Tuner
    #: Bytes of the supervisor and of the fork server, after the first trials and after nearly all.
    early: tuple[int, ...]
    late: tuple[int, ...]


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> Finished:
    """A study `finished` of 20 trials, some of them pruned, run by two workers at once."""
    tuner = new_tuner(tmp_path_factory.mktemp("finished")).cold  # its memory is its own
    study = tuner.study(
        "finished",
        metric="loss",
        pruner={"name": "percentile", "percentile": 50, "n_startup_trials": 2, "n_warmup_steps": 10, "n_min_trials": 2},
        evaluations=10,
        early_stopping="none",
        budget={"trials": 20},
    )
    with tuner.running("start", study, "--workers", "2") as running:
        samples = []
        for over in (4, 17):
            running.wait_for(rf"; {over}/20")
            supervisor = psutil.Process(running.pid)
            samples.append(tuple(each.memory_info().rss for each in (supervisor, *supervisor.children())))
        assert running.wait() == 0, running.stderr
    return Finished(replace(tuner, forked=True), *samples)


@pytest.fixture(scope="session")
def shown(finished_run: Finished) -> list[dict[str, Any]]:
    """What `tuner show` tells of each trial of the finished study."""
    return [finished_run.tuner.json("show", "finished", str(number)) for number in range(20)]


@pytest.fixture
def finished(finished_run: Finished) -> Tuner:
    """The command in a folder with the finished study `finished`; for reading alone."""
    return finished_run.tuner
