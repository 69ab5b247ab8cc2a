"""What a study may cost, on all its machines together, and changing that while it runs."""

from __future__ import annotations

import json
import math
import os
import re
import signal
from typing import Any

import pytest
from acceptance_support import Gate, Records, Tuner, records_of

from tuner.study.budget import duration

FLAGS = ("--lease", "2s", "--grace", "10s")
STUDY: dict[str, Any] = {"budget": {"trials": 3}, "checkpoint_every": "0.1s"}


def device_seconds(records: Records) -> tuple[float, float]:
    """Return the least and the most that the trials' attempts can have taken, as the event log has it.

    An attempt that ended with a word took the time until then. One that was killed took at least the time until the
    last that was heard of it, and at most the time until its trial was taken over.
    """
    least = most = 0.0
    by_attempt: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for event in records.events:
        if event["attempt"] is not None:
            by_attempt.setdefault((event["trial"], event["attempt"]), []).append(event)
    for (trial, attempt), events in by_attempt.items():
        began, ended = _seconds(events[0]), _seconds(events[-1])
        least += ended - began
        if events[-1]["kind"] in ("released", "end"):
            most += ended - began
        else:
            most += _seconds(by_attempt[(trial, attempt + 1)][0]) - began
    return least, most


def _seconds(event: dict[str, Any]) -> float:
    from datetime import datetime

    return datetime.fromisoformat(event["time"]).timestamp()


@pytest.mark.rest
def test_time_is_one_budget_of_all_machines_and_more_of_it_goes_on_with_the_paused_trials(
    gated: Tuner, gate: Gate, url: str
) -> None:
    gated = gated.within(TUNER_STORAGE=url, TOY_PAUSE_S="0.02")
    study = gated.toy_study(
        "held", checkpoints=f"{gated.folder}/store", **{**STUDY, "budget": {"trials": 2, "time": "10m"}}
    )
    gate.open(20)
    with gated.running("start", study, *FLAGS) as one:
        one.wait_for(r"trial \d 10 %")
        with gated.running("worker", "held", *FLAGS) as two:
            two.wait_for(r"trial \d 10 %")
            # How long a command takes to start is the machine's; from here on both are there.
            most_s = math.ceil(gated.json("status", "held")["budget"]["spent_s"]) + 4
            gated.ok("edit", "held", "--time", f"{most_s}s")
            assert one.wait() == two.wait() == 0, one.stderr + two.stderr
    status = gated.json("status", "held")
    assert (status["state"], status["trials"]["paused"], status["workers"]) == ("paused", 2, [])
    assert status["reason"] == (
        f"the budget's time of {duration(most_s)} is spent; "
        "`tuner edit held --time TIME` raises it, then `tuner resume held` goes on"
    )
    spent_s = status["budget"]["spent_s"]
    assert most_s <= spent_s < most_s + 3
    assert one.stdout.startswith(
        "Study held is paused after 0 of 2 trials (0 complete, 0 pruned, 0 failed): the budget"
    )
    again = gated.ok("resume", "held", *FLAGS)  # there is no more of it
    assert "is paused after 0 of 2 trials" in again.stdout
    assert again.stderr == "", "it is said before data and model are read"
    gate.open()
    assert (
        gated.ok("edit", "held", "--time", "5m").stdout
        == f"held: budget.time: {duration(most_s)} -> 5m\n`tuner resume held` goes on.\n"
    )
    resumed = gated.ok("resume", "held", *FLAGS)
    assert re.findall(r"trial (\d) again from optimiser step 20 on cpu", resumed.stderr) == ["0", "1"]
    records = records_of("held", url)
    assert records.states == {"COMPLETE": 2}
    least, most = device_seconds(records)
    # Two workers beside each other: more than the wall time, and each second of a device once.
    assert least - 0.1 <= sum(slot.device_s for slot in records.slots) <= most + 0.1
    assert least > spent_s


@pytest.mark.rest
def test_device_seconds_are_counted_once_over_kills_and_moves(gated: Tuner, gate: Gate, url: str) -> None:
    gated = gated.within(TUNER_STORAGE=url)
    study = gated.toy_study("held", checkpoints=f"{gated.folder}/store", **{**STUDY, "budget": {"trials": 2}})
    gate.open(20)
    with gated.running("start", study, "--workers", "2", *FLAGS) as killed:
        killed.wait_for(r"trial \d 50 %")
        killed.wait_for(r"trial \d 50 %")
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    with gated.running("resume", "held", "--workers", "1", *FLAGS) as moved:
        moved.wait_for(r"trial \d again")
        moved.process.send_signal(signal.SIGTERM)
        assert moved.wait() == 75
    gate.open()
    gated.ok("resume", "held", *FLAGS)
    records = records_of("held", url)
    assert records.states == {"COMPLETE": 2}
    least, most = device_seconds(records)
    assert least - 0.1 <= sum(slot.device_s for slot in records.slots) <= most + 0.1
    stolen = [event for event in records.events if event["kind"] == "stolen"]
    assert len(stolen) == 2


@pytest.mark.rest
def test_spent_device_hours_pause_the_running_trials(gated: Tuner, gate: Gate) -> None:
    study = gated.toy_study("held", **{**STUDY, "budget": {"trials": 2, "device_hours": 4 / 3600}})
    gate.open(20)
    with gated.running("start", study, "--workers", "2", *FLAGS) as running:
        assert running.wait() == 0, running.stderr
    status = gated.json("status", "held")
    assert (status["state"], status["trials"]["paused"]) == ("paused", 2)
    assert 4 <= status["budget"]["spent_device_s"] < 8
    gate.open()
    gated.ok("edit", "held", "--device-hours", "none")
    gated.ok("resume", "held", *FLAGS)
    assert gated.json("status", "held")["state"] == "finished"


def test_an_edit_reaches_the_workers_that_run(gated: Tuner, gate: Gate) -> None:
    study = gated.toy_study("held", **{**STUDY, "budget": {"trials": 2}, "keep": 2})
    gate.open(trial=0)
    with gated.running("start", study, *FLAGS) as running:
        running.wait_for("trial 0 complete")
        running.wait_for("trial 1 started")
        pruner = "{name: percentile, percentile: 1, n_startup_trials: 1, n_min_trials: 1, n_warmup_steps: 0}"
        said = gated.ok("edit", "held", "--trials", "4", "--keep", "1", "--pruner", pruner).stdout.splitlines()
        assert "held: budget.trials: 2 -> 4" in said
        assert "held: keep: 2 -> 1" in said
        assert "held: pruner.name: none -> percentile" in said
        running.wait_for("the study was edited; its budget is 4 trials")
        gate.open()
        assert running.wait() == 0, running.stderr
    records = records_of("held", f"sqlite:///{gated.folder}/tuner.db")
    assert len(records.trials) == 4
    # With the best one in a hundred alone, some of three are pruned at 10 %, or all were better.
    best_first = records.trials[0]["steps"][0]["value"]
    for trial in records.trials[1:]:
        assert (trial["state"] == "pruned") == (trial["steps"][0]["value"] < best_first) or len(trial["steps"]) > 1
    kept = {path.parts[-4] for path in (gated.folder / "tuner-checkpoints").rglob("weights.bin")}
    complete = [trial for trial in records.trials if trial["state"] == "complete"]
    best = max(complete, key=lambda trial: trial["value"])["number"]
    assert kept == {f"trial-{number:05d}" for number in {0, best}}
    # The file still says what it said: that is no change of the study. Nor is one that follows, and an edit after that.
    assert "is finished" in gated.ok("start", study).stdout
    path = gated.folder / study
    path.write_text(path.read_text(encoding="utf-8").replace("keep: 2", "keep: 1"), encoding="utf-8")
    assert "is finished" in gated.ok("start", study).stdout
    gated.ok("edit", "held", "--keep", "3")
    assert "is finished" in gated.ok("start", study).stdout
    events = [event for event in records.events if event["kind"] == "edited"]
    assert events[0]["detail"].startswith("budget.trials: 2 -> 4")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "nothing to change: give at least one option"),
        (["--pruner", "{name: no-such}"], 78, "pruner.name"),
        (["--pruner", "[}"], 78, "--pruner"),
        (["--time", "soon"], 2, "'soon' is no duration; write 90s, 30m, 2h or 1d"),
        (["--keep", "0"], 2, "--keep"),
        (["--device-hours", "-1"], 2, "--device-hours"),
    ],
)
def test_an_edit_that_cannot_be_is_refused_in_a_line_and_changes_nothing(
    arguments: list[str], code: int, said: str, finished: Tuner
) -> None:
    before = finished.json("status", "finished")
    done = finished.run("edit", "finished", *arguments)
    assert done.returncode == code
    assert said in done.stderr.splitlines()[-1]
    assert finished.json("status", "finished") == before


@pytest.mark.rest
def test_a_study_whose_trials_all_fail_is_paused_with_the_reason_of_the_last(tuner: Tuner) -> None:
    module = (
        "import toy_training\n\n\ndef train(run):\n    if not FIXED:\n"
        '        raise RuntimeError(f"no luck with {run.number}")\n    yield from toy_training.train(run)\n'
    )
    path = tuner.folder / "failing_training.py"
    path.write_text("FIXED = False\n" + module, encoding="utf-8")
    study = tuner.toy_study("failing", train="failing_training:train", budget={"trials": 9}, max_failed=3)
    done = tuner.run("start", study)
    assert done.returncode == 1
    log = tuner.folder / "tuner-checkpoints" / "failing" / "trainers.log"
    last = f"RuntimeError: no luck with 2 at failing_training.py:7; log: {log}"
    reason = f"the last 3 trials failed, the last because of this: {last}"
    assert done.stderr.splitlines()[-1] == f"Error: {reason}; `tuner resume failing` goes on once it is mended"
    status = tuner.json("status", "failing")
    assert (status["state"], status["reason"], status["trials"]["failed"]) == ("paused", reason, 3)
    path.write_text("FIXED = True\n" + module, encoding="utf-8")
    tuner.ok("resume", "failing")
    counts = tuner.json("status", "failing")["trials"]
    assert (counts["failed"], counts["complete"]) == (3, 6)
    assert json.loads(tuner.ok("trials", "failing", "--json").stdout)["trials"][3]["number"] == 3
