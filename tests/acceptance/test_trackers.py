"""Trials are reported to trackers, each in one run, through kills and moves, and whatever the trackers do."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Gate, Tuner, wait_until
from tracking import TRACKERS, TrackedTrial, environment, read

pytestmark = [pytest.mark.rest, pytest.mark.filterwarnings("ignore")]  # the readers of trackers warn of themselves
LEASE = ("--lease", "2s")


@pytest.fixture(autouse=True)
def _are_installed() -> None:
    for name in TRACKERS:
        pytest.importorskip(name, reason="its extra is not installed")


def runs(tracker: str, root: Path, study: str, metric: str) -> dict[int, TrackedTrial]:
    """Return the run of each trial; of wandb offline the newest folder, which holds the whole run."""
    found = read(tracker, root, study, metric)
    assert tracker == "wandb" or all(len(each) == 1 for each in found.values())
    return {int(name.split("-")[1]): each[-1] for name, each in found.items()}


def same(run: TrackedTrial, trial: dict[str, Any], steps: list[int]) -> None:
    assert run.state == trial["state"]
    assert run.value == pytest.approx(trial["value"], rel=1e-6)
    values = [each["value"] for each in trial["steps"]]
    assert run.points == [(step, pytest.approx(value, rel=1e-6)) for step, value in zip(steps, values, strict=True)]
    drawn = trial["hyperparameters"]
    assert {name: run.hyperparameters[name] for name in drawn} == pytest.approx(drawn)


def test_own_training_that_is_killed_and_goes_on_elsewhere_has_one_run_a_trial_in_all_trackers(
    gated: Tuner, gate: Gate, tmp_path: Path
) -> None:
    root = tmp_path / "tracked"
    root.mkdir()
    tracked = gated.within(**environment(root))
    study = tracked.toy_study("followed", report_to=list(TRACKERS), checkpoint_every=0.01, budget={"trials": 2})
    here = ("--storage", f"sqlite:///{tmp_path}/tuner.db")
    gate.open(10)
    with tracked.running("start", study, *LEASE, *here) as running:
        running.wait_for("trial 0 20 %")
        wait_until(lambda: _have_points(root), "trackers have two points")
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    gate.open()
    (tmp_path / "elsewhere").mkdir()
    done = replace(tracked, folder=tmp_path / "elsewhere").ok("resume", "followed", *LEASE, *here)
    assert "not tracked" not in done.stderr
    trials = tracked.json("trials", "followed", *here)["trials"]
    assert trials[0]["restarts"] == 1
    for tracker in TRACKERS:
        found = runs(tracker, root, "followed", "score")
        assert sorted(found) == [0, 1]
        for trial in trials:
            same(found[trial["number"]], trial, list(range(4, 41, 4)))


def _have_points(root: Path) -> bool:
    """Return whether trackers have two points of trial 0, as far as that can be read while they write."""
    try:
        has = [len(runs(name, root, "followed", "score")[0].points) == 2 for name in ("tensorboard", "trackio")]
        # MLflow's own reader would make the tables, and be in the way of the tracker that makes them.
        with closing(sqlite3.connect(f"file:{root}/mlflow.db?mode=ro", uri=True)) as database:
            (count,) = database.execute("SELECT count(*) FROM metrics WHERE key = 'score'").fetchone()
        return all(has) and count == 2
    except (OSError, LookupError, sqlite3.Error):
        return False


def test_a_tracker_that_fails_ends_no_study_and_its_secret_is_not_shown(tuner: Tuner, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # closed again: nobody answers there
        port = server.getsockname()[1]
    away = {
        **environment(tmp_path),
        "MLFLOW_TRACKING_URI": f"http://me:hunter2hunter2@127.0.0.1:{port}",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }
    study = tuner.within(**away).study("away", report_to=["mlflow", "tensorboard"], budget={"trials": 2})
    done = tuner.within(**away).ok("start", study, *LEASE)
    lines = [line for line in done.stderr.splitlines() if line[20:].startswith("mlflow: ")]
    assert [line.rpartition("; ")[2] for line in lines] == [
        f"trial {n} is not tracked there any further" for n in (0, 1)
    ]
    assert "hunter2" not in done.stdout + done.stderr
    trials = tuner.json("trials", "away")["trials"]
    found = runs("tensorboard", tmp_path, "away", "accuracy")
    assert {number: run.state for number, run in found.items()} == {each["number"]: each["state"] for each in trials}
    assert all(run.is_effective for run in found.values())
    # The next command, with the tracker there, tells it of the trials that it has missed.
    tuner.ok("edit", "away", "--report-to", "mlflow")
    there = tuner.within(**environment(tmp_path)).ok("resume", "away", "--trials", "3", *LEASE)
    assert "mlflow: " not in there.stderr
    found = runs("mlflow", tmp_path, "away", "accuracy")
    trials = tuner.json("trials", "away")["trials"]
    assert {number: run.state for number, run in found.items()} == {each["number"]: each["state"] for each in trials}


def test_a_tracker_that_is_unknown_is_refused_in_a_line(tuner: Tuner) -> None:
    refused = tuner.run("start", tuner.toy_study("unknown", report_to="comet"))
    assert refused.returncode == 78
    assert refused.stderr.strip() == (
        "Error: unknown.yaml: report_to.0: is 'comet': input should be 'tensorboard', 'wandb', 'mlflow' or 'trackio'"
    )
