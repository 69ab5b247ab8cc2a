"""A machine's clock is wrong by an hour, or goes backwards: leases, times and results go by the database's alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Gate, Tuner, points, records_of, wait_until
from networks import needs
from servers import PostgresServer

from storage import Database, Slots, Studies

pytestmark = pytest.mark.rest

NAME, TRIALS = "clocks", 4
#: Seconds.
FAST, SLOW = 3600, -1800


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> list[dict[str, Any]]:
    """The trials of a study whose machines agree on the time."""
    tuner = new_tuner(tmp_path_factory.mktemp("undisturbed"))
    tuner.ok("start", tuner.toy_study(NAME, budget={"trials": TRIALS}))
    return records_of(NAME, f"sqlite:///{tuner.folder}/tuner.db").trials


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.create_database(f"clocks_{uuid.uuid4().hex}")


@pytest.fixture(scope="module")
def wrong_clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What makes the clock of a process wrong when it is loaded first."""
    needs("gcc", why="a clock that is wrong", root=False)
    library = tmp_path_factory.mktemp("clock") / "wrong_clock.so"
    source = Path(__file__).with_name("wrong_clock.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.fixture
def wrong(wrong_clock: Path) -> Callable[[Tuner, int], Tuner]:
    """Give the command on a machine whose clock is wrong by so many seconds, which last as long as elsewhere."""

    def make(tuner: Tuner, by: int) -> Tuner:
        there = tuner.within(LD_PRELOAD=str(wrong_clock), TUNER_TESTS_CLOCK_S=str(by))
        probe = [sys.executable, "-c", "import time; print(time.time())"]
        said = subprocess.run(probe, env=dict(there.environment), capture_output=True, text=True, check=True).stdout
        assert abs(float(said) - time.time() - by) < 120
        return there

    return make


def check_results(url: str, undisturbed: list[dict[str, Any]]) -> None:
    records = records_of(NAME, url)
    assert records.states == {"COMPLETE": TRIALS}
    assert points({"trials": records.trials}) == points({"trials": undisturbed})
    for trial, expected in zip(records.trials, undisturbed, strict=True):
        assert (trial["value"], trial["steps"]) == (expected["value"], expected["steps"])


@pytest.mark.parametrize("by", [FAST, SLOW])
def test_a_wrong_clock_beside_a_right_one_takes_no_trial_and_counts_no_second_more(
    tuner: Tuner,
    url: str,
    undisturbed: list[dict[str, Any]],
    tmp_path: Path,
    by: int,
    wrong: Callable[[Tuner, int], Tuner],
) -> None:
    gate = Gate(tmp_path / "gate")
    tuner = tuner.within(**gate.environment)
    arguments = ("start", tuner.toy_study(NAME, budget={"trials": TRIALS}), "--storage", url, "--checkpoints", "store")
    timing = ("--lease", "4s", "--beat", "0.5s")
    gate.open(9)
    with tuner.running(*arguments, *timing) as right, wrong(tuner, by).running(*arguments, *timing) as other:
        for command in (right, other):
            command.wait_for(r"trial \d+ 20 %")
        ends = ends_of(url)
        wait_until(lambda: all(now >= before + 5 for before, now in zip(ends, ends_of(url), strict=True)), "a lease")
        ages = [worker["beat_age_s"] for worker in tuner.json("status", NAME, "--storage", url)["workers"]]
        assert len(ages) == 2
        assert max(ages) < 60
        gate.open()
        for command in (right, other):
            assert command.wait() == 0, command.stderr
    check_results(url, undisturbed)
    records = records_of(NAME, url)
    assert {(slot.state, slot.attempt) for slot in records.slots} == {("finished", 1)}, "a lease was taken over"
    with Database(url) as database:
        study = Studies(database).get(NAME)
        assert 4 < study.wall_s < 600
        assert 8 < Slots(database, study.id).device_seconds() < 1200
    assert all(0 <= trial["device_s"] < 600 for trial in records.trials)


def test_a_trial_moves_from_a_fast_clock_to_a_slow_one(
    tuner: Tuner, url: str, undisturbed: list[dict[str, Any]], tmp_path: Path, wrong: Callable[[Tuner, int], Tuner]
) -> None:
    gate = Gate(tmp_path / "gate")
    tuner = tuner.within(**gate.environment)
    study = tuner.toy_study(NAME, budget={"trials": TRIALS}, checkpoint_every="0.2s")
    arguments = ("start", study, "--storage", url, "--checkpoints", "store", "--lease", "2s")
    gate.open(9)
    with wrong(tuner, FAST).running(*arguments) as fast:
        fast.wait_for("trial 0 20 %")
        wait_until(lambda: max(resume_points(url), default=0) >= 8, "a checkpoint")
        os.kill(fast.pid, signal.SIGKILL)
        fast.wait()
    gate.open()
    with wrong(tuner, SLOW).running(*arguments) as slow:
        slow.wait_for(r"trial 0 again from optimiser step \d+")
        assert slow.wait() == 0, slow.stderr
    check_results(url, undisturbed)
    with Database(url) as database:
        assert 0 <= Studies(database).get(NAME).wall_s < 600


def ends_of(url: str) -> list[float]:
    """Return when each trial's lease ends, on the database's clock."""
    import sqlalchemy as sa

    with Database(url) as database, database.read() as connection:
        query = sa.text("SELECT expires FROM tuner_slots WHERE state = 'running' ORDER BY slot")
        return [float(expires) for expires in connection.execute(query).scalars()]


def resume_points(url: str) -> list[int]:
    return [ref.optimiser_steps for ref in records_of(NAME, url).slots[0].checkpoints.resume]
