"""Defects that were reproduced in other tools for the same job; each is a sentence and a test that ours has none."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from acceptance_support import Tuner, points

pytestmark = pytest.mark.rest

LAYERS, TRAINING_ROWS = 2, 96


def expected(hyperparameters: dict[str, Any]) -> dict[str, Any]:
    """Return what a trial's sample alone says must be trained, worked out here and not by the product."""
    hp = hyperparameters
    frozen = math.floor(hp["frozen_layers"] * LAYERS + 0.5)
    steps = math.ceil(hp["num_train_epochs"] * math.ceil(TRAINING_ROWS / hp["batch_size"]))
    encoder = {} if frozen == LAYERS else {"encoder/decay": hp["weight_decay"], "encoder/no_decay": 0.0}
    return {
        "frozen_layers": frozen,
        "batch_size": hp["batch_size"],
        "optimiser_steps": steps,
        "warmup_steps": math.ceil(steps * hp.get("warmup_ratio", 0.0)),
        "lr_scheduler_type": hp["lr_scheduler_type"],
        "weight_decays": {**encoder, "head/decay": hp["weight_decay"], "head/no_decay": 0.0},
        "seed": 0,
    }


def test_a_no_setting_of_one_trial_reaches_the_next(shown: list[dict[str, Any]]) -> None:
    """Elsewhere: a trial that asked for no warm-up and no decay trained with those of the trial before."""
    with_warmup = ["warmup_ratio" in trial["hyperparameters"] for trial in shown]
    assert any(not now and before for before, now in itertools.pairwise(with_warmup))
    for trial in shown:
        effective = trial["effective"]
        wanted = expected(trial["hyperparameters"])
        assert wanted == {key: effective[key] for key in wanted}, trial["number"]
        assert set(effective["dropout"].values()) == {trial["hyperparameters"]["dropout"]}


def test_b_memory_is_given_back_after_every_trial_and_after_a_pruned_one_too(finished_run: Any) -> None:
    """Elsewhere: the model and the optimiser of a pruned trial stayed alive."""
    assert finished_run.tuner.json("status", "finished")["trials"]["pruned"] >= 5
    assert len(finished_run.early) == len(finished_run.late) == 2
    for early, late in zip(finished_run.early, finished_run.late, strict=True):
        assert late < 1.1 * early


def test_c_and_d_a_trial_that_fails_ends_alone_and_the_best_evaluation_counts_rather_than_the_last(
    tuner: Tuner,
) -> None:
    """Elsewhere: one trial that raised ended the whole search; the last evaluation was taken for the objective."""
    study = tuner.study(
        "failing",
        metric="loss",
        search_space={
            "learning_rate": [0.02, 1e30],
            "batch_size": 8,
            "num_train_epochs": 6,
            "lr_scheduler_type": "constant",
            "frozen_layers": 0,
        },
        sampler="random",  # whose draws do not depend on which trial ends first
        early_stopping="none",
        pruner="none",
        evaluations=10,
        max_restarts=0,
        budget={"trials": 8},
    )
    with tuner.running("start", study, "--workers", "2") as running:
        running.wait_for(r"trial 1 started")
        # Before it has saved anything: a crash after that would not count.
        max(running.trainers(), key=lambda trainer: (trainer.create_time(), trainer.pid)).kill()
        running.wait_for(r"trial 1 failed .*crashed 1 times: .*SIGKILL")
        assert running.wait() == 0, running.stderr
    trials = tuner.json("trials", "failing")["trials"]
    assert [trial["number"] for trial in trials] == list(range(8))
    assert [trial["number"] for trial in trials if trial["state"] == "failed"] == [1]
    by_rate = {trial["hyperparameters"]["learning_rate"]: trial for trial in trials if trial["number"] != 1}
    assert by_rate[1e30]["state"] == "pruned"
    assert by_rate[1e30]["reason"].startswith("diverged: ")
    complete = [trial for trial in trials if trial["state"] == "complete"]
    assert len(complete) >= 2
    for trial in complete:
        assert trial["value"] == min(step["value"] for step in trial["steps"])
    assert any(trial["value"] < trial["steps"][-1]["value"] for trial in complete)


def test_e_two_trials_at_once_keep_each_its_own_rate(shown: list[dict[str, Any]]) -> None:
    """Elsewhere: with two jobs, half of the trials trained with the rate of their neighbour."""
    rates = set()
    for trial in shown:
        effective, hp = trial["effective"], trial["hyperparameters"]
        frozen = effective["frozen_layers"] / LAYERS
        head = hp["learning_rate"] * hp.get("head_learning_rate_factor", 1.0) ** frozen
        found = effective["learning_rates"]
        assert found["head/decay"] == pytest.approx(head, rel=1e-9)
        assert found.get("encoder/decay", hp["learning_rate"]) == pytest.approx(hp["learning_rate"], rel=1e-9)
        rates.add(hp["learning_rate"])
    assert len(rates) >= len(shown) - 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hidden_dropout_prob", "'hidden_dropout_prob' is no hyperparameter"),
        ("freeze_layers", "did you mean 'frozen_layers'?"),
        ("seed", "seed is never searched"),
    ],
)
def test_f_a_name_without_effect_is_refused_instead_of_reported_as_best(tuner: Tuner, name: str, words: str) -> None:
    """Elsewhere: names that nothing read were sampled and reported among the best hyperparameters."""
    study = tuner.study("names", search_space={name: [0.1, 0.2]})
    done = tuner.run("start", study)
    assert done.returncode == 78
    assert words in done.stderr
    assert not (tuner.folder / "tuner.db").exists()


def test_g_the_value_is_one_metric_and_never_a_sum(finished: Tuner, shown: list[dict[str, Any]]) -> None:
    """Elsewhere: with several metrics, their sum was optimised."""
    losses = [entry["validation_loss"] for entry in shown[0]["evaluations"]]
    assert [entry["value"] for entry in shown[0]["evaluations"]] == pytest.approx(losses, abs=1e-12)
    assert shown[0]["value"] == pytest.approx(min(losses), abs=1e-12)
    refused = finished.run("check", finished.study("several", metric=["accuracy", "loss"]))
    assert refused.returncode == 78
    assert refused.stderr == "Error: several.yaml: metric: several metrics are not supported; give one\n"


def test_the_same_command_twice_is_the_same_budget(finished: Tuner) -> None:
    """Elsewhere: the same command run twice gave twice the trials."""
    before = points(finished.json("trials", "finished"))
    done = finished.ok("start", "finished.yaml", "--workers", "2")
    assert done.stdout.startswith("Study finished is finished: 20 of 20 trials (")
    assert done.stderr == ""
    assert points(finished.json("trials", "finished")) == before
    assert finished.json("status", "finished")["trials"]["total"] == 20
