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
from acceptance_support import Tuner, points, states_of, stored_files
from servers import PostgresServer

from storage.crash_points import POINTS

TRIALS = 3
#: Each moment when it is reached first, and some of them later: in a trial that goes on, or in the last one.
CASES = [
    *((point, 1) for point in POINTS),
    *((point, 2) for point in ("asking", "reported", "files", "manifest", "pointer")),
    *((point, TRIALS) for point in ("suggested", "telling", "told")),
]
BACKENDS = ("sqlite", "postgresql")
#: Cases at a time: they wait for leases more than for a processor.
AT_ONCE = 3
CRASHING = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What has become of a study."""

    #: As the reading commands show them.
    trials: list[dict[str, Any]]
    events: list[dict[str, Any]]
    #: Of Optuna's own table, trials by state.
    states: dict[str, int]
    #: Content of the store's files, by path.
    files: dict[str, bytes]
    crashed: subprocess.CompletedProcess[str] | None
    resumed: subprocess.CompletedProcess[str]


def outcome_of(tuner: Tuner, url: str, case: tuple[str, int] | None) -> Outcome:
    """Run a study of three trials to its end, by way of one end at a moment."""
    fast = replace(tuner, environment={**tuner.environment, "TOY_PAUSE_S": "0.01", "TOY_BEST_BYTES": "1000"})
    study = fast.toy_study("crash", budget={"trials": TRIALS}, checkpoint_every="0.05s")
    arguments = ("start", study, "--lease", "2s", "--checkpoints", "store", "--storage", url)
    crashed = None
    if case is not None:
        point, count = case
        crashed = replace(fast, command=(*CRASHING, point, str(count), "SIGKILL")).run(*arguments)
    resumed = fast.run(*arguments)
    return Outcome(
        trials=fast.json("trials", "crash", "--storage", url)["trials"],
        events=fast.json("logs", "crash", "--storage", url)["events"],
        states=states_of(url, folder=fast.folder),
        files=stored_files(fast.folder / "store"),
        crashed=crashed,
        resumed=resumed,
    )


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]
) -> Iterator[dict[tuple[str, Any], Future[Outcome]]]:
    """The outcome of each case that is asked for, and of a study that nothing happens to, as they are worked out."""
    wanted: list[tuple[str, Any]] = [("sqlite", None)]
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.path == request.path and hasattr(item, "callspec"):
            wanted.append((item.callspec.params["backend"], item.callspec.params["case"]))
    server: PostgresServer | None = None
    if any(backend == "postgresql" for backend, _ in wanted):
        server = request.getfixturevalue("postgres_server")

    def work_out(backend: str, case: tuple[str, int] | None) -> Outcome:
        name = "undisturbed" if case is None else f"{backend}_{case[0]}_{case[1]}"
        tuner = new_tuner(tmp_path_factory.mktemp(name))
        if backend == "sqlite":
            return outcome_of(tuner, "sqlite:///tuner.db", case)
        assert server is not None
        return outcome_of(tuner, server.create_database(f"crash_{name}"), case)

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        yield {each: pool.submit(work_out, *each) for each in wanted}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
@pytest.mark.parametrize("backend", BACKENDS)
def test_killed_at_a_moment_a_study_becomes_what_it_would_have_been(
    outcomes: dict[tuple[str, Any], Future[Outcome]], backend: str, case: tuple[str, int]
) -> None:
    undisturbed, outcome = outcomes["sqlite", None].result(), outcomes[backend, case].result()
    assert undisturbed.resumed.returncode == 0, undisturbed.resumed.stderr
    assert outcome.crashed is not None
    assert outcome.crashed.returncode == -signal.SIGKILL, outcome.crashed.stderr
    assert outcome.resumed.returncode == 0, outcome.resumed.stderr

    assert [trial["number"] for trial in outcome.trials] == list(range(TRIALS))
    assert outcome.states == {"COMPLETE": TRIALS}
    drawn = points({"trials": outcome.trials})
    assert len(set(drawn.values())) == TRIALS
    assert drawn == points({"trials": undisturbed.trials})

    kept = ("number", "state", "value", "steps")
    assert [[trial[key] for key in kept] for trial in outcome.trials] == [
        [trial[key] for key in kept] for trial in undisturbed.trials
    ]
    reports = Counter((event["trial"], event["step"]) for event in outcome.events if event["kind"] == "report")
    assert reports == {(number, step): 1 for number in range(TRIALS) for step in range(1, 11)}
    ends = [(event["trial"], event["value"]) for event in outcome.events if event["kind"] == "end"]
    assert ends == [(trial["number"], trial["value"]) for trial in undisturbed.trials]

    weights = {Path(path).name: content for path, content in outcome.files.items() if "manifest.json" not in path}
    assert weights == {
        Path(path).name: content for path, content in undisturbed.files.items() if "manifest.json" not in path
    }
    best = max(outcome.trials, key=lambda trial: trial["value"])
    (folder,) = {Path(path).parent for path in outcome.files}
    assert folder.parts[:2] == ("crash", f"trial-{best['number']:05d}"), sorted(outcome.files)
    manifest = json.loads(outcome.files[str(folder / "manifest.json")])
    assert set(manifest["files"]) == set(weights) == {"weights.json", "weights.bin"}
