"""Ended at any moment between two steps of a hand-over, a study goes on to what it would have been."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Records, Tuner, points, records_of, stored_files, wait_until
from crashing import RUNG_POINTS
from servers import MariaDBServer, PostgresServer

from storage import crash_points

pytestmark = pytest.mark.rest

TRIALS = 3
#: Those that a study without rungs passes.
POINTS = tuple(point for point in crash_points.POINTS if point not in RUNG_POINTS)
#: When a moment is reached first; and some later, in a trial that has a checkpoint, or in the last one.
CASES = [
    *(("sqlite", point, 1) for point in POINTS),
    *(("sqlite", point, 2) for point in ("files", "manifest", "pointer")),
    *(("sqlite", point, TRIALS) for point in ("asking", "telling", "told")),
    # What concerns the store alone is the same with every database.
    *(("postgresql", point, 1) for point in POINTS if point not in ("staged", "files", "manifest")),
    # Of a third one it has to be seen that what is one transaction elsewhere is one there.
    *(("mariadb", point, 1) for point in ("asking", "telling")),
]
#: Cases at a time: they wait for leases as much as for a processor.
AT_ONCE = 3
UNDISTURBED = ("sqlite", None, 0)
CRASHING = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What has become of a study."""

    records: Records
    #: Content of the store's files, by path.
    files: dict[str, bytes]
    crashed: subprocess.CompletedProcess[str] | None
    resumed: subprocess.CompletedProcess[str]

    @property
    def weights(self) -> dict[tuple[str, str], bytes]:
        """The weights that are kept, by trial and name, besides the manifests, which name the attempts."""
        paths = {path: Path(path) for path in self.files if not path.endswith("/manifest.json")}
        return {(path.parts[1], path.name): self.files[name] for name, path in paths.items()}


def outcome_of(tuner: Tuner, url: str, point: str | None, count: int) -> Outcome:
    """Run a study of three trials to its end, by way of one end at a moment."""
    fast = replace(tuner, environment={**tuner.environment, "TOY_PAUSE_S": "0.01", "TOY_BEST_BYTES": "1000"})
    study = fast.toy_study("crash", budget={"trials": TRIALS}, checkpoint_every="0.05s", seed=4)
    arguments = ("start", study, "--lease", "2s", "--checkpoints", "store", "--storage", url)
    crashed = None
    if point is not None:
        crashed = replace(fast, command=(*CRASHING, point, str(count), "SIGKILL")).run(*arguments)
        if url.startswith("sqlite"):  # there the next one finds the leases expired, elsewhere it waits for them
            wait_until(lambda: not any(slot.held for slot in records_of("crash", url).slots), "the leases' end")
    resumed = fast.run(*arguments)
    files = stored_files(fast.folder / "store")
    return Outcome(records=records_of("crash", url), files=files, crashed=crashed, resumed=resumed)


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]
) -> Iterator[dict[Any, Future[Outcome]]]:
    """The outcome of each case that is asked for, and of a study that nothing happens to, as they are worked out."""
    selected = [each for each in request.session.items if isinstance(each, pytest.Function)]
    wanted = [each.callspec.params["case"] for each in selected if each.path == request.path]
    names = {"postgresql": "postgres_server", "mariadb": "mariadb_server"}
    servers: dict[str, PostgresServer | MariaDBServer] = {
        backend: request.getfixturevalue(name)
        for backend, name in names.items()
        if any(backend == each for each, _, _ in wanted)
    }

    def work_out(backend: str, point: str | None, count: int) -> Outcome:
        tuner = new_tuner(tmp_path_factory.mktemp(f"{backend}-{point}-{count}"))
        url = f"sqlite:///{tuner.folder}/tuner.db"
        if backend in servers:
            url = servers[backend].create_database(f"crash_{point}_{count}")
        return outcome_of(tuner, url, point, count)

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        yield {case: pool.submit(work_out, *case) for case in [UNDISTURBED, *wanted]}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_killed_at_a_moment_a_study_becomes_what_it_would_have_been(
    outcomes: dict[Any, Future[Outcome]], case: tuple[str, str, int]
) -> None:
    undisturbed, outcome = outcomes[UNDISTURBED].result(), outcomes[case].result()
    assert undisturbed.resumed.returncode == 0, undisturbed.resumed.stderr
    assert outcome.crashed is not None
    assert outcome.crashed.returncode == -signal.SIGKILL, outcome.crashed.stderr
    assert outcome.resumed.returncode == 0, outcome.resumed.stderr

    trials, events = outcome.records.trials, outcome.records.events
    assert [trial["number"] for trial in trials] == list(range(TRIALS))
    assert outcome.records.states == {"COMPLETE": TRIALS}
    assert [slot.state for slot in outcome.records.slots] == ["finished"] * TRIALS
    drawn = points({"trials": trials})
    assert len(set(drawn.values())) == TRIALS
    told = [(trial["hyperparameters"], trial["value"], trial["steps"]) for trial in trials]
    assert told == [(trial["hyperparameters"], trial["value"], trial["steps"]) for trial in undisturbed.records.trials]

    reports = Counter((event["trial"], event["step"]) for event in events if event["kind"] == "report")
    assert reports == {(number, step): 1 for number in range(TRIALS) for step in range(10, 101, 10)}
    ends = {event["trial"]: event["value"] for event in events if event["kind"] == "end"}
    assert ends == {trial["number"]: trial["value"] for trial in trials}
    assert sum(event["kind"] == "end" for event in events) == TRIALS

    best = max(trials, key=lambda trial: trial["value"])
    folders = {Path(path).parent for path in outcome.files}
    # Beside the best weights, those of trial 0 stay.
    assert {folder.parts[:2] for folder in folders} == {("crash", f"trial-{n:05d}") for n in (0, best["number"])}
    assert outcome.weights == undisturbed.weights
    for folder in folders:
        manifest = json.loads(outcome.files[f"{folder}/manifest.json"])
        assert set(manifest["files"]) == {"weights.json", "weights.bin"}
