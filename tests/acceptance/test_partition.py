"""A supervisor is cut off from its database for longer than its lease: its trial is another one's then."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Gate, Tuner, points, records_of, wait_until
from networks import Namespace, needs
from servers import PostgresServer

from storage import Database, Events, Studies

sys.path.insert(0, str(Path(__file__).parents[1] / "chaos"))

from checker import of_events

pytestmark = pytest.mark.rest

NAME, TRIALS = "partition", 3
LEASE_S = 3.0


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    needs("ip", "iptables", why="a network that is cut")
    try:
        namespace = Namespace()
        namespace.__enter__()
    except RuntimeError as error:
        pytest.skip(f"no network namespace can be made here: {error}")
    yield namespace
    namespace.__exit__()


@pytest.fixture
def server(new_postgres_server: Callable[..., PostgresServer], namespace: Namespace) -> Iterator[PostgresServer]:
    """A PostgreSQL that listens in the namespace's network too."""
    with new_postgres_server(listen_addresses=f"127.0.0.1,{namespace.here}") as server:
        server.trust(f"{namespace.here}/24")
        yield server


@pytest.fixture
def undisturbed(tmp_path: Path, new_tuner: Callable[[Path], Tuner]) -> list[dict[str, Any]]:
    """The trials of a study that nobody cuts off."""
    (tmp_path / "undisturbed").mkdir()
    tuner = new_tuner(tmp_path / "undisturbed")
    tuner.ok("start", tuner.toy_study(NAME, budget={"trials": TRIALS}))
    return records_of(NAME, f"sqlite:///{tuner.folder}/tuner.db").trials


@pytest.mark.timeout(300)
def test_who_is_cut_off_trains_on_and_drops_what_another_has_taken_over_once_it_is_back(
    tuner: Tuner, namespace: Namespace, server: PostgresServer, undisturbed: list[dict[str, Any]], tmp_path: Path
) -> None:
    url = server.create_database(f"partition_{uuid.uuid4().hex}")
    gate, trace = Gate(tmp_path / "gate"), tmp_path / "trace"
    gate.open(9)
    tuner = tuner.within(**gate.environment)
    study = tuner.toy_study(NAME, budget={"trials": TRIALS}, checkpoint_every="0.2s")
    timing = ("--lease", f"{LEASE_S}s", "--beat", "0.5s", "--checkpoints", str(tmp_path / "store"))
    # What a connection may keep silent is the user's to say; without a word it is twenty seconds.
    from_inside = url.replace("127.0.0.1", namespace.here) + "?connect_timeout=2&tcp_user_timeout=2000"
    inside = replace(tuner.within(TOY_TRACE=str(trace)), command=(*namespace.command, *tuner.command))
    with inside.running("start", study, "--storage", from_inside, *timing) as cut_off:
        cut_off.wait_for("trial 0 20 %")
        wait_until(lambda: progress(url) >= 8, "a checkpoint")
        namespace.cut()
        gate.open(24, trial=0)
        cut_off.wait_for("the database does not answer, training goes on")
        wait_until(lambda: "0 24\n" in trace.read_text(encoding="ascii"), "steps of the one that is cut off")
        with tuner.running("start", study, "--storage", url, *timing) as other:
            other.wait_for(r"trial 0 again from optimiser step \d+")
            other.wait_for("trial 0 60 %")
            namespace.heal()
            cut_off.wait_for("trial 0: another worker has taken it over, it is dropped here")
            cut_off.wait_for(r"trial \d+ started")
            gate.open(trial=0)
            gate.open()
            for command in (other, cut_off):
                assert command.wait() == 0, command.stderr
                assert "Traceback" not in command.stderr
            assert "the database answers again" in cut_off.stderr
    records = records_of(NAME, url)
    assert records.states == {"COMPLETE": TRIALS}
    assert points({"trials": records.trials}) == points({"trials": undisturbed})
    for trial, wanted in zip(records.trials, undisturbed, strict=True):
        assert (trial["value"], trial["steps"]) == (wanted["value"], wanted["steps"])
    assert [slot.attempt for slot in records.slots] == [2, *[1] * (TRIALS - 1)]
    with Database(url) as database:
        assert of_events(Events(database, Studies(database).get(NAME).id).all(), TRIALS) == []


def progress(url: str) -> int:
    """Return the step that trial 0 could go on from."""
    checkpoints = records_of(NAME, url).slots[0].checkpoints
    return max([ref.optimiser_steps for ref in checkpoints.resume], default=0)
