"""A confirmation trains the leaders again with other seeds, and nothing of it reaches the search."""

from __future__ import annotations

import json
import re
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Tuner, records_of

pytestmark = pytest.mark.rest

NAME, CHILD = "led", "led.confirm-1"
STUDY: dict[str, Any] = {
    "search": "plain",
    "pruner": "none",
    "early_stopping": "none",
    "budget": {"trials": 4},
    "checkpoints": "store",
    "seed": 3,
}
LEASE = ("--lease", "2s")
CRASHING = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")))


def told_by(url: str) -> list[tuple[int, Any, Any]]:
    return [(each["number"], each["value"], each["steps"]) for each in records_of(CHILD, url).trials]


def test_leaders_and_trial_0_are_trained_with_other_seeds_and_the_search_stays_as_it_was(tuner: Tuner) -> None:
    tuner.ok("start", tuner.study(NAME, **STUDY), *LEASE)
    before, best = tuner.json("trials", NAME), tuner.json("best", NAME)
    done = tuner.ok("confirm", NAME, "--top", "2", "--seeds", "2", "--json", *LEASE)
    view = json.loads(done.stdout)
    cost = r"are trained again with 2 other seeds each, about \d+\.\d full runs at most; their study calls them 0, 1"
    assert re.search(cost, done.stderr)
    assert tuner.json("trials", NAME) == before, "N stays N"
    leaders = {each["trial"]: each for each in view["leaders"]}
    assert 0 in leaders
    assert best["trial"] in leaders
    assert len(leaders) in (2, 3)
    again = tuner.json("trials", CHILD)["trials"]
    points = {json.dumps(trial["hyperparameters"], sort_keys=True): trial["number"] for trial in before["trials"]}
    told: dict[int, list[float]] = {}
    for trial in again:
        told.setdefault(points[json.dumps(trial["hyperparameters"], sort_keys=True)], []).append(trial["value"])
        assert trial["reason"] is None, "another seed makes no twin"
    assert {number: each["values"] for number, each in leaders.items()} == told
    assert view["winner"] == max(leaders, key=lambda number: leaders[number]["mean"])
    # Trained with the same seed twice, losses would be equal: they are not.
    losses = [tuner.json("show", CHILD, str(number))["evaluations"][-1]["train_loss"] for number in (0, len(leaders))]
    assert losses[0] != losses[1]
    again = tuner.json("confirm", NAME, "--top", "2", "--seeds", "2")
    assert (again["leaders"], again["confirmation"]) == (view["leaders"], CHILD), "it is done once"
    for asked in (("test", CHILD), ("confirm", CHILD), ("refit", CHILD, "model")):
        refused = tuner.run(*asked)
        assert refused.returncode == 78
        assert f"follows from study '{NAME}', which is the one to ask" in refused.stderr
    assert f"It follows from study {NAME}, which is the one to ask." in tuner.ok("best", CHILD).stdout
    tuner.ok("delete", NAME, "--yes")
    assert tuner.json("list")["studies"] == []
    assert not list((tuner.folder / "store").rglob("*.safetensors"))


def test_a_confirmation_goes_on_after_its_machine_was_killed_and_on_two_others(tuner: Tuner, tmp_path: Path) -> None:
    url = f"sqlite:///{tuner.folder}/tuner.db"
    tuner.ok("start", tuner.study(NAME, **STUDY), *LEASE)
    ask = ("confirm", NAME, "--top", "2", "--seeds", "2", *LEASE)
    for point in ("claimed", "pointer", "telling"):
        crashed = replace(tuner, command=(*CRASHING, point, "2", "SIGKILL")).run(*ask)
        assert crashed.returncode == -signal.SIGKILL, crashed.stderr
    with tuner.running(*ask, "--json") as one, tuner.running(*ask, "--json") as other:
        assert (one.wait(), other.wait()) == (0, 0), one.stderr + other.stderr
    views = [json.loads(each.stdout[each.stdout.index("{") :]) for each in (one, other)]
    assert views[0]["leaders"] == views[1]["leaders"]
    disturbed = told_by(url)
    (tmp_path / "peace").mkdir()
    peace = replace(tuner, folder=tmp_path / "peace")
    peace.ok("start", peace.study(NAME, **STUDY), *LEASE)
    peace.ok(*ask)
    assert disturbed == told_by(f"sqlite:///{peace.folder}/tuner.db")


def test_a_study_that_asks_for_it_is_confirmed_at_its_end_and_is_about_the_trial_that_is_ahead(tuner: Tuner) -> None:
    asked = {"confirm": {"top": 3, "seeds": 2}, "test": "at_end", "seed": 8}
    tuner.ok("start", tuner.study(NAME, **{**STUDY, **asked}), *LEASE)
    assert {each["state"] for each in tuner.json("trials", CHILD)["trials"]} == {"complete"}
    told = tuner.json("confirm", NAME, "--top", "3", "--seeds", "2")
    best = tuner.json("best", NAME)
    values = {trial["number"]: trial["value"] for trial in tuner.json("trials", NAME)["trials"]}
    assert best["trial"] != max(values, key=lambda number: values[number]), "luck of one seed decides otherwise"
    assert (best["trial"], best["value"], best["confirmation"]) == (told["winner"], values[told["winner"]], CHILD)
    assert told["chosen"]
    assert told["sentences"][-1] == f"`tuner export {NAME} DIR` writes trial {best['trial']}."
    verdict = best["verdict"]
    assert (verdict["trial"], verdict["rows"], verdict["is_of_best"]) == (best["trial"], 20, True)
    assert tuner.json("status", NAME)["best"] == {"trial": best["trial"], "value": best["value"]}
    assert tuner.json("errors", NAME)["trial"] == best["trial"]
    exported = tuner.json("export", NAME, "model")
    assert (exported["trial"], exported["verified"]) == (best["trial"], pytest.approx(best["value"], abs=1e-6))
    card = (tuner.folder / "model" / "README.md").read_text(encoding="utf-8")
    assert f"in study {CHILD}" in card
    assert not any("expected of it" in line or "No trial beat" in line for line in tuner.ok("best", NAME).stdout)
    tuner.ok("edit", NAME, "--keep", "1")
    tuner.ok("gc", NAME)
    assert tuner.json("best", NAME)["trial"] == best["trial"]
    tuner.ok("export", NAME, "again")


def test_where_no_weights_of_the_trial_that_is_ahead_are_kept_that_is_said(tuner: Tuner) -> None:
    tuner.ok("start", tuner.study(NAME, **{**STUDY, "seed": 8}), *LEASE)
    best = tuner.json("best", NAME)
    told = tuner.json("confirm", NAME, "--top", "3", "--seeds", "2")
    assert told["winner"] != best["trial"]
    assert not told["chosen"]
    assert "`tuner refit led DIR --trial" in told["sentences"][-2]
    tuner.ok("edit", NAME, "--keep", "9")
    assert tuner.json("best", NAME) == best, "weights that are gone do not come back"
    single = tuner.json("confirm", NAME, "--top", "3", "--seeds", "1")
    assert not single["chosen"]
    assert single["sentences"][-1].endswith("`tuner confirm led --seeds 3` tells more.")
    assert tuner.json("export", NAME, "model")["trial"] == best["trial"]
