"""The search space of a study changes on all machines: trials that have begun go on, later ones are drawn from it."""

from __future__ import annotations

import os
import re
import signal
from contextlib import ExitStack
from typing import Any

import pytest
from acceptance_support import Gate, Tuner, points, records_of

pytestmark = pytest.mark.rest

STUDY: dict[str, Any] = {
    "search_space": {"learning_rate": {"low": 1e-5, "high": 1e-3, "log": True}, "batch_size": [8, 16, 32]},
    "budget": {"trials": 6},
}
NARROWER = ("--set", "batch_size=[64, 128]", "--set", "learning_rate={low: 1e-4}")
FLAGS = ("--lease", "2s")


def are_within(trial: dict[str, Any]) -> bool:
    point = trial["hyperparameters"]
    return point["batch_size"] in (64, 128) and 1e-4 <= point["learning_rate"] <= 1e-3


def test_workers_that_run_put_their_trials_aside_and_go_on_within_the_new_space(
    gated: Tuner, gate: Gate, url: str
) -> None:
    gated = gated.within(TUNER_STORAGE=url)
    study = gated.toy_study("wide", checkpoints=f"{gated.folder}/store", **STUDY)
    gate.open(20)
    with gated.running("start", study, *FLAGS) as one, ExitStack() as stack:
        one.wait_for(r"trial \d 50 %")
        two = stack.enter_context(gated.running("worker", "wide", *FLAGS))
        two.wait_for(r"trial \d 50 %")
        before = points(gated.json("trials", "wide"))
        assert len(before) == 2
        said = gated.ok("edit", "wide", *NARROWER).stdout.splitlines()
        assert "wide: search_space.batch_size: [8, 16, 32] -> [64, 128]" in said
        assert (
            "wide: search_space.learning_rate: 1e-05 to 0.001 on a log scale -> 0.0001 to 0.001 on a log scale" in said
        )
        assert said[-1] == "No trial so far lies in the new space; the sampler begins anew."
        for running in (one, two):
            running.wait_for(r"trial \d again from optimiser step 20")
        gate.open()
        assert one.wait() == two.wait() == 0, one.stderr + two.stderr
    records = records_of("wide", url)
    assert records.states == {"COMPLETE": 6}
    trials = gated.json("trials", "wide")["trials"]
    assert points({"trials": trials[:2]}) == before
    assert [are_within(trial) for trial in trials] == [False] * 2 + [True] * 4
    assert all(len(trial["steps"]) == 10 for trial in trials), "no evaluation is lost, and none stands twice"
    reasons = {event["detail"] for event in records.events if event["kind"] == "released"}
    assert reasons == {"the search space was edited"}
    # The file still has the space that it had: that is no change of the study.
    assert "is finished" in gated.ok("start", study).stdout


def test_a_trial_of_before_survives_a_worker_that_is_killed_after_the_edit(gated: Tuner, gate: Gate) -> None:
    study = gated.toy_study("wide", checkpoints="store", **STUDY)
    gate.open(20)
    with gated.running("start", study, *FLAGS) as running:
        running.wait_for(r"trial 0 50 %")
        gated.ok("edit", "wide", *NARROWER)
        running.wait_for(r"trial 0 again from optimiser step 20")
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    gate.open()
    gated.ok("resume", "wide", *FLAGS)
    trials = gated.json("trials", "wide")["trials"]
    assert [are_within(trial) for trial in trials] == [False] + [True] * 5
    uninterrupted = gated.toy_study("undisturbed", checkpoints="other", **{**STUDY, "budget": {"trials": 1}})
    gated.ok("start", uninterrupted, *FLAGS)
    (same,) = gated.json("trials", "undisturbed")["trials"]
    for key in ("hyperparameters", "steps", "value"):
        assert trials[0][key] == same[key]


def test_a_search_over_depths_goes_on_with_other_depths(tuner: Tuner) -> None:
    study = tuner.study(
        "deep",
        search_space={
            "learning_rate": {"low": 3e-5, "high": 3e-3, "log": True},
            "batch_size": [8, 16],
            "num_train_epochs": {"low": 10, "high": 12},
            "dropout": 0.1,
            "lr_scheduler_type": "linear",
            "frozen_layers": [0, 0.5, 1],
        },
        budget={"trials": 5},
        checkpoints="store",
    )
    tuner.ok("start", study, *FLAGS)
    before = points(tuner.json("trials", "deep"))
    tuner.ok("edit", "deep", "--set", "frozen_layers=0.5", "--set", "head_init=random", "--trials", "9")
    tuner.ok("resume", "deep", *FLAGS)
    trials = tuner.json("trials", "deep")["trials"]
    assert len(trials) == 9
    assert points({"trials": trials[:5]}) == before
    new = [(each["hyperparameters"]["frozen_layers"], each["hyperparameters"]["head_init"]) for each in trials[5:]]
    assert new == [(0.5, "random")] * 4
    space = {"frozen_layers": [0, 0.5], "head_init": ["random", "fitted"], "dropout": [0.0, 0.1]}
    (tuner.folder / "more.yaml").write_text(str(space), encoding="utf-8")
    tuner.ok("edit", "deep", "--space", "more.yaml", "--trials", "12")
    tuner.ok("resume", "deep", *FLAGS)
    assert len(tuner.json("trials", "deep")["trials"]) == 12


def test_what_follows_from_a_study_trains_the_points_of_all_its_spaces(tuner: Tuner) -> None:
    plain = {"search": "plain", "pruner": "none", "early_stopping": "none", "keep": 9, "checkpoints": "store"}
    tuner.ok("start", tuner.study("grown", budget={"trials": 2}, **plain), *FLAGS)
    tuner.ok("edit", "grown", "--set", "batch_size=[4]", "--set", "lr_scheduler_type=[cosine, linear]", "--trials", "4")
    tuner.ok("resume", "grown", *FLAGS)
    decay = "layerwise_lr_decay={low: 0.3, high: 0.6, when: {frozen_layers: [0, 0.25, 0.5, 0.75]}}"
    tuner.ok("edit", "grown", "--set", decay, "--trials", "5")
    tuner.ok("resume", "grown", *FLAGS)
    by_number = points(tuner.json("trials", "grown"))
    tuner.ok("confirm", "grown", "--top", "4", "--seeds", "1")
    again = set(points(tuner.json("trials", "grown.confirm-1")).values())
    assert len(again) >= 4
    assert again <= set(by_number.values()), "nothing is drawn that an earlier space did not search"
    refused = tuner.run("edit", "grown.confirm-1", "--set", "batch_size=8")
    assert refused.returncode == 78
    assert "follows from study 'grown'" in refused.stderr
    tuner.ok("refit", "grown", "refitted", "--trial", "0", *FLAGS)
    assert points(tuner.json("trials", "grown.refit-1"))[0] == by_number[0]
    for number in range(4):
        tuner.ok("export", "grown", f"model-{number}", "--trial", str(number))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--set", "learning_rat=1e-4"), 78, "learning_rat: is no hyperparameter; did you mean 'learning_rate'?"),
        (("--set", "learning_rate={low: 2}"), 78, "learning_rate: low 2 is above high 0.02"),
        (("--set", "batch_size"), 2, "write NAME=VALUE"),
        (("--set", "dropout=0", "--set", "dropout=0.1"), 2, "--set dropout is given twice"),
        (("--set", "search_space=3"), 78, "search_space: is no hyperparameter"),
        (("--set", "keep=3"), 2, "lists the option for keep"),
        (("--set", "dropout=none"), 78, "dropout: is searched in every space; fix it to a value instead"),
        (("--set", "frozen_layers=0.3.1"), 78, "frozen_layers"),
        (("--set", "lr_scheduler_type=cosine_with_min_lr"), 78, "search_space.lr_scheduler_type: "),
        (("--set", "batch_size=[8, 8]"), 78, "a choice stands twice"),
        (("--space", "nowhere.yaml"), 78, "nowhere.yaml: no such file"),
    ],
)
def test_an_edit_that_cannot_be_is_one_line_and_changes_nothing(
    finished: Tuner, arguments: tuple[str, ...], code: int, said: str
) -> None:
    before = finished.json("show", "finished", "0"), finished.json("status", "finished")
    done = finished.run("edit", "finished", *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert len([line for line in done.stderr.splitlines() if not re.match("Usage|Try|$", line)]) == 1
    assert (finished.json("show", "finished", "0"), finished.json("status", "finished")) == before
