"""Trials that diverge, hang or take too long: each ends alone, and the sampler learns to keep away from such."""

from __future__ import annotations

import contextlib
import re
import signal
from pathlib import Path
from typing import Any

import optuna
import pytest
from acceptance_support import Tuner, records_of, wait_until
from filelock import FileLock

from storage import StorageError

#: Trial 1 hangs within a step, after its first evaluation, and hears nothing.
HANGING = """
import toy_training

def train(run):
    yield from (toy_training.deaf if run.number == 1 else toy_training.train)(run)
"""
#: Every other trial is better than the rest, and no number from a step on.
LOSING = """
import math
from dataclasses import replace

import toy_training

def train(run):
    for evaluation in toy_training.train(run):
        if run.number % 2:
            value = {late} if evaluation.step >= {step} else 10.0 + evaluation.step / 10
            evaluation = replace(evaluation, value=value)
        yield evaluation
"""
#: Trials that end in ways that no database, no JSON and no other process can take as they are; the last one is sound.
ODD = """
import numpy as np
import toy_training

class Own:
    pass

def train(run):
    training = toy_training.train(run)
    yield next(training)
    if run.number == 0:
        raise ValueError("cannot read caf\\udce9\\0.csv")
    if run.number == 1:
        run.saver.save(np.int64(-1), None)
    if run.number == 2:
        run.saver._connection.send(Own())
    yield from training
"""


def own(tuner: Tuner, text: str) -> dict[str, Any]:
    (tuner.folder / "own.py").write_text(text, encoding="utf-8")
    return {"train": "own:train"}


def constraints(tuner: Tuner, name: str) -> list[dict[str, float]]:
    study = optuna.load_study(study_name=name, storage=f"sqlite:///{tuner.folder}/tuner.db")
    return [trial.constraints for trial in study.trials]


@pytest.mark.rest
def test_a_trial_that_hangs_ends_when_its_time_is_over_and_the_others_are_trained(tuner: Tuner) -> None:
    study = tuner.toy_study("slow", **own(tuner, HANGING), budget={"trials": 3, "trial_time": "3s"})
    done = tuner.ok("start", study)
    assert re.search(r"trial 1 pruned .*\(time: over its 3s of device time\)", done.stderr)
    first, second, third = tuner.json("trials", "slow")["trials"]
    assert (first["state"], third["state"]) == ("complete", "complete")
    assert (second["state"], second["reason"]) == ("pruned", "time: over its 3s of device time")
    assert second["value"] == second["steps"][-1]["value"]
    assert 3 <= second["device_s"] < 60
    assert constraints(tuner, "slow") == [{}, {"time": 1.0}, {}]
    (slot,) = [
        slot for slot in records_of("slow", f"sqlite:///{tuner.folder}/tuner.db").slots if slot.trial_number == 1
    ]
    assert (slot.state, slot.checkpoints.keys) == ("finished", ())


@pytest.mark.rest
def test_a_trial_that_says_what_nobody_can_take_fails_alone(tuner: Tuner) -> None:
    done = tuner.ok("start", tuner.toy_study("odd", **own(tuner, ODD), budget={"trials": 4}))
    trials = tuner.json("trials", "odd")["trials"]
    assert [trial["state"] for trial in trials] == ["failed", "failed", "failed", "complete"]
    text, steps, message, _ = [trial["reason"] for trial in trials]
    assert text.startswith("ValueError: cannot read caf\\udce9\\0.csv at own.py:12; log: ")
    assert (
        "(-1) is no number of optimiser steps; it is a whole number from 0 to 2147483647 at own.py:14; log: " in steps
    )
    assert message.startswith("its trainer has sent what cannot be read: ModuleNotFoundError: ")
    assert "(ValueError: cannot read caf\\udce9" in done.stderr
    assert "caf\\udce9" in tuner.ok("show", "odd", "0").stdout


@pytest.mark.rest
def test_a_trials_time_counts_over_all_its_attempts(tuner: Tuner) -> None:
    study = tuner.toy_study("slow", train="toy_training:deaf", budget={"trials": 1, "trial_time": "10s"})

    def device_s() -> float:
        found: float = records_of("slow", f"sqlite:///{tuner.folder}/tuner.db").slots[0].device_s
        return found

    with tuner.running("start", study, "--lease", "2s", "--grace", "1s") as running:
        running.wait_for(r"trial 0 10 %")
        wait_until(lambda: device_s() > 5, "half of its time")
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == 75, running.stderr
    first = device_s()
    done = tuner.run("resume", "slow")
    assert re.search(r"trial 0 pruned .*\(time: over its 10s of device time\)", done.stderr)
    assert done.returncode == 1, "nothing is complete"
    assert device_s() - first < 10, "what the first attempt took counts too"


@pytest.mark.rest
def test_what_is_computed_for_all_trials_is_no_time_of_the_one_that_waits_for_it(tuner: Tuner, tmp_path: Path) -> None:
    space = {"frozen_layers": 0.5, "num_train_epochs": 1}
    study = tuner.study("shared", search_space=space, budget={"trials": 1, "trial_time": "10s"})
    url, trunk = f"sqlite:///{tuner.folder}/tuner.db", tmp_path / "cache" / "trunk"
    trunk.mkdir(parents=True)
    builder = FileLock(trunk / "room.lock")
    builder.acquire()
    alone = tuner.within(TUNER_CACHE=str(trunk.parent))
    with alone.running("start", study, "--lease", "2s") as running:
        wait_until(lambda: _device_s(url, "shared") > 12, "more than its time")
        builder.release()
        assert running.wait() == 0, running.stderr
    (trial,) = tuner.json("trials", "shared")["trials"]
    assert (trial["state"], trial["reason"]) == ("complete", None)
    assert trial["device_s"] > 12


def _device_s(url: str, name: str) -> float:
    """Return the device seconds of the first slot; 0 while there is no study."""
    with contextlib.suppress(LookupError, StorageError):
        return float(records_of(name, url).slots[0].device_s)
    return 0.0


@pytest.mark.rest
@pytest.mark.parametrize("late", ["math.nan", "math.inf"])
def test_no_number_at_a_late_step_is_never_best_and_never_ends_the_study(tuner: Tuner, late: str) -> None:
    text = LOSING.format(late=late, step=10)
    pruner = {"name": "percentile", "n_startup_trials": 1, "n_warmup_steps": 10, "n_min_trials": 1}
    study = tuner.toy_study("lost", **own(tuner, text), budget={"trials": 6}, pruner=pruner, early_stopping="none")
    tuner.ok("start", study)
    trials = tuner.json("trials", "lost")["trials"]
    lost = [trial for trial in trials if trial["number"] % 2]
    assert [trial["state"] for trial in lost] == ["pruned"] * 3
    assert all(trial["reason"].startswith("diverged: ") for trial in lost)
    assert [each for each in constraints(tuner, "lost") if each] == [{"diverged": 1.0}] * 3
    assert tuner.json("best", "lost")["trial"] % 2 == 0
    assert tuner.json("status", "lost")["state"] == "finished"


def test_a_value_that_is_lost_at_the_end_leaves_the_best_before_it(tuner: Tuner) -> None:
    study = tuner.toy_study("lost", **own(tuner, LOSING.format(late="math.inf", step=90)), budget={"trials": 4})
    tuner.ok("start", study)
    trials = tuner.json("trials", "lost")["trials"]
    assert [trial["value"] for trial in trials if trial["number"] % 2] == [18.0, 18.0]
    assert {trial["state"] for trial in trials} == {"complete"}
    assert tuner.json("best", "lost")["value"] == 18.0
