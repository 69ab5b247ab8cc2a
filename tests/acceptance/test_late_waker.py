"""A supervisor that was stopped past its leases touches nothing any more of what others have taken over."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from acceptance_support import Gate, Running, Tuner, points, records_of, stored_files, wait_until

LEASE_S = 2.0
TRIALS = 3
STEPS = 40
#: What a late waker may say of a trial that is not its own any more.
DROPPED = r"trial 0: another worker has taken it over, it is dropped here"
SIGNALLING = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")))
STUDY: dict[str, Any] = {"budget": {"trials": TRIALS}, "checkpoint_every": "0.05s", "keep": TRIALS}


def query(url: str, statement: str) -> Any:
    """Return the one value that a statement asks for."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return connection.execute(sa.text(statement)).scalar_one()


def now(url: str) -> float:
    """Return the database's own time, in which leases are counted."""
    sqlite = "(julianday('now') - 2440587.5) * 86400.0"
    return float(
        query(url, f"SELECT {sqlite if url.startswith('sqlite') else 'EXTRACT(EPOCH FROM clock_timestamp())'}")
    )


def moments(url: str, name: str) -> list[tuple[str, int | None, float]]:
    """Return kind, trial and exact moment of each event."""
    from storage import Database, Events, Studies

    with Database(url) as database:
        events = Events(database, Studies(database).get(name).id).all()
    return [(event.kind, event.trial, event.moment) for event in events]


def weights_of(store: Path, name: str) -> dict[int, dict[str, bytes]]:
    """Return the content of the weights in a store, by trial and file."""
    found: dict[int, dict[str, bytes]] = {}
    for path, content in stored_files(store / name).items():
        trial, *_, file = path.split("/")
        if file != "manifest.json":
            found.setdefault(int(trial.removeprefix("trial-")), {})[file] = content
    return found


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]
) -> tuple[list[dict[str, Any]], dict[int, dict[str, bytes]]]:
    """What becomes of the study when nothing happens to it: its trials and its weights."""
    tuner = new_tuner(tmp_path_factory.mktemp("undisturbed"))
    tuner.ok("start", tuner.toy_study("late", **STUDY), "--checkpoints", "store")
    trials = records_of("late", f"sqlite:///{tuner.folder}/tuner.db").trials
    return trials, weights_of(tuner.folder / "store", "late")


def steps_in(trace: Path, trial: int, step: int) -> int:
    """Return how often a trial has done a step, over all of its attempts."""
    lines = trace.read_text(encoding="ascii").splitlines() if trace.exists() else []
    return lines.count(f"{trial} {step}")


def stop_in_training(first: Running, gate: Gate) -> None:
    """Stop a supervisor whose trial waits after its third evaluation, saved."""
    first.wait_for(r"trial 0 3/10")
    gate.open(14, trial=0)
    os.kill(first.pid, signal.SIGSTOP)


#: Where a supervisor is stopped: the moment of `crash_points` and its count, or None for the middle of training; and
#: the step that its trial may reach before another one has taken it over.
MOMENTS = {
    "in training": (None, 14),
    "before it answers": (("reported", 3), 14),
    "before a pointer": (("manifest", 2), 14),
    "before the end": (("reported", 10), STEPS),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_late_waker_drops_the_trial_goes_on_with_others_and_leaves_no_trace(
    tuner: Tuner, url: str, moment: str, undisturbed: tuple[list[dict[str, Any]], dict[int, dict[str, bytes]]]
) -> None:
    point, reach = MOMENTS[moment]
    gate, trace = Gate(tuner.folder / "gate"), tuner.folder / "trace"
    gate.open(reach, trial=0)
    tuner = tuner.within(TOY_STEPS=str(STEPS), TOY_TRACE=str(trace), **gate.environment)
    arguments = ("start", tuner.toy_study("late", **STUDY), "--storage", url, "--checkpoints", "store", "--lease", "2s")
    stopping = tuner if point is None else replace(tuner, command=(*SIGNALLING, point[0], str(point[1]), "SIGSTOP"))
    with stopping.running(*arguments) as first:
        if point is None:
            first.wait_for(r"trial 0 3/10")
            os.kill(first.pid, signal.SIGSTOP)
        wait_until(lambda: is_stopped(first.pid), "the supervisor's stop")
        with tuner.running(*arguments) as second:
            second.wait_for(r"trial 0 again")
            # Both trainers go on: the one of the stopped supervisor has not heard that it is not to.
            before = steps_in(trace, 0, 16)
            if reach < 16:
                gate.open(18, trial=0)
                wait_until(lambda: steps_in(trace, 0, 16) == before + 2, "the steps of both trainers")
            os.kill(first.pid, signal.SIGCONT)
            first.wait_for(DROPPED)
            first.wait_for(r"trial [12] started")
            gate.open(trial=0)
            gate.open()
            assert second.wait() == 0, second.stderr
        assert first.wait() == 0, first.stderr
    assert first.stderr.count("it is dropped here") == 1
    assert first.stdout == second.stdout

    records = records_of("late", url)
    assert records.states == {"COMPLETE": TRIALS}
    expected, weights = undisturbed
    assert points({"trials": records.trials}) == points({"trials": expected})
    for trial, wanted in zip(records.trials, expected, strict=True):
        assert {key: trial[key] for key in ("number", "state", "value", "steps")} == {
            key: wanted[key] for key in ("number", "state", "value", "steps")
        }
    assert [trial["restarts"] for trial in records.trials] == [1, 0, 0]

    of_trial = [event for event in records.events if event["trial"] == 0]
    stolen = [event["kind"] for event in of_trial].index("stolen")
    earlier, later = of_trial[:stolen], of_trial[stolen:]
    assert {(event["attempt"], event["worker"]) for event in earlier} == {(1, earlier[0]["worker"])}
    assert {(event["attempt"], event["worker"]) for event in later} == {(2, later[0]["worker"])}
    assert later[0]["detail"] == f"from {earlier[0]['worker']}"
    assert later[0]["worker"] != earlier[0]["worker"]
    assert Counter(event["step"] for event in of_trial if event["kind"] == "report") == dict.fromkeys(range(1, 11), 1)
    assert [event["kind"] for event in records.events].count("end") == TRIALS
    assert later[-1]["kind"] == "end"

    assert weights_of(tuner.folder / "store", "late") == weights
    pointers = {slot.trial_number: slot.checkpoints.best for slot in records.slots}
    manifests = [path for path in stored_files(tuner.folder / "store" / "late") if path.endswith("manifest.json")]
    assert sorted(manifests) == sorted(f"{best.key}/manifest.json" for best in pointers.values() if best)


def is_stopped(pid: int) -> bool:
    return "\nState:\tT" in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")


def test_a_killed_supervisors_trial_is_interrupted_once_its_lease_has_expired(tuner: Tuner, url: str) -> None:
    gate = Gate(tuner.folder / "gate")
    gate.open(14)
    tuner = tuner.within(**gate.environment)
    study = tuner.toy_study("killed", **STUDY | {"budget": {"trials": 1}})
    with tuner.running("start", study, "--storage", url, "--checkpoints", "store", "--lease", "4s") as first:
        first.wait_for(r"trial 0 3/10")
        first.process.kill()
        assert first.wait() == -signal.SIGKILL
    expires = float(query(url, "SELECT expires FROM tuner_slots"))
    assert 0 < expires - now(url) <= 4

    def looked() -> str | None:
        before, status, after = now(url), tuner.json("status", "killed", "--storage", url), now(url)
        (state,) = (key for key in ("running", "interrupted") if status["trials"][key])
        if after < expires:
            assert state == "running"
        elif before > expires:
            assert state == "interrupted"
            assert (status["state"], status["workers"]) == ("interrupted", [])
        return state if before > expires else None

    assert wait_until(looked, "a look after the lease") == "interrupted"
    assert tuner.json("trials", "killed", "--storage", url)["trials"][0]["state"] == "interrupted"


@pytest.mark.parametrize("order", ["it came later", "it was there before"])
def test_an_idle_supervisor_adopts_the_trial_of_a_killed_one_within_two_seconds_of_its_lease(
    tuner: Tuner, url: str, order: str
) -> None:
    gate = Gate(tuner.folder / "gate")
    gate.open(14)
    tuner = tuner.within(**gate.environment)
    trials = 1 if order == "it came later" else 2
    study = tuner.toy_study("killed", **STUDY | {"budget": {"trials": trials}})
    arguments = ("start", study, "--storage", url, "--checkpoints", "store", "--lease", "2s")
    with tuner.running(*arguments) as one:
        one.wait_for(r"trial 0 3/10")
        with tuner.running(*arguments) as other:
            if trials == 1:
                other.wait_for(r"0 of 1 trials finished")  # it has looked, and there is nothing for it
                victim, survivor, number = one, other, 0
            else:
                other.wait_for(r"trial 1 3/10")
                gate.open(trial=0)
                one.wait_for(r"trial 0 complete")  # and there is nothing else for it
                victim, survivor, number = other, one, 1
            victim.process.kill()
            expires = float(query(url, f"SELECT expires FROM tuner_slots WHERE trial_number = {number}"))
            survivor.wait_for(rf"trial {number} again from step 1[234]")
            gate.open()
            assert survivor.wait() == 0, survivor.stderr
            assert victim.wait() == -signal.SIGKILL
    (stolen,) = (moment for kind, trial, moment in moments(url, "killed") if kind == "stolen" and trial == number)
    assert expires <= stolen <= expires + 2
    assert records_of("killed", url).states == {"COMPLETE": trials}
