"""The winner, trained on training and validation rows together, and written as transformers reads it."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Tuner, stored_files

pytestmark = pytest.mark.rest

NAME, CHILD = "won", "won.refit-1"
STUDY: dict[str, Any] = {"search": "plain", "budget": {"trials": 3}, "checkpoints": "store", "seed": 3}
LEASE = ("--lease", "2s")
CRASHING = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")))


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_the_winner_is_trained_on_all_rows_but_the_test_splits_and_its_card_says_what_it_is(tuner: Tuner) -> None:
    from transformers import AutoModelForSequenceClassification

    tuner.ok("start", tuner.study(NAME, **STUDY), *LEASE)
    before, best = tuner.json("trials", NAME), tuner.json("best", NAME)
    done = tuner.ok("refit", NAME, "model", *LEASE)
    assert "It has no score of its own: no row is left that could tell one." in done.stdout
    assert tuner.json("trials", NAME) == before
    AutoModelForSequenceClassification.from_pretrained(tuner.folder / "model")
    card = (tuner.folder / "model" / "README.md").read_text(encoding="utf-8")
    assert f"# {NAME}, trial {best['trial']}" in card
    assert "It was trained again on the rows of the training and of the validation split together" in card
    assert "validation loss" not in card
    assert "validation split 0." not in card
    (again,) = tuner.json("trials", CHILD)["trials"]
    assert again["hyperparameters"] == best["hyperparameters"]
    first, other = (tuner.json("show", name, str(n)) for name, n in ((NAME, best["trial"]), (CHILD, 0)))
    assert first["effective"]["optimiser_steps"] < other["effective"]["optimiser_steps"], "it has more rows"
    at_best = next(each["step"] for each in first["evaluations"] if each["value"] == best["value"])
    assert [step["step"] for step in again["steps"]] == [at_best], "its length is fixed"
    tuner.ok("refit", NAME, "twice", *LEASE)
    assert weights(tuner.folder / "twice") == weights(tuner.folder / "model"), "it is trained once"


def test_a_refit_goes_on_after_its_machine_was_killed(tuner: Tuner, tmp_path: Path) -> None:
    # A refit has no evaluation on its way: it is saved as time goes by, so it must train for longer than a moment.
    space = {"learning_rate": 1e-3, "batch_size": 8, "num_train_epochs": 40}
    long = {**STUDY, "search_space": space, "budget": {"trials": 1}, "stop": "none"}
    tuner.ok("start", tuner.study(NAME, **long, checkpoint_every=0.01), *LEASE)
    for point in ("claimed", "pointer", "reported", "telling"):
        crashed = replace(tuner, command=(*CRASHING, point, "1", "SIGKILL")).run("refit", NAME, "model", *LEASE)
        assert crashed.returncode == -signal.SIGKILL, crashed.stderr
        assert not (tuner.folder / "model").exists()
    tuner.ok("refit", NAME, "model", *LEASE)
    (tmp_path / "peace").mkdir()
    peace = replace(tuner, folder=tmp_path / "peace")
    peace.ok("start", peace.study(NAME, **long), *LEASE)
    peace.ok("refit", NAME, "model", *LEASE)
    assert weights(tuner.folder / "model") == weights(peace.folder / "model")
    assert json.loads(tuner.ok("trials", CHILD, "--json").stdout)["trials"][0]["restarts"] >= 1
    assert stored_files(tuner.folder / "store" / CHILD)
