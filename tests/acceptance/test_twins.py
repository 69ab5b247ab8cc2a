"""A trial with the values of a complete one is not trained again: its values are taken over, and that is said."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Tuner, records_of

pytestmark = pytest.mark.rest

NAME = "alike"
#: Two points in all.
STUDY: dict[str, Any] = {
    "search_space": {
        "learning_rate": 1e-3,
        "batch_size": 8,
        "num_train_epochs": 1,
        "dropout": 0.1,
        "weight_decay": 0.01,
        "lr_scheduler_type": ["linear", "constant"],
        "warmup_ratio": 0.1,
        "frozen_layers": 0.0,
    },
    "search": "plain",
    "pruner": "none",
    "early_stopping": "none",
    "sampler": "random",
    "budget": {"trials": 6},
    "checkpoints": "store",
}
LEASE = ("--lease", "2s")
CRASHING = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")))


def test_each_point_is_trained_once_and_n_trials_are_n(tuner: Tuner) -> None:
    tuner.ok("start", tuner.study(NAME, **STUDY), *LEASE)
    trials = tuner.json("trials", NAME)["trials"]
    assert [trial["state"] for trial in trials] == ["complete"] * 6
    by_schedule: dict[str, list[Any]] = {}
    for trial in trials:
        by_schedule.setdefault(trial["hyperparameters"]["lr_scheduler_type"], []).append(trial)
    assert len(by_schedule) == 2
    for first, *others in by_schedule.values():
        assert first["reason"] is None
        for other in others:
            assert (other["value"], other["steps"]) == (first["value"], first["steps"])
            told = f"twin: as trial {first['number']}, which has the same values and the same seed; "
            assert other["reason"] == f"{told}it was not trained again"
            assert other["device_s"] < first["device_s"]
    best = tuner.json("best", NAME)["trial"]
    assert best in [found[0]["number"] for found in by_schedule.values()], "the one whose weights are kept"
    tuner.ok("export", NAME, "model")


def test_a_worker_that_is_killed_while_values_are_taken_over_leaves_them_to_the_next_one(tuner: Tuner) -> None:
    study = tuner.study(NAME, **{**STUDY, "evaluations": 10})
    tuner.ok("start", study, "--trials", "5", *LEASE)
    before = records_of(NAME, f"sqlite:///{tuner.folder}/tuner.db").trials
    crashed = replace(tuner, command=(*CRASHING, "reported", "3", "SIGKILL")).run(
        "start", study, "--trials", "6", *LEASE
    )
    assert crashed.returncode == -signal.SIGKILL
    tuner.ok("start", study, "--trials", "6", *LEASE)
    *others, last = records_of(NAME, f"sqlite:///{tuner.folder}/tuner.db").trials
    assert others == before
    twin = next(each for each in before if each["hyperparameters"] == last["hyperparameters"])
    assert (last["state"], last["value"], last["steps"]) == ("complete", twin["value"], twin["steps"])
    assert last["reason"].startswith(f"twin: as trial {twin['number']}, ")


def test_weights_of_the_best_trials_are_kept_beside_their_twins(tuner: Tuner) -> None:
    tuner.ok("start", tuner.study(NAME, **{**STUDY, "keep": 2}), *LEASE)
    trials = tuner.json("trials", NAME)["trials"]
    trained = [trial["number"] for trial in trials if trial["reason"] is None]
    assert len(trained) in (2, 3), "trial 0 is trained in any case"
    best = sorted((trial for trial in trials if trial["number"] in trained), key=lambda trial: -trial["value"])[:2]
    for trial in best:
        tuner.ok("export", NAME, f"model-{trial['number']}", "--trial", str(trial["number"]))
    twin = next(trial for trial in trials if trial["reason"] is not None)
    refused = tuner.run("export", NAME, "none", "--trial", str(twin["number"]))
    assert refused.returncode == 1
    assert f"({twin['reason']})" in refused.stderr
