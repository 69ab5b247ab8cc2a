"""The database server is killed while trials run: training goes on, and afterwards nothing is lost or doubled."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from acceptance_support import Tuner, points, records_of, wait_until
from servers import MariaDBServer, PostgresServer

pytestmark = pytest.mark.rest

DatabaseServer: TypeAlias = PostgresServer | MariaDBServer
TRIALS, STEPS, PAUSE_S = 2, 200, 0.05
LEASE_S = 2.0
#: Steps between two evaluations.
BETWEEN = STEPS // 10
BEGINS = "the database does not answer, training goes on: "
ENDS = "the database answers again"


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    """A server for this file alone, to kill: a PostgreSQL, unless a test asks for another."""
    kind = getattr(request, "param", "postgresql")
    with request.getfixturevalue({"postgresql": "new_postgres_server", "mariadb": "new_mariadb_server"}[kind])() as new:
        yield new


@pytest.fixture
def mortal_url(server: DatabaseServer) -> str:
    """A fresh database on a server that can be killed."""
    return server.create_database(f"outage_{uuid.uuid4().hex}")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> list[dict[str, Any]]:
    """The trials of a study whose database is there all the time."""
    tuner = new_tuner(tmp_path_factory.mktemp("undisturbed")).within(TOY_STEPS=str(STEPS))
    tuner.ok("start", tuner.toy_study("outage", budget={"trials": TRIALS}))
    return records_of("outage", f"sqlite:///{tuner.folder}/tuner.db").trials


def begun(tuner: Tuner, url: str) -> tuple[Tuner, tuple[str, ...], Path]:
    """Return the command for trials of ten seconds, the arguments of `start`, and where trainers write their steps."""
    trace = tuner.folder / "trace"
    tuner = tuner.within(TOY_STEPS=str(STEPS), TOY_PAUSE_S=str(PAUSE_S), TOY_TRACE=str(trace))
    study = tuner.toy_study("outage", budget={"trials": TRIALS}, checkpoint_every="0.5s")
    where = ("--storage", url, "--checkpoints", "store")
    return tuner, ("start", study, *where, "--lease", f"{LEASE_S}s"), trace


def furthest(trace: Path) -> dict[int, int]:
    """Return the last step of each trial, as its trainer wrote it down."""
    lines = (line.split() for line in trace.read_text(encoding="ascii").splitlines())
    return {int(trial): int(step) for trial, step in lines}


def check_nothing_is_lost_or_doubled(url: str, undisturbed: list[dict[str, Any]], *, attempts: set[int]) -> None:
    records = records_of("outage", url)
    assert records.states == {"COMPLETE": TRIALS}
    assert {(slot.state, slot.attempt) for slot in records.slots} == {("finished", attempt) for attempt in attempts}
    assert points({"trials": records.trials}) == points({"trials": undisturbed})
    for trial, wanted in zip(records.trials, undisturbed, strict=True):
        assert {key: trial[key] for key in ("number", "state", "value", "steps")} == {
            key: wanted[key] for key in ("number", "state", "value", "steps")
        }
        events = [event for event in records.events if event["trial"] == trial["number"]]
        reported = [(event["step"], event["value"]) for event in events if event["kind"] == "report"]
        assert reported == [(step["step"], step["value"]) for step in wanted["steps"]]  # in order, each once
        assert [event["kind"] for event in events].count("end") == 1
        assert events[-1]["kind"] == "end"


@pytest.mark.parametrize(
    ("server", "seconds"),
    [
        pytest.param("postgresql", 2.0, id="postgresql, shorter than a lease"),
        pytest.param("postgresql", 2.5 * LEASE_S, id="postgresql, longer than a lease"),
        pytest.param("mariadb", 2.5 * LEASE_S, id="mariadb, longer than a lease"),
    ],
    indirect=["server"],
)
def test_training_goes_on_while_the_database_is_away_and_all_of_it_is_reported_afterwards(
    tuner: Tuner, server: DatabaseServer, mortal_url: str, seconds: float, undisturbed: list[dict[str, Any]]
) -> None:
    tuner, arguments, trace = begun(tuner, mortal_url)
    with tuner.running(*arguments) as one, tuner.running(*arguments) as other:
        commands = (one, other)
        for command in commands:
            command.wait_for(r"trial \d+ 10 %")
        before, killed = furthest(trace), time.monotonic()
        server.kill()
        try:
            for command in commands:  # told when it begins, not when it is over
                command.wait_for(BEGINS)
            wait_until(
                lambda: (
                    time.monotonic() - killed >= seconds
                    and all(step >= before[trial] + 2 * BETWEEN for trial, step in furthest(trace).items())
                ),
                "steps of each trial beyond an evaluation that nobody answers",
            )
        finally:
            server.start()
        for command in commands:
            command.wait_for(ENDS)
            assert command.wait() == 0, command.stderr
            told = [line for line in command.stderr.splitlines() if "the database" in line]
            assert [line[20:].startswith(BEGINS) for line in told] == [True, False], told
    check_nothing_is_lost_or_doubled(mortal_url, undisturbed, attempts={1})


def test_a_signal_during_an_outage_is_heeded_within_the_grace(
    tuner: Tuner, server: DatabaseServer, mortal_url: str, undisturbed: list[dict[str, Any]]
) -> None:
    tuner, arguments, _ = begun(tuner, mortal_url)
    with tuner.running(*arguments, "--workers", "2", "--grace", "3s") as running:
        running.wait_for(r"trial \d+ 20 %")
        server.kill()
        try:
            running.wait_for(BEGINS)
            began = time.monotonic()
            os.kill(running.pid, signal.SIGTERM)
            assert running.wait(timeout=30) == 75, running.stderr
            assert time.monotonic() - began < 3 + 5
            assert running.stderr.endswith("`tuner resume outage` goes on.\n")
            check_commands_say_so_in_a_line(tuner, mortal_url, arguments)
        finally:
            server.start()
    tuner.ok(*arguments, "--workers", "2")
    check_nothing_is_lost_or_doubled(mortal_url, undisturbed, attempts={2})


def check_commands_say_so_in_a_line(tuner: Tuner, url: str, start: tuple[str, ...]) -> None:
    commands = [(name, "outage", "--storage", url) for name in ("status", "trials", "pause", "resume")]
    for command in (*commands, start):
        done = tuner.run(*command)
        assert done.returncode == 1, done.stderr
        assert done.stdout == ""
        assert done.stderr.startswith("Error: postgresql+psycopg://"), done.stderr
        assert "Connection refused" in done.stderr or "connection failed" in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("server", ["postgresql", "mariadb"], indirect=True)
def test_a_server_that_ends_its_connections_in_good_order_is_an_outage_too(
    tuner: Tuner, server: DatabaseServer, mortal_url: str, undisturbed: list[dict[str, Any]]
) -> None:
    tuner, arguments, _ = begun(tuner, mortal_url)
    with tuner.running(*arguments, "--workers", "2") as running:
        running.wait_for(r"trial \d+ 20 %")
        server.restart()
        running.wait_for(ENDS)
        assert running.wait() == 0, running.stderr
    check_nothing_is_lost_or_doubled(mortal_url, undisturbed, attempts={1})
