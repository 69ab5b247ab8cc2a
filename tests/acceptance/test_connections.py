"""Twelve supervisors share a server of ten connections: they take turns, all end, and the budget is kept."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from acceptance_support import Gate, Tuner, records_of, wait_until
from servers import PostgresServer

pytestmark = pytest.mark.rest

NAME = "crowd"
CONNECTIONS, SUPERVISORS, TRIALS = 10, 12, 14


@pytest.fixture(scope="module")
def small_server(new_postgres_server: Callable[..., PostgresServer]) -> Iterator[PostgresServer]:
    """A PostgreSQL with few connections, of which it keeps none back for its superuser, who is the user here."""
    with new_postgres_server(max_connections=CONNECTIONS, superuser_reserved_connections=0) as server:
        yield server


@pytest.fixture
def crowded_url(small_server: PostgresServer) -> str:
    return small_server.create_database(f"crowd_{uuid.uuid4().hex}")


@pytest.mark.timeout(300)
def test_more_supervisors_than_connections_all_end_and_the_budget_is_kept(
    tuner: Tuner, crowded_url: str, tmp_path: Path
) -> None:
    gate = Gate(tmp_path / "gate")
    tuner = tuner.within(TOY_STEPS="10", **gate.environment)
    study = tuner.toy_study(NAME, budget={"trials": TRIALS}, checkpoint_every="1h")
    where = ("--storage", crowded_url, "--checkpoints", "store", "--lease", "120s")
    with ExitStack() as stack:
        crowd = [stack.enter_context(tuner.running("start", study, *where)) for _ in range(SUPERVISORS)]
        for command in crowd:  # each gets its turn while none of the others has ended
            command.wait_for("trial .* started on")
        gate.open()
        for command in crowd:
            assert command.wait() == 0, command.stderr
        said = [command.stderr for command in crowd]
    assert any("too many clients" in text for text in said), "the connections were enough"
    for text in said:
        assert "Traceback" not in text
        lines = [line for line in text.splitlines() if "too many clients" in line]
        known = ("every connection of the", "the database does not answer")
        assert all(line[20:].startswith(known) for line in lines)  # behind date and time
    records = records_of(NAME, crowded_url)
    assert records.states == {"COMPLETE": TRIALS}
    assert {(slot.state, slot.attempt, slot.crashes) for slot in records.slots} == {("finished", 1, 0)}
    assert [event["kind"] for event in records.events].count("end") == TRIALS


def test_a_supervisor_that_only_trains_holds_no_connection_for_long(
    tuner: Tuner, small_server: PostgresServer, crowded_url: str, tmp_path: Path
) -> None:
    gate = Gate(tmp_path / "gate")
    tuner = tuner.within(**gate.environment)
    study = tuner.toy_study(NAME, budget={"trials": 1}, checkpoint_every="1h")
    where = ("--storage", crowded_url, "--checkpoints", "store", "--beat", "60s", "--lease", "200s")
    with tuner.running("start", study, *where) as running:
        running.wait_for("trial 0 started on")
        seen = set()

        def none_is_open() -> bool:
            seen.add(small_server.connections_to(crowded_url.rsplit("/", 1)[1]))
            return 0 in seen

        wait_until(none_is_open, "a moment in which it holds none")
        assert max(seen) <= 3
        gate.open()
        assert running.wait() == 0, running.stderr
