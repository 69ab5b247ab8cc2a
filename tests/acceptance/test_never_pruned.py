"""Which evaluations no pruner judges, though it would prune the trial at each of them, and what a late word does."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from acceptance_support import Tuner, wait_until

from search_spaces.recipes import load_recipes

#: Training whose curve is its number's, an evaluation each 10 %; it has nothing to go on from. A trial leaves a file
#: named for its number as it begins, so that another one can wait until those before it on the lane are told.
CURVES = """
import os
import time
from pathlib import Path

from tuner import Evaluation

CURVES = {curves}
WAITS = {waits}
CRASHES_AFTER = {crashes_after}
ASKS = {asks}
OTHERWISE = {otherwise}


def train(run):
    again = Path(str(run.number)).exists()
    Path(str(run.number)).touch()
    if ASKS:  # training that asks does not wait for the answer to an evaluation
        run.saver.wanted()
    for percent, value in zip(range(10, 101, 10), CURVES[run.number], strict=True):
        if WAITS.get(run.number, (0, ""))[0] == percent:
            while not Path(WAITS[run.number][1]).exists():
                time.sleep(0.01)
        if not again and CRASHES_AFTER.get(run.number) == percent - 10:
            os._exit(1)
        if again and OTHERWISE:
            value += 0.25
        yield Evaluation(
            step=percent, value=value, epoch=percent / 100, optimiser_steps=percent, train_loss=0.0,
            validation_loss=0.0, learning_rate=1e-4,
        )
    Path(f"{{run.number}}-done").touch()
"""
#: Judges from the first evaluation and the first complete trial on: who is below the median is pruned.
AT_ONCE = {"name": "percentile", "percentile": 50, "n_startup_trials": 1, "n_warmup_steps": 0, "n_min_trials": 1}
PRUNED = "{value} at {percent} %, needed "


def study_of(
    tuner: Tuner,
    curves: dict[int, list[float]],
    *,
    waits: dict[int, tuple[int, str]],
    crashes_after: dict[int, int] | None = None,
    asks: bool = False,
    otherwise: bool = False,
) -> str:
    """Write a study of one trial a curve.

    Args:
        tuner: The command.
        curves: By trial, its values.
        waits: By trial, before which percent it waits until there is a file of which name.
        crashes_after: By trial, after which percent its first attempt crashes.
        asks: Whether training asks if it is to be saved.
        otherwise: Whether a trial that begins again has other values.
    """
    text = CURVES.format(curves=curves, waits=waits, crashes_after=crashes_after or {}, asks=asks, otherwise=otherwise)
    (tuner.folder / "curves.py").write_text(text, encoding="utf-8")
    return tuner.toy_study("spared", train="curves:train", pruner=AT_ONCE, budget={"trials": len(curves)})


def trials_of(tuner: Tuner) -> list[dict[str, Any]]:
    trials: list[dict[str, Any]] = tuner.json("trials", "spared")["trials"]
    return trials


def test_the_published_recipe_and_a_trial_at_its_end_are_never_pruned(tuner: Tuner) -> None:
    sound, weak = [0.5] * 9 + [1.0], [0.0] * 10
    curves = {0: weak, 1: sound, 2: sound, 3: [0.6] * 10, 4: weak}
    # The recipe is trained once two trials have shown how weak it is; so is trial 3 at its last evaluation.
    tuner.ok("start", study_of(tuner, curves, waits={0: (10, "3")}), "--workers", "2")
    recipe, *_, late, last = trials_of(tuner)
    published = load_recipes()[-1].recipe.defaults  # of no model's family
    assert {name: published[name] for name in recipe["hyperparameters"]} == recipe["hyperparameters"]
    assert len(recipe["hyperparameters"]) >= 7
    assert (recipe["state"], recipe["value"], len(recipe["steps"])) == ("complete", 0.0, 10)
    assert (late["state"], late["value"], len(late["steps"])) == ("complete", 0.6, 10)
    # The same curve under another number shows that the pruner would have.
    assert last["state"] == "pruned"
    assert last["reason"].startswith(PRUNED.format(value=0, percent=10))


def test_a_trial_that_begins_again_is_not_judged_by_what_it_had_reported_further_on(tuner: Tuner) -> None:
    # While trial 1 waits at 50 %, better ones end; then its trainer crashes and it begins again.
    curves = {0: [0.5] * 10, 1: [0.6] * 10, 2: [0.9] * 10, 3: [0.9] * 10, 4: [0.9] * 10}
    tuner.ok("start", study_of(tuner, curves, waits={1: (60, "4")}, crashes_after={1: 50}), "--workers", "2")
    _, begun_again, *_ = trials_of(tuner)
    # Where it comes to its last report again, it is judged like any other.
    assert begun_again["restarts"] == 1
    assert begun_again["reason"].startswith(PRUNED.format(value=0.6, percent=50))
    assert begun_again["state"] == "pruned"


def test_the_word_to_prune_counts_though_the_trial_ends_before_it_hears_it(tuner: Tuner) -> None:
    curves = {0: [0.5] * 10, 1: [0.5] * 10, 2: [0.0] * 9 + [0.9]}
    study = study_of(tuner, curves, waits={2: (10, "go")}, asks=True)
    with tuner.running("start", study) as running:
        running.wait_for("trial 2 started")
        wait_until(lambda: (tuner.folder / "2").exists(), "trial 2", timeout=30)
        with closing(sqlite3.connect(tuner.folder / "tuner.db", isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")  # its first report waits, and with it the word
            (tuner.folder / "go").touch()
            wait_until(lambda: (tuner.folder / "2-done").exists(), "the end of trial 2")
        assert running.wait() == 0, running.stderr
    *_, weak = trials_of(tuner)
    assert (weak["state"], weak["value"]) == ("pruned", 0.0)
    assert weak["reason"].startswith(PRUNED.format(value=0, percent=10))
    assert [step["step"] for step in weak["steps"]] == [10], "what it reported after the word is not recorded"


def test_a_machine_that_computes_otherwise_is_said_so_and_the_curve_stays_as_it_was_reported(tuner: Tuner) -> None:
    study = study_of(tuner, {0: [0.5] * 10}, waits={}, crashes_after={0: 20}, otherwise=True)
    done = tuner.ok("start", study)
    for percent in (10, 20):
        told = f"trial 0: the value at {percent} % is now 0.75, before it was interrupted it was 0.5; this machine"
        assert told in done.stderr
    assert "at 30 % is now" not in done.stderr
    (trial,) = trials_of(tuner)
    assert [step["value"] for step in trial["steps"]] == [0.5, 0.5, *[0.75] * 8]
