"""Signals and crashes: whatever ends a command, the budget stays what it was and no suggestion is drawn twice."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from acceptance_support import SLOW, Running, Tuner, points, wait_until

pytestmark = pytest.mark.rest

TRIALS = 4
#: What a dead command held is taken over after seconds, not after a minute.
FAST = ("--workers", "2", "--lease", "2s")


def optuna_states(tuner: Tuner) -> dict[str, int]:
    """Return how many trials of each state Optuna's own table has."""
    with closing(sqlite3.connect(tuner.folder / "tuner.db")) as connection:
        return dict(connection.execute("SELECT state, count(*) FROM trials GROUP BY state"))


@contextmanager
def locked_database(tuner: Tuner) -> Iterator[None]:
    """Keep everybody else from writing."""
    with closing(sqlite3.connect(tuner.folder / "tuner.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def assert_gone(processes: list[psutil.Process]) -> None:
    assert processes
    wait_until(lambda: not any(alive(process) for process in processes), "the trainers' end", timeout=20)


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def proc_status(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text(encoding="utf-8")


def interrupt(running: Running, number: signal.Signals, *, group: bool) -> int:
    """Send a signal once trials are trained; return the exit code. The trainers must be gone then."""
    running.wait_for(r"trial \d+ \d+ %")
    below = running.descendants()
    if group:
        os.killpg(running.pid, number)
    else:
        os.kill(running.pid, number)
    code = running.wait()
    assert_gone(below)
    return code


def test_each_signal_has_its_exit_code_and_resume_goes_on_without_drawing_twice(tuner: Tuner) -> None:
    study = tuner.study("signals", **SLOW, budget={"trials": TRIALS})
    with tuner.running("start", study, *FAST) as running:
        assert interrupt(running, signal.SIGINT, group=True) == 130
        said = r"Stopped\. Trials? .*(is|are) saved( at \d+ %)?.*; `tuner resume signals` goes on\.\n"
        assert re.fullmatch(said, running.stderr.splitlines(keepends=True)[-1]), running.stderr
    begun = tuner.json("trials", "signals")
    drawn = points(begun)
    assert {(trial["state"], trial["reason"]) for trial in begun["trials"]} == {("interrupted", "stopped by SIGINT")}
    assert tuner.json("status", "signals")["state"] == "interrupted"
    told = tuner.ok("status", "signals").stdout.splitlines()[-1]
    assert told == "  go on: tuner resume signals; a command that still prepares is not seen here"
    assert tuner.json("status", "signals")["workers"] == []

    with tuner.running("resume", "signals", *FAST) as running:
        running.wait_for(r"trial 0 again from optimiser step \d+ on cpu")
        assert interrupt(running, signal.SIGINT, group=False) == 130
    with tuner.running("resume", "signals", *FAST) as running:
        running.wait_for(r"trial 0 \d+ %")
        below = running.descendants()
        with locked_database(tuner):  # so that it cannot end before the second one
            os.kill(running.pid, signal.SIGTERM)
            wait_until(lambda: "ShdPnd:\t0000000000000000" in proc_status(running.pid), "the first signal's delivery")
            os.kill(running.pid, signal.SIGINT)
            assert running.wait(timeout=10) == 128 + signal.SIGINT
        assert_gone(below)

    tuner.ok("resume", "signals", *FAST)
    trials = tuner.json("trials", "signals")
    after = points(trials)
    assert sorted(after) == list(range(TRIALS))
    assert drawn.items() <= after.items()
    assert len(set(after.values())) == TRIALS
    assert {trial["state"] for trial in trials["trials"]} == {"complete"}
    assert trials["trials"][0]["restarts"] == 3
    assert all([step["step"] for step in trial["steps"]] == list(range(10, 101, 10)) for trial in trials["trials"])
    assert optuna_states(tuner) == {"COMPLETE": TRIALS}


def status_of(name: str, tuner: Tuner) -> dict[str, Any]:
    """Return how a study stands, as `tuner status` does."""
    from storage import Database, Studies
    from tuner.reporting.views import status_view

    with Database(f"sqlite:///{tuner.folder}/tuner.db") as database:
        return status_view(database, Studies(database).get(name))


def test_a_kill_of_any_process_costs_no_trial_and_doubles_none(tuner: Tuner) -> None:
    study = tuner.study("kills", **SLOW, budget={"trials": TRIALS})
    with tuner.running("start", study, *FAST) as running:
        running.wait_for(r"trial \d+ 10 %")
        status = status_of("kills", tuner)  # in this process: a command takes long enough for a trial to end
        assert status["state"] == "running"
        assert status["trials"]["running"] == 2
        assert [worker["pid"] for worker in status["workers"]] == [running.pid] * 2
        below = running.descendants()
        os.kill(running.pid, signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
        assert_gone(below)
    drawn = points(tuner.json("trials", "kills"))
    # The dead cannot say so, but the machine where they were can.
    status = wait_until(
        lambda: next((s for s in [tuner.json("status", "kills")] if s["trials"]["interrupted"] == 2), None),
        "interrupted trials in the status",
        timeout=10,
    )
    assert status["state"] == "interrupted"
    assert status["trials"] | {"total": 4, "interrupted": 2, "running": 0} == status["trials"]

    with tuner.running("resume", "kills", *FAST) as running:
        running.wait_for(r"trial [01] \d+ %")
        os.kill(running.trainers()[0].pid, signal.SIGKILL)
        ended = int(running.wait_for(r"trial (\d+) interrupted .*killed by SIGKILL")[1])
        assert ended in (0, 1)
        running.wait_for(rf"trial {ended} \d+ %")
        fork_server = psutil.Process(running.pid).children()
        assert len(fork_server) == 1
        fork_server[0].kill()
        assert running.wait() == 0, running.stderr
    trials = tuner.json("trials", "kills")
    after = points(trials)
    assert sorted(after) == list(range(TRIALS))
    assert drawn.items() <= after.items()
    assert {trial["state"] for trial in trials["trials"]} == {"complete"}
    assert trials["trials"][ended]["restarts"] == 3
    assert optuna_states(tuner) == {"COMPLETE": TRIALS}


def test_on_the_machine_of_the_dead_nobody_waits_for_a_lease(tuner: Tuner) -> None:
    patient = ("--workers", "2", "--lease", "1h")
    with tuner.running("start", tuner.study("kills", **SLOW, budget={"trials": 2}), *patient) as running:
        running.wait_for(r"trial \d+ 10 %")
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    status = tuner.json("status", "kills")
    assert (status["state"], status["trials"]["interrupted"], status["workers"]) == ("interrupted", 2, [])
    with tuner.running("resume", "kills", *patient) as running:
        running.wait_for(r"trial \d+ \d+ %")
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    tuner.ok("stop", "kills")
    assert optuna_states(tuner) == {"FAIL": 2}
    assert [trial["restarts"] for trial in tuner.json("trials", "kills")["trials"]] == [2, 2]
    tuner.ok("delete", "kills", "--yes")


def test_two_starts_at_once_share_the_study_and_sigterm_asks_to_be_started_again(tuner: Tuner) -> None:
    study = tuner.study("twins", **SLOW, budget={"trials": 10 * TRIALS})
    with tuner.running("start", study, *FAST) as one, tuner.running("start", study, *FAST) as other:
        twins = (one, other)
        for twin in twins:
            twin.wait_for(r"trial \d+ 10 %")
        status = tuner.json("status", "twins")
        assert {worker["pid"] for worker in status["workers"]} == {one.pid, other.pid}
        for twin in twins:
            for process in twin.descendants():  # as a service manager does, which knows no supervisor
                process.send_signal(signal.SIGTERM)
            assert interrupt(twin, signal.SIGTERM, group=False) == 75
            last = twin.stderr.splitlines()[-1]
            assert re.fullmatch(r"Stopped by SIGTERM\. .*`tuner resume twins` goes on\.", last), twin.stderr
    status = tuner.json("status", "twins")
    assert status["state"] == "interrupted"
    assert status["trials"]["total"] == 10 * TRIALS
    reasons = {trial["reason"] for trial in tuner.json("trials", "twins")["trials"] if trial["state"] == "interrupted"}
    assert reasons == {"stopped by SIGTERM"}
    assert set(optuna_states(tuner)) <= {"RUNNING", "COMPLETE"}
    assert sum(optuna_states(tuner).values()) <= 10 * TRIALS


def test_sigterm_before_the_first_trial_says_to_start_again(tuner: Tuner) -> None:
    study = tuner.study("early")
    with tuner.running("start", study) as running:
        wait_until(lambda: running.descendants() or None, "the process that starts trainers")
        below = running.descendants()
        os.kill(running.pid, signal.SIGTERM)
        assert running.wait(timeout=20) == 75
        assert running.stderr.endswith("Stopped by SIGTERM; the same command goes on.\n"), running.stderr
        assert_gone(below)
    assert [path.name for path in tuner.folder.iterdir()] == ["early.yaml"]


#: Training of version 0.1, which counts in tenths, never asks whether to save, and takes a while to close what it has
#: opened.
CLOSING = """
import time
from tuner.run import Evaluation

def train(run):
    try:
        for step in range(1, 11):
            time.sleep(0.4)
            yield Evaluation(step=step, value=0.5, epoch=1, optimiser_steps=step, train_loss=1, validation_loss=1,
                             learning_rate=1e-4)
    finally:
        time.sleep(1.0)
"""


def test_training_that_never_asks_and_closes_slowly_frees_its_lane_as_soon_as_it_has_left(tuner: Tuner) -> None:
    (tuner.folder / "closing.py").write_text(CLOSING, encoding="utf-8")
    study = tuner.toy_study("closing", train="closing:train", budget={"trials": 1})
    with tuner.running("start", study, "--grace", "100s") as running:
        running.wait_for(r"trial 0 10 %")
        tuner.ok("pause", "closing")
        assert running.wait(timeout=50) == 0
    assert "trial 0 paused (paused; `tuner resume closing` goes on)" in running.stderr
    assert tuner.json("status", "closing")["trials"]["paused"] == 1
