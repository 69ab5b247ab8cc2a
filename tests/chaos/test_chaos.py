"""Three supervisors, one database, and a killer: in the end every trial is what it would have been undisturbed."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import random_walk
import yaml
from checker import violations
from killer import Killer, Machine
from rung_checker import LOOKS, violations_with_rungs
from servers import MariaDBServer, PostgresServer

from search_spaces import Hyperparameters
from storage import Database, History, Studies
from tuner.trial.run import TrialRun

#: By how the study is searched, its trials: with rungs most of them are short.
TRIALS = {"plain": 24, "rungs": 40}
LEASE_S = 3.0
#: Seconds after which a study that is not finished is one that hangs.
DEADLINE_S = 270.0
DISTURBANCES = 22


def undisturbed(hyperparameters: Mapping[str, Any], search: str = "plain") -> list[tuple[int, float]]:
    run = TrialRun(
        number=0,
        hyperparameters=Hyperparameters.from_values(hyperparameters),
        task="text-classification",
        model=None,
        data=None,
        metric="place",
        direction="maximize",
        seed=0,
        looks=LOOKS,
    )
    train = random_walk.train if search == "plain" else random_walk.at_looks
    return [(evaluation.step, evaluation.value) for evaluation in train(run)]


def write_study(folder: Path, checkpoints: Path, search: str) -> Path:
    shutil.copy(Path(random_walk.__file__), folder / "random_walk.py")
    study = {
        "name": "chaos",
        **({"pruner": "none"} if search == "plain" else {"search": "auto"}),
        "train": "random_walk:train" if search == "plain" else "random_walk:at_looks",
        "metric": {"name": "place", "direction": "maximize"},
        "checkpoints": str(checkpoints),
        "checkpoint_every": "0.5s",
        "max_restarts": 1000,
        "budget": {"trials": TRIALS[search]},
    }
    path = folder / "chaos.yaml"
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    return path


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[list[Machine]]:
    started: list[Machine] = []
    yield started
    for machine in started:
        if machine.process is not None and machine.process.poll() is None:
            machine.process.kill()
            machine.process.wait()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("search", TRIALS)
def test_whatever_is_killed_stopped_or_restarted_every_trial_is_what_it_would_have_been(
    chaos_seed: int,
    search: str,
    request: pytest.FixtureRequest,
    machines: list[Machine],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = {"postgresql": "new_postgres_server", "mariadb": "new_mariadb_server"}
    server: PostgresServer | MariaDBServer
    with request.getfixturevalue(names[request.config.getoption("--database")])() as server:
        url = server.create_database("chaos")
        study = write_study(tmp_path, tmp_path / "checkpoints", search)
        flags = ["--storage", url, "--workers", "2", "--lease", f"{LEASE_S}s", "--grace", "5s"]
        command = [str(Path(sys.executable).with_name("tuner")), "start", str(study), *flags]
        environment = {**os.environ, "WALK_PAUSE_S": "0.03"}
        machines += [
            Machine(number=number, command=command, folder=tmp_path / f"machine-{number}", environment=environment)
            for number in range(3)
        ]
        for machine in machines:
            machine.start()
        never = threading.Event()

        def pause(seconds: float) -> bool:
            never.wait(seconds)
            return all(not machine.runs and machine.codes[-1] == 0 for machine in machines)

        killer = Killer(chaos_seed, machines, server, lease_s=LEASE_S, pause=pause)
        began = time.monotonic()
        killer.run(DISTURBANCES)
        killer.close()
        while not pause(0.25):
            for machine in machines:
                if not machine.runs and machine.codes[-1] != 0:
                    machine.start()
            said = "\n".join(machine.said()[-2000:] for machine in machines)
            assert time.monotonic() < began + DEADLINE_S, f"seed {chaos_seed}: not finished; {killer.done}\n{said}"
        check = violations if search == "plain" else violations_with_rungs
        wrong = check(url, "chaos", trials=TRIALS[search], undisturbed=partial(undisturbed, search=search))
        with capsys.disabled():
            print(f"\nchaos seed {chaos_seed}, {search}: {time.monotonic() - began:.0f} s, {', '.join(killer.done)}")  # noqa: T201
        said = "\n".join(machine.said() for machine in machines)
        assert not wrong, f"seed {chaos_seed}: {killer.done}\n" + "\n".join(wrong)
        assert "Traceback" not in said, said[-5000:]
        assert "defect of tuner" not in said, said[-5000:]
        with Database(url) as database:
            ((best, _),) = History(database, Studies(database).get("chaos")).top(1)
        kept = [path.parents[2].name for path in (tmp_path / "checkpoints" / "chaos").rglob("walk.json")]
        assert sorted(kept) == [f"trial-{number:05d}" for number in sorted({0, best})], kept
