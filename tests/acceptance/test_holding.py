"""Pausing and stopping a study from anywhere, and crashes of trainers that end no trial."""

from __future__ import annotations

import os
import re
import signal
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Gate, Tuner, records_of, wait_until

FLAGS = ("--workers", "2", "--lease", "2s")
STUDY: dict[str, Any] = {"budget": {"trials": 3}, "checkpoint_every": "0.1s"}


@pytest.fixture
def overrides(tuner: Tuner, tmp_path: Path) -> Tuner:
    """The command in another working folder, which knows the database alone."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    storage = f"sqlite:///{tuner.folder}/tuner.db"
    return replace(tuner, folder=folder, environment={**tuner.environment, "TUNER_STORAGE": storage})


def checkpointed(url: str) -> bool | None:
    events = records_of("held", url).events
    return len({event["trial"] for event in events if event["kind"] == "checkpoint"}) == 2 or None


def test_pause_holds_a_study_for_all_machines_and_resume_goes_on(gated: Tuner, gate: Gate, overrides: Tuner) -> None:
    url = f"sqlite:///{gated.folder}/tuner.db"
    study = gated.toy_study("held", **STUDY)
    with gated.running("start", study, *FLAGS) as running:
        gate.open(20)
        running.wait_for(r"trial 1 10 %")
        wait_until(lambda: checkpointed(url), "checkpoints of both trials")
        said = overrides.ok("pause", "held").stdout
        assert said.startswith("Study held is paused")
        # Nothing is complete, so there is no best to say; a pause is no failure all the same.
        assert running.wait() == 0, running.stderr
        assert "Study held is paused after 0 of 3 trials" in running.stdout
    status = overrides.json("status", "held")
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
    assert len(re.findall(r"trial \d again from optimiser step \d+ on cpu", resumed.stderr)) == 2
    assert overrides.json("status", "held")["state"] == "finished"
    kinds = [event["kind"] for event in overrides.json("logs", "held")["events"] if event["trial"] is None]
    assert kinds == ["paused", "resumed"]


def test_stop_ends_a_study_for_good(gated: Tuner, gate: Gate, overrides: Tuner) -> None:
    url = f"sqlite:///{gated.folder}/tuner.db"
    study = gated.toy_study("held", **{**STUDY, "budget": {"trials": 5}})
    gate.open(trial=0)
    with gated.running("start", study, *FLAGS) as running:
        running.wait_for(r"trial 0 complete")
        gate.open(20)
        running.wait_for(r"trial \d 50 %")
        os.killpg(running.pid, signal.SIGKILL)  # two trials that nobody trains
        running.wait()
    wait_until(
        lambda: [t["state"] for t in records_of("held", url).trials].count("interrupted") == 2 or None,
        "their lease's end",
    )
    gate.open(8)
    with gated.running("resume", "held", "--workers", "1", "--lease", "2s") as running:
        running.wait_for(r"trial \d again")
        said = overrides.ok("stop", "held").stdout
        assert said == "Study held is stopped; 2 trials ended before their time.\n"
        assert running.wait() == 0, running.stderr
    records = records_of("held", url)
    assert records.states == {"COMPLETE": 1, "FAIL": 2}
    reasons = {trial["reason"] for trial in records.trials if trial["state"] == "failed"}
    assert reasons == {"the study was stopped"}
    status = overrides.json("status", "held")
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
        running.wait_for(r"trial 0 50 %")
        wait_until(
            lambda: [e for e in records_of("held", url).events if "/step-" in (e["detail"] or "")] or None,
            "a checkpoint to go on from",
        )
        (trainer,) = running.trainers()
        trainer.send_signal(number)
        words = r"its trainer ended without a word( after optimiser step \d+)?: killed by"
        running.wait_for(rf"trial 0 interrupted \({words} {number.name}\)")
        running.wait_for(r"trial 0 again from optimiser step \d+")
        gate.open()
        assert running.wait() == 0, running.stderr
    (slot,) = records_of("held", url).slots
    assert (slot.attempt, slot.crashes) == (2, 0), "it had got on since it began"


#: Training whose trial 1 aborts: always after the same step, or each time after one more.
CRASHING = """
import os
from dataclasses import replace
from pathlib import Path

import toy_training

def train(run):
    if run.number == 1:
        attempts = Path("attempts")
        attempts.touch()
        attempts.write_text(attempts.read_text() + "x")
        last = {last}
        yield from toy_training.train(replace(run, saver=Aborting(run.saver, last)))
    else:
        yield from toy_training.train(run)

class Aborting:
    leaving = False

    def __init__(self, saver, last):
        self.saver, self.left = saver, last

    def wanted(self):
        found = self.saver.wanted()
        self.left -= 1
        if self.left == 0:
            os.abort()
        return found

    def __getattr__(self, name):
        return getattr(self.saver, name)
"""


@pytest.mark.rest
@pytest.mark.parametrize(
    ("last", "reason", "restarts"),
    [
        (
            "3",
            "crashed twice at the same optimiser step: its trainer ended without a word after optimiser step 3: "
            "killed by SIGABRT",
            1,
        ),
        (
            "len(attempts.read_text())",
            "crashed 3 times: its trainer ended without a word after optimiser step 3: killed by SIGABRT",
            3,
        ),
    ],
)
def test_a_trial_that_crashes_again_at_the_same_step_fails_and_any_other_after_its_restarts(
    tuner: Tuner, last: str, reason: str, restarts: int
) -> None:
    (tuner.folder / "crashing_training.py").write_text(CRASHING.format(last=last), encoding="utf-8")
    study = tuner.toy_study("held", train="crashing_training:train", budget={"trials": 3}, max_restarts=2)
    tuner.ok("start", study)
    first, second, third = tuner.json("trials", "held")["trials"]
    assert (first["state"], third["state"]) == ("complete", "complete")
    assert (second["state"], second["reason"], second["restarts"]) == ("failed", reason, restarts)


@pytest.mark.rest
def test_a_machine_that_cannot_train_ends_the_run_before_it_fails_many_trials(tuner: Tuner) -> None:
    (tuner.folder / "broken_training.py").write_text("import os\n\n\ndef train(run):\n    os.abort()\n    yield\n")
    done = tuner.run("start", tuner.toy_study("held", train="broken_training:train", budget={"trials": 5}))
    assert done.returncode == 1
    assert "17 trainers in a row ended before their first evaluation" in done.stderr
    trials = tuner.json("trials", "held")["trials"]
    assert [trial["state"] for trial in trials] == ["failed", "failed", "interrupted"]
    assert trials[0]["reason"] == (
        "crashed 6 times: its trainer ended without a word before its first optimiser step: killed by SIGABRT"
    )


@pytest.mark.rest
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


@pytest.mark.rest
def test_a_study_stopped_before_its_first_value_has_no_best_and_says_so_by_its_exit_code(
    gated: Tuner, gate: Gate, overrides: Tuner
) -> None:
    study = gated.toy_study("held", **STUDY)
    with gated.running("start", study, *FLAGS) as running:
        gate.open(8)
        running.wait_for(r"trial 1 10 %")
        assert overrides.ok("stop", "held").stdout == "Study held is stopped; 2 trials ended before their time.\n"
        assert running.wait() == 1
    for command in (("start", study), ("resume", "held")):
        done = gated.run(*command)
        assert done.returncode == 1
        said, spent = done.stdout.splitlines()
        assert said == "Study held is stopped after 2 of 3 trials (0 complete, 0 pruned, 2 failed)."
        assert spent.startswith("Spent: ")
        assert done.stderr == "Error: no trial of study 'held' is complete; `tuner trials held` says why\n"
    refused = gated.run("pause", "held")
    assert (refused.returncode, refused.stderr) == (1, "Error: study 'held' was stopped: there is nothing to pause\n")
    assert records_of("held", f"sqlite:///{gated.folder}/tuner.db").states == {"FAIL": 2}


def test_status_and_logs_tell_who_trains_what(gated: Tuner, gate: Gate) -> None:
    study = gated.toy_study("held", **{**STUDY, "budget": {"trials": 1}})
    gate.open(8)
    with gated.running("start", study, "--workers", "2", "--lease", "10s") as running:
        running.wait_for(r"trial 0 20 %")
        status = wait_until(
            lambda: next((s for s in [gated.json("status", "held")] if s["workers"][0]["trial"] == 0), None),
            "a worker with its trial",
        )
        assert status["state"] == "running"
        assert status["trials"] | {"total": 1, "running": 1} == status["trials"]
        assert status["best"] is None
        host, pid = socket.gethostname(), running.pid
        ages = [worker.pop("beat_age_s") for worker in status["workers"]]
        assert all(0 <= age <= 10 for age in ages)
        assert status["workers"] == [
            {"host": host, "pid": pid, "device": "cpu", "trial": 0},
            {"host": host, "pid": pid, "device": "cpu", "trial": None},
        ]
        shown = gated.ok("status", "held").stdout
        assert f"worker {host} pid {pid} cpu: trial 0, seen " in shown
        assert f"worker {host} pid {pid} cpu: idle, seen " in shown
        (trial,) = gated.json("trials", "held")["trials"]
        assert (trial["state"], trial["restarts"], trial["reason"]) == ("running", 0, None)
        assert [step["step"] for step in trial["steps"]] == [10, 20]
        assert trial["value"] == trial["steps"][-1]["value"]
        gate.open()
        assert running.wait() == 0, running.stderr
    assert gated.json("status", "held")["workers"] == []


def test_logs_tell_what_happened_to_a_study_or_to_one_of_its_trials(tuner: Tuner) -> None:
    tuner.ok("start", tuner.toy_study("held", budget={"trials": 2}))
    everything = tuner.json("logs", "held")
    assert everything["study"] == "held"
    keys = ["id", "time", "kind", "trial", "attempt", "worker", "step", "value", "detail"]
    assert all(list(event) == keys for event in everything["events"])
    of_one = tuner.json("logs", "held", "1")
    assert of_one == {"study": "held", "events": [event for event in everything["events"] if event["trial"] == 1]}
    kinds = [event["kind"] for event in of_one["events"]]
    assert (kinds[0], kinds[-1]) == ("claimed", "end")
    assert [event["step"] for event in of_one["events"] if event["kind"] == "report"] == list(range(10, 101, 10))
    assert [event["id"] for event in everything["events"]] == sorted(event["id"] for event in everything["events"])
    lines = tuner.ok("logs", "held", "1").stdout.splitlines()
    assert len(lines) == len(kinds)
    for line, event in zip(lines, of_one["events"], strict=True):
        assert re.match(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d  trial 1   {event['kind']} ", line)
    missing = tuner.run("logs", "held", "7")
    assert (missing.returncode, missing.stderr) == (1, "Error: study 'held' has no trial 7; the last is 1\n")


@pytest.mark.rest
def test_crashes_with_a_newer_checkpoint_between_them_do_not_count(gated: Tuner, gate: Gate) -> None:
    url = f"sqlite:///{gated.folder}/tuner.db"
    study = gated.toy_study("held", **{**STUDY, "budget": {"trials": 1}, "max_restarts": 1})

    def saved(attempt: int) -> bool:
        events = [event for event in records_of("held", url).events if event["attempt"] == attempt]
        return any("/step-" in (event["detail"] or "") for event in events)

    with gated.running("start", study, "--lease", "2s") as running:
        for attempt in range(1, 5):
            gate.open(9 * attempt)
            running.wait_for("trial 0 started" if attempt == 1 else r"trial 0 again from optimiser step \d+")
            wait_until(lambda attempt=attempt: saved(attempt), "a checkpoint to go on from")  # type: ignore[misc]
            (trainer,) = running.trainers()
            trainer.kill()
        gate.open()
        assert running.wait() == 0, running.stderr
    (slot,) = records_of("held", url).slots
    assert (slot.state, slot.attempt, slot.crashes) == ("finished", 5, 0)
    assert gated.json("trials", "held")["trials"][0]["restarts"] == 4


OWN = {
    "nowhere:train": "there is no module 'nowhere' in ",
    "toy_training:trian": "toy_training has no function 'trian'; did you mean 'train'?",
    "broken:train": "broken cannot be imported: ModuleNotFoundError: No module named 'not_installed'",
}


@pytest.mark.parametrize("function", OWN)
def test_training_that_cannot_be_found_is_said_before_the_first_trial(tuner: Tuner, function: str) -> None:
    (tuner.folder / "broken.py").write_text("import not_installed\n", encoding="utf-8")
    study = tuner.toy_study("held", train=function)
    for command in ("check", "start"):
        done = tuner.run(command, study)
        assert done.returncode == 78, done.stderr
        assert done.stderr.startswith(f"Error: held.yaml: train: {OWN[function]}")
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""
    assert not (tuner.folder / "tuner.db").exists()


@pytest.mark.rest
def test_training_that_is_not_on_another_machine_is_said_there(gated: Tuner, gate: Gate, overrides: Tuner) -> None:
    study = gated.toy_study("held", **STUDY)
    with gated.running("start", study, *FLAGS) as running:
        gate.open(8)
        running.wait_for(r"trial 1 10 %")
        overrides.ok("pause", "held")
        assert running.wait() == 0, running.stderr
    (gated.folder / "toy_training.py").rename(gated.folder / "of_another_name.py")
    done = overrides.run("resume", "held")
    assert done.returncode == 78
    assert ": train: there is no module 'toy_training' in " in done.stderr
    assert done.stderr.count("\n") == 1
    (gated.folder / "of_another_name.py").rename(overrides.folder / "toy_training.py")
    gate.open()
    overrides.ok("resume", "held", *FLAGS)  # the folder that the command is given in is looked at too
    assert overrides.json("status", "held")["state"] == "finished"
