"""The command on a GPU, from a study file to its end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from acceptance_support import COMMAND, Tuner
from gpu_support import Study, Trainers, opened_devices

from storage import Database, History, Studies, TrialRecord

Measured = Callable[[str, str], None]

FILLED = Path(__file__).with_name("gpu_filled.py")
#: Epochs of a trial that lasts some seconds, by kind of device.
EPOCHS = {"cuda": 12, "cpu": 40}


@pytest.fixture
def command(study: Study, tmp_path: Path) -> Tuner:
    """The command in an empty folder, with locks of its own: these tests hold the machine's."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TUNER_")}
    (tmp_path / "tmp").mkdir()
    environment = {
        **kept,
        "HF_HUB_OFFLINE": "1",
        "TMPDIR": str(tmp_path / "tmp"),
        "TUNER_CACHE": str(tmp_path / "cache"),
        "COLUMNS": "200",
    }
    installed = COMMAND.exists()
    start = (str(COMMAND),) if installed else (sys.executable, "-P", "-c", "from tuner.cli.entry import main; main()")
    return Tuner(folder=tmp_path, environment=environment, model=study.model, data=study.source, command=start)


@pytest.fixture
def devices(trainers: Trainers) -> tuple[str, str]:
    """What the command is told of devices."""
    return ("--devices", trainers.device.label)


def write_study(command: Tuner, study: Study, name: str, **changes: Any) -> str:
    space = {
        "learning_rate": {"low": 1e-4, "high": 1e-3, "log": True},
        "batch_size": study.size.batch,
        "num_train_epochs": 1,
        "lr_scheduler_type": ["linear", "constant"],
        "frozen_layers": 0,
    }
    search_space = {**space, **changes.pop("search_space", {})}
    told: dict[str, Any] = {"metric": "loss", "max_length": study.size.length, "pruner": "none", **changes}
    return command.study(name, search_space=search_space, early_stopping="none", **told)


def records(command: Tuner, name: str) -> list[TrialRecord]:
    with Database(f"sqlite:///{command.folder}/tuner.db") as database:
        return History(database, Studies(database).get(name)).trials()


def test_a_study_runs_to_its_end(
    command: Tuner, study: Study, trainers: Trainers, devices: tuple[str, str], measured: Measured
) -> None:
    path = write_study(command, study, "whole", search_space={"frozen_layers": [0, 0.5]}, budget={"trials": 3})
    command.ok("start", path, *devices)
    trials = records(command, "whole")
    assert [trial.state for trial in trials] == ["complete"] * 3
    precision = trainers.call("precisions")["auto"]
    places = set()
    for trial in trials:
        effective = trial.effective
        assert effective is not None
        assert effective["device"] == trainers.device.kind
        assert (effective["device_name"] == "cpu") is not trainers.on_gpu, "a GPU is recorded by its product's name"
        assert effective["precision"] == precision
        if effective["frozen_layers"]:
            places.add(effective["trunk_cache"]["place"])
    assert places <= {"device" if trainers.on_gpu else "memory"}
    measured("tuner start, three trials", f"all complete; trunk cache: {', '.join(sorted(places)) or 'not needed'}")


def test_a_trainer_that_is_killed_goes_on_and_its_gpu_is_its_own_all_the_while(
    command: Tuner, study: Study, trainers: Trainers, devices: tuple[str, str]
) -> None:
    epochs = EPOCHS[trainers.device.kind]
    settings: dict[str, Any] = {
        "search_space": {"num_train_epochs": epochs},
        "evaluations": 10,
        "budget": {"trials": 2},
    }
    path = write_study(command, study, "killed", **settings)
    with command.running("start", path, *devices) as running:
        running.wait_for(r"trial 0 \d+ %")
        (trainer,) = running.trainers()
        (fork_server,) = psutil.Process(running.pid).children()
        assert bool(opened_devices(trainer.pid)) == trainers.on_gpu
        assert opened_devices(fork_server.pid) == []
        assert opened_devices(running.pid) == []
        if trainers.on_gpu:
            second = command.run("start", write_study(command, study, "second", **settings), *devices)
            assert second.returncode != 0
            assert f"is held by process {running.pid}" in second.stderr
        # By now this may be the other trial.
        running.trainers()[0].send_signal(signal.SIGKILL)
        ended = int(running.wait_for(r"trial (\d+) interrupted .*killed by SIGKILL")[1])
        running.wait_for(rf"trial {ended} \d+ %")
        assert running.wait() == 0, running.stderr
    trials = records(command, "killed")
    assert [trial.state for trial in trials] == ["complete"] * 2
    assert trials[ended].restarts == 1
    assert [each["step"] for each in trials[ended].evaluations] == list(range(10, 101, 10))


def test_a_trial_of_which_not_one_example_fits_is_pruned_and_the_sampler_is_told(
    command: Tuner, study: Study, devices: tuple[str, str]
) -> None:
    import optuna

    path = write_study(command, study, "filled", budget={"trials": 1})
    found = [command.environment.get("PYTHONPATH"), str(FILLED.parent), str(FILLED.parents[1])]
    filled = replace(
        command.within(PYTHONPATH=os.pathsep.join(each for each in found if each)),
        command=(sys.executable, "-P", str(FILLED)),
    )
    done = filled.run("start", path, *devices)
    assert (done.returncode, "out of memory" in done.stderr) == (1, True), done.stderr
    (trial,) = records(command, "filled")
    assert trial.state == "pruned"
    assert (trial.reason or "").startswith("out of memory: ")
    (stored,) = optuna.load_study(study_name="filled", storage=f"sqlite:///{command.folder}/tuner.db").trials
    assert stored.constraints == {"out_of_memory": 1.0}
