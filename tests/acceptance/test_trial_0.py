"""Trial 0 beside the trials that are better: its weights stay, and its device time is the unit of a study's cost."""

from __future__ import annotations

import json
import re

from acceptance_support import Tuner

NAME = "beaten"
#: The recipe's learning rate is the worst of these, and its epochs are more than the space allows.
SPACE = {"learning_rate": {"low": 2e-5, "high": 1e-4, "log": True}, "num_train_epochs": {"low": 1, "high": 2}}


def stored(tuner: Tuner) -> set[int]:
    """Return the numbers of the trials with weights in the store."""
    folder = tuner.folder / "tuner-checkpoints" / NAME
    return {int(path.parents[2].name.removeprefix("trial-")) for path in folder.rglob("weights.json")}


def test_the_weights_of_trial_0_outlast_better_trials_a_smaller_keep_and_gc(tuner: Tuner) -> None:
    tuner.ok("start", tuner.toy_study(NAME, keep=2, search_space=SPACE, budget={"trials": 5}))
    trials = tuner.json("trials", NAME)["trials"]
    best, second, *rest = sorted(trials, key=lambda trial: -trial["value"])
    assert trials[0] in rest, "trial 0 is none of the best"
    assert stored(tuner) == {best["number"], second["number"], 0}

    tuner.ok("edit", NAME, "--keep", "1")
    assert len(tuner.json("gc", NAME)["removed"]) == 1
    assert stored(tuner) == {best["number"], 0}
    tuner.ok("resume", NAME, "--trials", "6")
    assert 0 in stored(tuner)
    assert len(stored(tuner)) == 2

    tuner.ok("export", NAME, "recipe", "--trial", "0")
    written = json.loads((tuner.folder / "recipe" / "weights.json").read_text(encoding="utf-8"))
    assert written["best"] == trials[0]["value"]


def test_a_study_says_what_trial_0_is_and_what_it_has_spent_in_runs_of_it(tuner: Tuner) -> None:
    # Enough steps for the clock of the database to count them.
    tuner = tuner.within(TOY_PAUSE_S="0.01")
    summary = tuner.ok("start", tuner.toy_study(NAME, search_space=SPACE, budget={"trials": 1})).stdout
    recipe = "the generic recipe, changed by your space: epochs 2 (generic 3)"
    changes = [{"name": "num_train_epochs", "published": 3, "used": 2}]
    status, best = tuner.json("status", NAME), tuner.json("best", NAME)
    assert status["recipe"] == best["recipe"]
    assert status["recipe"] == {"trial": 0, "value": best["value"], "family": "generic", "changes": changes}
    assert best["default"] == {"trial": 0, "value": best["value"]}
    spent = status["spent"]
    assert (spent["runs"], spent["projected"]) == (1.0, False)
    assert spent["device_s"] == status["budget"]["spent_device_s"] > 0

    assert f"Trial 0 is {recipe}." in summary
    assert re.search(r"^Spent: 1\.0 runs \(\ds of device time\) in \d+s\.$", summary, re.MULTILINE)
    told = tuner.ok("status", NAME).stdout
    assert f"  trial 0: score {best['value']:.4f}; {recipe}\n" in told
    assert re.search(r"^  spent: 1\.0 runs \(\ds of device time\)$", told, re.MULTILINE)
    assert f"trial 0: score {best['value']:.4f}; {recipe}\n" in tuner.ok("best", NAME).stdout
    assert f"This is {recipe}." in tuner.ok("show", NAME, "0").stdout
