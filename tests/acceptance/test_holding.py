"""Pausing and stopping a study from anywhere, and crashes of trainers that end no trial."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Gate, Tuner, records_of, wait_until

FLAGS = ("--workers", "2", "--lease", "2s")
STUDY: dict[str, Any] = {"budget": {"trials": 3}, "checkpoint_every": "0.1s"}


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


@pytest.fixture
def gated(tuner: Tuner, gate: Gate) -> Tuner:
    """The command whose toy trials wait at a gate."""
    return tuner.within(**gate.environment)


@pytest.fixture
def elsewhere(tuner: Tuner, tmp_path: Path) -> Tuner:
    """The command in another working folder, which knows the database alone."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    storage = f"sqlite:///{tuner.folder}/tuner.db"
    return replace(tuner, folder=folder, environment={**tuner.environment, "TUNER_STORAGE": storage})


def checkpointed(url: str) -> bool | None:
    events = records_of("held", url).events
    return len({event["trial"] for event in events if event["kind"] == "checkpoint"}) == 2 or None


def test_pause_holds_a_study_for_all_machines_and_resume_goes_on(gated: Tuner, gate: Gate, elsewhere: Tuner) -> None:
    url = f"sqlite:///{gated.folder}/tuner.db"
    study = gated.toy_study("held", **STUDY)
    with gated.running("start", study, *FLAGS) as running:
        gate.open(20)
        running.wait_for(r"trial 1 1/10")
        wait_until(lambda: checkpointed(url), "checkpoints of both trials")
        said = elsewhere.ok("pause", "held").stdout
        assert said.startswith("Study held is paused")
        # Nothing is complete, so there is no best to say; a pause is no failure all the same.
        assert running.wait() == 0, running.stderr
        assert "Study held is paused after 0 of 3 trials" in running.stdout
    status = elsewhere.json("status", "held")
    assert (status["state"], status["workers"]) == ("paused", [])
    counts = {state: count for state, count in status["trials"].items() if count}
    assert counts == {"total": 3, "paused": 2}
    for command in (("start", study), ("worker", "held")):
        refused = gated.run(*command)
        assert (refused.returncode, refused.stderr) == (
            1,
            "Error: study 'held' is paused; `tuner resume held` goes on\n",
        )
    gate.open()
    resumed = gated.ok("resume", "held", *FLAGS)
    assert len(re.findall(r"trial \d again from step \d+ on cpu", resumed.stderr)) == 2
    assert elsewhere.json("status", "held")["state"] == "finished"
    kinds = [event["kind"] for event in elsewhere.json("logs", "held")["events"] if event["trial"] is None]
    assert kinds == ["paused", "resumed"]


def test_stop_ends_a_study_for_good(gated: Tuner, gate: Gate, elsewhere: Tuner) -> None:
    url = f"sqlite:///{gated.folder}/tuner.db"
    study = gated.toy_study("held", **{**STUDY, "budget": {"trials": 5}})
    gate.open(trial=0)
    with gated.running("start", study, *FLAGS) as running:
        running.wait_for(r"trial 0 complete")
        gate.open(20)
        running.wait_for(r"trial \d 5/10")
        os.killpg(running.pid, signal.SIGKILL)  # two trials that nobody trains
        running.wait()
    wait_until(
        lambda: [t["state"] for t in records_of("held", url).trials].count("interrupted") == 2 or None,
        "their lease's end",
    )
    gate.open(8)
    with gated.running("resume", "held", "--workers", "1", "--lease", "2s") as running:
        running.wait_for(r"trial \d again")
        said = elsewhere.ok("stop", "held").stdout
        assert said == "Study held is stopped; 2 trial(s) ended before their time.\n"
        assert running.wait() == 0, running.stderr
    records = records_of("held", url)
    assert records.states == {"COMPLETE": 1, "FAIL": 2}
    reasons = {trial["reason"] for trial in records.trials if trial["state"] == "failed"}
    assert reasons == {"the study was stopped"}
    status = elsewhere.json("status", "held")
    assert (status["state"], status["best"]["trial"]) == ("stopped", 0)
    for command in (("start", study), ("resume", "held"), ("resume", "held", "--trials", "9")):
        assert "Study held is stopped after 3 of " in gated.ok(*command).stdout
    assert records_of("held", url).states == records.states
    gated.ok("export", "held", "kept")  # its best weights stay


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_trainer_that_dies_is_replaced_and_its_trial_goes_on_from_its_checkpoint(
    number: signal.Signals, gated: Tuner, gate: Gate
) -> None:
    url = f"sqlite:///{gated.folder}/tuner.db"
    study = gated.toy_study("held", **{**STUDY, "budget": {"trials": 1}})
    with gated.running("start", study, "--lease", "2s") as running:
        gate.open(20)
        running.wait_for(r"trial 0 5/10")
        wait_until(
            lambda: [e for e in records_of("held", url).events if "/step-" in (e["detail"] or "")] or None,
            "a checkpoint to go on from",
        )
        (trainer,) = running.trainers()
        trainer.send_signal(number)
        running.wait_for(rf"trial 0 interrupted \(its trainer ended without a word: killed by {number.name}\)")
        running.wait_for(r"trial 0 again from step \d+")
        gate.open()
        assert running.wait() == 0, running.stderr
    (slot,) = records_of("held", url).slots
    assert (slot.attempt, slot.crashes) == (2, 0), "it had got on since it began"


def test_a_trial_that_only_crashes_fails_after_its_restarts_with_its_reason(tuner: Tuner) -> None:
    (tuner.folder / "crashing_training.py").write_text(
        "import os\n\nimport toy_training\n\n\ndef train(run):\n    if run.number == 1:\n        os.abort()\n"
        "    yield from toy_training.train(run)\n",
        encoding="utf-8",
    )
    study = tuner.toy_study("held", train="crashing_training:train", budget={"trials": 3}, max_restarts=2)
    tuner.ok("start", study)
    first, second, third = tuner.json("trials", "held")["trials"]
    assert (first["state"], third["state"]) == ("complete", "complete")
    assert second["state"] == "failed"
    assert second["reason"] == "crashed 3 times: its trainer ended without a word: killed by SIGABRT"
    assert second["restarts"] == 3


def test_the_doctor_mends_what_other_programs_have_left(tuner: Tuner) -> None:
    import optuna

    study = tuner.toy_study("held", budget={"trials": 2})
    tuner.ok("start", study)
    storage = f"sqlite:///{tuner.folder}/tuner.db"
    optuna.load_study(study_name="held", storage=storage).ask()
    seen = tuner.json("doctor", "held", "--dry-run")
    assert [(finding["trial"], seen["repaired"]) for finding in seen["findings"]] == [(2, False)]
    assert tuner.json("doctor")["repaired"]
    assert records_of("held", storage).states == {"COMPLETE": 2, "FAIL": 1}
    assert tuner.ok("doctor").stdout == "Nothing is wrong.\n"


def test_the_tables_of_this_version_need_no_upgrade(tuner: Tuner) -> None:
    tuner.ok("start", tuner.toy_study("held", budget={"trials": 1}))
    assert re.fullmatch(r"sqlite:///tuner\.db: tables of version \d+\n", tuner.ok("db", "upgrade").stdout)
