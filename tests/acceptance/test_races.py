"""Many commands at once: whoever is first, the budget is what the study file says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from acceptance_support import Gate, Running, Tuner, points, records_of

pytestmark = pytest.mark.rest

COMMANDS, TRIALS = 8, 40


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_url(request: pytest.FixtureRequest) -> Callable[[Path], str]:
    """Give a fresh database for a folder."""
    if request.param == "sqlite":
        return lambda folder: f"sqlite:///{folder}/tuner.db"
    server = request.getfixturevalue("postgres_server")
    return lambda folder: str(server.create_database(f"races_{folder.name}"))


def test_eight_starts_at_once_run_forty_trials_once_each_three_times_over(
    fresh_url: Callable[[Path], str], tmp_path: Path, new_tuner: Callable[[Path], Tuner]
) -> None:
    for turn in range(3):
        folder = tmp_path / f"{turn}"
        folder.mkdir()
        race(new_tuner(folder), fresh_url(folder))


def race(tuner: Tuner, url: str) -> None:
    """Run eight starts of one study on a database that has no tables yet."""
    gate = Gate(tuner.folder / "gate")
    tuner = tuner.within(TOY_STEPS="10", TOY_PAUSE_S="0.002", **gate.environment)
    study = tuner.toy_study("raced", budget={"trials": TRIALS})
    arguments = ("start", study, "--storage", url, "--checkpoints", "store")
    with ExitStack() as stack:
        commands: list[Running] = [stack.enter_context(tuner.running(*arguments)) for _ in range(COMMANDS)]
        for command in commands:
            command.wait_for(r"trial \d+ started")  # each has a trial, and all the others are still to be had
        gate.open()
        assert [command.wait() for command in commands] == [0] * COMMANDS, [command.stderr for command in commands]
        summaries = {command.stdout for command in commands}
    assert len(summaries) == 1
    assert summaries.pop().startswith("Study raced is finished: 40 of 40 trials (40 complete, 0 pruned, 0 failed).\n")

    status = tuner.json("status", "raced", "--storage", url)
    assert status["state"] == "finished"
    assert status["trials"] | {"total": TRIALS, "complete": TRIALS} == status["trials"]
    assert status["workers"] == []
    records = records_of("raced", url)
    assert records.states == {"COMPLETE": TRIALS}
    assert [trial["number"] for trial in records.trials] == list(range(TRIALS))
    kinds = {(trial["state"], trial["restarts"], len(trial["steps"])) for trial in records.trials}
    assert kinds == {("complete", 0, 10)}
    assert len(set(points({"trials": records.trials}).values())) == TRIALS
    assert {(slot.state, slot.attempt) for slot in records.slots} == {("finished", 1)}

    events = records.events
    once = dict.fromkeys(range(TRIALS), 1)
    for kind in ("claimed", "end"):
        assert Counter(event["trial"] for event in events if event["kind"] == kind) == once
    reports = Counter((event["trial"], event["step"]) for event in events if event["kind"] == "report")
    assert reports == {(trial, step): 1 for trial in range(TRIALS) for step in range(10, 101, 10)}
    assert {event["kind"] for event in events} == {"claimed", "checkpoint", "report", "end"}
    workers = {event["trial"]: {e["worker"] for e in events if e["trial"] == event["trial"]} for event in events}
    assert all(len(names) == 1 for names in workers.values())
    assert len(set.union(*workers.values())) == COMMANDS

    # The weights of the best and of trial 0 alone are left, whoever trained them.
    shown = [
        tuner.json("show", "raced", str(number), "--storage", url)["checkpoints"]["best"]["key"]
        for number in sorted({0, status["best"]["trial"]})
    ]
    manifests = (tuner.folder / "store" / "raced").rglob("manifest.json")
    kept = sorted(path.parent.relative_to(tuner.folder / "store" / "raced").as_posix() for path in manifests)
    assert kept == shown
