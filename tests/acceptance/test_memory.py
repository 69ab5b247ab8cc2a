"""Memory that runs out, on a device and on the host: the study goes on, and its trials with what fits."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Tuner, records_of

from storage import Database, History, Studies, TrialRecord

pytestmark = pytest.mark.rest

SCARCE = Path(__file__).with_name("scarce.py")
#: Training of a user's own that says how many examples it takes at a time, and of which so many do not fit.
HUNGRY = """
import json
import os
from dataclasses import replace

import toy_training

def train(run):
    micro_batch = run.micro_batch or 8
    told = lambda effective: run.record({**effective, "micro_batch": micro_batch})
    for evaluation in toy_training.train(replace(run, record=told)):
        if evaluation.step == 30:
            take(run, micro_batch)
        yield evaluation

def fits_two(run, micro_batch):
    if micro_batch > 2 or run.number == 1:
        raise MemoryError("cannot take 1.00 GiB")

def on_the_host(run, micro_batch):
    megabytes = bytearray(micro_batch * 200 << 20)  # zeros that are written: every page is taken
    megabytes[::4096] = b"x" * len(megabytes[::4096])

take = globals()[os.environ["HUNGRY"]]
"""
#: The same, with eight whatever it is told.
STUBBORN = HUNGRY.replace("run.micro_batch or 8", "8")


def records(tuner: Tuner, name: str) -> list[TrialRecord]:
    with Database(f"sqlite:///{tuner.folder}/tuner.db") as database:
        return History(database, Studies(database).get(name)).trials()


def micro_batch(trial: TrialRecord) -> Any:
    assert trial.effective is not None
    return trial.effective["micro_batch"]


@pytest.mark.parametrize(("where", "restarts"), [({}, 0), ({"SCARCE_OPTIMIZER": "yes"}, 3)])
def test_a_device_that_is_too_small_ends_nothing_and_later_trials_begin_with_what_fits(
    tuner: Tuner, where: dict[str, str], restarts: int
) -> None:
    """Batch size and optimiser steps are what was drawn; sixteen examples at a time do not fit, two do."""
    study = tuner.study(
        "scarce",
        search_space={"batch_size": 16, "num_train_epochs": {"low": 1, "high": 2}, "frozen_layers": 0},
        budget={"trials": 3},
        pruner="none",
        evaluations=2,
    )
    trace = tuner.folder / "trace"
    scarce = replace(
        tuner.within(SCARCE_EXAMPLES="2", SCARCE_TRACE=str(trace), PYTHONPATH=str(SCARCE.parent), **where),
        command=(sys.executable, "-P", str(SCARCE)),
    )
    done = scarce.ok("start", study)
    for before, after in ((16, 8), (8, 4), (4, 2)):
        assert f"trial 0: {before} examples at a time do not fit in memory, it goes on with {after}" in done.stderr
    assert trace.read_text(encoding="ascii").split() == ["16", "8", "4"], "by the first trial alone, and once each"
    trials = records(tuner, "scarce")
    assert [trial.restarts for trial in trials] == [restarts, 0, 0]
    for trial in trials:
        effective, hp = trial.effective, trial.hyperparameters
        assert effective is not None
        assert trial.state == "complete"
        assert (micro_batch(trial), effective["batch_size"], hp["batch_size"]) == (2, 16, 16)
        assert effective["optimiser_steps"] == math.ceil(hp["num_train_epochs"] * 6), "96 rows in batches of 16"
        assert trial.evaluations[-1]["optimiser_steps"] == effective["optimiser_steps"]
    assert [slot.crashes for slot in records_of("scarce", f"sqlite:///{tuner.folder}/tuner.db").slots] == [0] * 3


def test_training_of_ones_own_goes_on_with_half_where_it_says_how_many_it_takes(tuner: Tuner) -> None:
    (tuner.folder / "hungry.py").write_text(HUNGRY, encoding="utf-8")
    study = tuner.toy_study("hungry", train="hungry:train", budget={"trials": 4}, checkpoint_every="1h")
    tuner.within(HUNGRY="fits_two").ok("start", study)
    first, second, *others = records(tuner, "hungry")
    assert (first.state, micro_batch(first), first.restarts) == ("complete", 2, 2)
    # What cannot fit one by one is told so that the sampler keeps away from it; others had told it where to begin.
    assert (second.state, second.restarts, micro_batch(second)) == ("pruned", 1, 1)
    assert second.reason == "out of memory: cannot take 1.00 GiB"
    assert [(each.state, micro_batch(each), each.restarts) for each in others] == [("complete", 1, 0)] * 2
    import optuna

    trials = optuna.load_study(study_name="hungry", storage=f"sqlite:///{tuner.folder}/tuner.db").trials
    assert [trial.constraints for trial in trials] == [{}, {"out_of_memory": 1.0}, {}, {}]


def test_training_of_ones_own_that_heeds_no_smaller_number_ends_pruned_and_not_again_and_again(tuner: Tuner) -> None:
    (tuner.folder / "stubborn.py").write_text(STUBBORN, encoding="utf-8")
    study = tuner.toy_study("stubborn", train="stubborn:train", budget={"trials": 2}, checkpoint_every="1h")
    done = tuner.within(HUNGRY="fits_two").run("start", study)
    assert done.returncode == 1, "nothing is complete"
    trials = records(tuner, "stubborn")
    assert {(each.state, each.reason) for each in trials} == {("pruned", "out of memory: cannot take 1.00 GiB")}
    assert [each.restarts for each in trials] == [1, 0], "the second was told from its beginning"


def test_a_device_that_others_fill_is_held_against_no_trial(tuner: Tuner) -> None:
    """The model finds no room before there is anything to halve: at first, and twice once a trial is complete."""
    study = tuner.study("filled", search_space={"num_train_epochs": 1}, budget={"trials": 2}, pruner="none")
    filled = tuner.folder / "filled"
    filled.write_text("x.xx.", encoding="ascii")
    scarce = replace(
        tuner.within(SCARCE_ATTEMPTS=str(filled), PYTHONPATH=str(SCARCE.parent)),
        command=(sys.executable, "-P", str(SCARCE)),
    )
    scarce.ok("start", study)
    assert filled.read_text(encoding="ascii") == "", "every attempt was made"
    trials = records(tuner, "filled")
    assert [(each.state, each.restarts) for each in trials] == [("complete", 1), ("complete", 2)]
    found = records_of("filled", f"sqlite:///{tuner.folder}/tuner.db")
    told = [event["detail"] for event in found.events if event["kind"] == "released"]
    assert told == ["out of memory: CUDA out of memory. Tried to allocate 90.00 MiB."] * 3
    import optuna

    stored = optuna.load_study(study_name="filled", storage=f"sqlite:///{tuner.folder}/tuner.db").trials
    assert [trial.constraints for trial in stored] == [{}, {}]


def test_a_device_that_is_always_full_ends_with_crashes_and_teaches_the_sampler_nothing(tuner: Tuner) -> None:
    study = tuner.study("filled", budget={"trials": 1}, pruner="none", max_restarts=1)
    filled = tuner.folder / "filled"
    filled.write_text("xx", encoding="ascii")
    scarce = replace(
        tuner.within(SCARCE_ATTEMPTS=str(filled), PYTHONPATH=str(SCARCE.parent)),
        command=(sys.executable, "-P", str(SCARCE)),
    )
    assert scarce.run("start", study).returncode == 1
    (trial,) = records(tuner, "filled")
    words = "out of memory: CUDA out of memory. Tried to allocate 90.00 MiB."
    assert (trial.state, trial.reason) == ("failed", f"crashed 2 times: {words}")
    import optuna

    (stored,) = optuna.load_study(study_name="filled", storage=f"sqlite:///{tuner.folder}/tuner.db").trials
    assert stored.constraints == {}


@contextlib.contextmanager
def group_of(limit_bytes: int) -> Iterator[Path]:
    """Make a control group with a bound on its memory."""
    if os.getuid() != 0:
        pytest.skip("control groups are root's to make")
    first, second = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
    version, parent = (1, first) if (first / "memory.limit_in_bytes").exists() else (2, second)
    group = parent / f"tuner-test-{os.getpid()}"
    try:
        if version == 2:
            (parent / "cgroup.subtree_control").write_text("+memory", encoding="ascii")
        group.mkdir()
        bound = group / ("memory.limit_in_bytes" if version == 1 else "memory.max")
        bound.write_text(str(limit_bytes), encoding="ascii")
    except OSError as error:
        with contextlib.suppress(OSError):
            group.rmdir()
        pytest.skip(f"this machine lets nobody make a control group with a bound: {error}")
    try:
        yield group
    finally:
        group.rmdir()


def test_a_trainer_that_the_kernel_kills_for_want_of_memory_goes_on_with_half(tuner: Tuner) -> None:
    (tuner.folder / "hungry.py").write_text(HUNGRY, encoding="utf-8")
    study = tuner.toy_study("hungry", train="hungry:train", budget={"trials": 2}, checkpoint_every="1h")
    with group_of(700 << 20) as group:
        # The shell joins the group, and becomes the command in it.
        within = f'echo $$ > "{group}/cgroup.procs" && exec "$@"'
        bound = replace(tuner, command=("/bin/sh", "-c", within, "tuner", *tuner.command))
        done = bound.within(HUNGRY="on_the_host").ok("start", study)
    for before, after in ((8, 4), (4, 2)):
        assert f"trial 0: {before} examples at a time do not fit in memory, it goes on with {after}" in done.stderr
    assert [(each.state, micro_batch(each), each.restarts) for each in records(tuner, "hungry")] == [
        ("complete", 2, 2),
        ("complete", 2, 0),
    ]
    found = records_of("hungry", f"sqlite:///{tuner.folder}/tuner.db")
    told = [event["detail"] for event in found.events if event["kind"] == "released"]
    assert told == ["out of memory: the kernel killed its trainer after optimiser step 11"] * 2
    assert [slot.crashes for slot in found.slots] == [0, 0]
