"""A supervisor that was stopped past its leases touches nothing any more of what others have taken over."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import sqlalchemy as sa
from acceptance_support import Gate, Running, Tuner, points, records_of, stored_files, wait_until

from storage import Database
from storage.backends import IDLE_IN_TRANSACTION_S

pytestmark = pytest.mark.rest

LEASE_S = 2.0
TRIALS = 3
STEPS = 40
#: What a late waker may say of a trial that is not its own any more.
DROPPED = r"trial 0: another worker has taken it over, it is dropped here"
WAITING = (sys.executable, "-P", str(Path(__file__).with_name("waiting.py")))
STUDY: dict[str, Any] = {"budget": {"trials": TRIALS}, "checkpoint_every": "0.05s", "keep": TRIALS}


def query(url: str, statement: str) -> Any:
    """Return the one value that a statement asks for."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return connection.execute(sa.text(statement)).scalar_one()


def now(url: str) -> float:
    """Return the database's own time, in which leases are counted."""
    clocks = {
        "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
        "postgresql": "EXTRACT(EPOCH FROM clock_timestamp())",
        "mysql": "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1e6",
    }
    return float(query(url, f"SELECT {clocks[sa.make_url(url).get_backend_name()]}"))


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


#: Trials, and the content of weights.
Outcome: TypeAlias = tuple[list[dict[str, Any]], dict[int, dict[str, bytes]]]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> Outcome:
    """What becomes of the study when nothing happens to it: its trials and its weights."""
    tuner = new_tuner(tmp_path_factory.mktemp("undisturbed"))
    tuner.ok("start", tuner.toy_study("late", **STUDY), "--checkpoints", "store")
    trials = records_of("late", f"sqlite:///{tuner.folder}/tuner.db").trials
    return trials, weights_of(tuner.folder / "store", "late")


def steps_in(trace: Path, trial: int, step: int) -> int:
    """Return how often a trial has done a step, over all of its attempts."""
    lines = trace.read_text(encoding="ascii").splitlines() if trace.exists() else []
    return lines.count(f"{trial} {step}")


@contextmanager
def nobody_writing(url: str) -> Iterator[None]:
    """Keep all from writing to SQLite: whoever is stopped in a transaction there stops everybody."""
    path = sa.make_url(url).database
    if not url.startswith("sqlite") or path is None:
        yield
        return
    with closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def stop(running: Running, url: str) -> None:
    """Stop a supervisor alone, not its trainers, and wait until its lease has expired."""
    with nobody_writing(url):
        os.kill(running.pid, signal.SIGSTOP)
        wait_until(lambda: is_stopped(running.pid), "the supervisor's stop")
    wait_until_expired(url)


def wait_until_expired(url: str) -> None:
    """Wait until the lease of trial 0 has expired: whoever comes before takes another one."""
    expires = float(query(url, "SELECT expires FROM tuner_slots WHERE trial_number = 0"))
    assert expires - now(url) < LEASE_S
    wait_until(lambda: now(url) > expires, "the lease's end")


def is_stopped(pid: int) -> bool:
    return "\nState:\tT" in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")


#: Where a supervisor is stopped: a moment of `crash_points` and its count, or None for the middle of training; and the
#: step that its trial may reach before another one has taken it over.
MOMENTS: dict[str, tuple[tuple[str, int] | None, int]] = {
    "in training": (None, 14),
    "before it answers": (("reported", 3), 14),
    "before a pointer": (("manifest", 2), 14),
    "before the end": (("reported", 10), STEPS),
}


@pytest.mark.parametrize(
    ("url", "moment"),
    [
        *((backend, moment) for backend in ("sqlite", "postgresql") for moment in MOMENTS),
        *(("mariadb", moment) for moment in ("before it answers", "before the end")),
    ],
    indirect=["url"],
)
def test_a_late_waker_drops_the_trial_goes_on_with_others_and_leaves_no_trace(
    tuner: Tuner, url: str, moment: str, undisturbed: Outcome
) -> None:
    point, reach = MOMENTS[moment]
    gate, trace = Gate(tuner.folder / "gate"), tuner.folder / "trace"
    gate.open(reach, trial=0)
    tuner = tuner.within(TOY_STEPS=str(STEPS), TOY_TRACE=str(trace), **gate.environment)
    arguments = ("start", tuner.toy_study("late", **STUDY), "--storage", url, "--checkpoints", "store", "--lease", "2s")
    stopping = tuner if point is None else replace(tuner, command=(*WAITING, point[0], str(point[1]), "."))
    with stopping.running(*arguments) as first:
        if point is None:
            first.wait_for(r"trial 0 30 %")
        else:
            wait_until((tuner.folder / "reached").exists, "the moment")
        stop(first, url)
        with tuner.running(*arguments) as second:
            second.wait_for(r"trial 0 again")
            if reach < STEPS:  # both trainers go on: that of the stopped supervisor has not heard that it is not to
                gate.open(18, trial=0)
                wait_until(lambda: steps_in(trace, 0, 16) == 2, "the steps of both trainers")
            (tuner.folder / "go").touch()
            os.kill(first.pid, signal.SIGCONT)
            first.wait_for(DROPPED)
            first.wait_for(r"trial [12] started")
            gate.open(trial=0)
            gate.open()
            assert second.wait() == 0, second.stderr
        assert first.wait() == 0, first.stderr
    assert first.stdout == second.stdout
    check_handed_over(tuner, url, first, undisturbed)


@pytest.mark.parametrize("url", ["postgresql", "mariadb"], indirect=True)
def test_one_that_is_stopped_in_a_transaction_on_a_server_holds_others_up_for_seconds_alone(
    tuner: Tuner, url: str, undisturbed: Outcome
) -> None:
    gate = Gate(tuner.folder / "gate")
    gate.open(trial=0)
    tuner = tuner.within(TOY_STEPS=str(STEPS), **gate.environment)
    study = tuner.toy_study("late", **STUDY)
    arguments = ("start", study, "--storage", url, "--checkpoints", "store", "--lease", "2s")
    signalling = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")), "telling", "1", "SIGSTOP")
    with replace(tuner, command=signalling).running(*arguments) as first:
        first.wait_for(r"trial 0 100 %")
        began = now(url)
        wait_until(lambda: is_stopped(first.pid), "the supervisor's stop")
        wait_until_expired(url)
        with tuner.running(*arguments) as second:
            second.wait_for(r"trial 0 again")
            os.kill(first.pid, signal.SIGCONT)
            first.wait_for(DROPPED)
            first.wait_for(r"trial [12] started")
            gate.open()
            assert second.wait() == 0, second.stderr
        assert first.wait() == 0, first.stderr
    (stolen,) = (moment for kind, _, moment in moments(url, "late") if kind == "stolen")
    assert stolen - began < IDLE_IN_TRANSACTION_S + 5
    check_handed_over(tuner, url, first, undisturbed)


def check_handed_over(tuner: Tuner, url: str, first: Running, undisturbed: Outcome) -> None:
    """Check that trial 0 is the second supervisor's from the hand-over on, and all as if nothing had happened."""
    assert first.stderr.count("it is dropped here") == 1
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
    reports = [event["step"] for event in of_trial if event["kind"] == "report"]
    assert sorted(reports) == list(range(10, 101, 10))
    assert [event["kind"] for event in records.events].count("end") == TRIALS
    assert later[-1]["kind"] == "end"

    assert weights_of(tuner.folder / "store", "late") == weights
    pointers = {slot.trial_number: slot.checkpoints.best for slot in records.slots}
    manifests = [path for path in stored_files(tuner.folder / "store" / "late") if path.endswith("manifest.json")]
    assert sorted(manifests) == sorted(f"{best.key}/manifest.json" for best in pointers.values() if best)


def with_name_of_another_machine(url: str) -> None:
    """Have the one owner of a study be called as if another kernel knew of it."""
    with Database(url) as database, database.write() as connection:
        for table in ("tuner_slots", "tuner_workers"):
            connection.exec_driver_sql(f"UPDATE {table} SET owner = 'elsewhere-1-0a1b2c3d-0123456789abcdef'")


def test_elsewhere_a_killed_supervisors_trial_is_interrupted_once_its_lease_has_expired(tuner: Tuner, url: str) -> None:
    gate = Gate(tuner.folder / "gate")
    gate.open(14)
    tuner = tuner.within(**gate.environment)
    study = tuner.toy_study("killed", **STUDY | {"budget": {"trials": 1}})
    with tuner.running("start", study, "--storage", url, "--checkpoints", "store", "--lease", "4s") as first:
        first.wait_for(r"trial 0 30 %")
        first.process.kill()
        assert first.wait() == -signal.SIGKILL
    with_name_of_another_machine(url)
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


def saved_steps(url: str, number: int) -> list[int]:
    """Return the steps at which the first attempt at a trial has saved where it is."""
    events = [event for event in records_of("killed", url).events if (event["trial"], event["attempt"]) == (number, 1)]
    return [event["step"] for event in events if "/step-" in (event["detail"] or "")]


@pytest.mark.parametrize(
    ("url", "order"),
    [
        *(
            (backend, order)
            for backend in ("sqlite", "postgresql")
            for order in ("it came later", "it was there before")
        ),
        ("mariadb", "it was there before"),
    ],
    indirect=["url"],
)
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
        one.wait_for(r"trial 0 30 %")
        with tuner.running(*arguments) as other:
            if trials == 1:
                other.wait_for(r"0 of 1 trials finished")  # it has looked, and there is nothing for it
                victim, survivor, number = one, other, 0
            else:
                other.wait_for(r"trial 1 30 %")
                gate.open(trial=0)
                one.wait_for(r"trial 0 complete")  # and there is nothing else for it
                victim, survivor, number = other, one, 1
            wait_until(lambda: saved_steps(url, number), "a checkpoint to go on from")
            victim.process.kill()
            expires = float(query(url, f"SELECT expires FROM tuner_slots WHERE trial_number = {number}"))
            step = int(survivor.wait_for(rf"trial {number} again from optimiser step (\d+)")[1])
            gate.open()
            assert survivor.wait() == 0, survivor.stderr
            assert victim.wait() == -signal.SIGKILL
    (stolen,) = (moment for kind, trial, moment in moments(url, "killed") if kind == "stolen" and trial == number)
    assert expires <= stolen <= expires + 2
    records = records_of("killed", url)
    assert records.states == {"COMPLETE": trials}
    assert step == saved_steps(url, number)[-1]
