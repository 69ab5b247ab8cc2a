"""The value that guessing reaches stands beside the best one; warnings about the data come once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from acceptance_support import Tuner, write_csv

# Whole studies of real training.
pytestmark = pytest.mark.rest

GUESS = "guessing the largest class"


def one_sided(folder: Path) -> Path:
    """Write a csv a split: of ten rows nine are positive, and no word tells which. Both splits have the same texts."""
    folder.mkdir()
    for split, rows in (("train", 40), ("validation", 20)):
        lines = [(f"w{row % 7} w{row % 5}", "negative" if row % 10 == 3 else "positive") for row in range(rows)]
        write_csv(folder / f"{split}.csv", ["text", "label"], lines)
    return folder


def test_a_search_that_beats_no_guess_says_so_and_warns_of_the_data_once(tuner: Tuner) -> None:
    data = {"source": str(one_sided(tuner.folder / "rows")), "splits": {"train": "train", "validation": "validation"}}
    space = {"learning_rate": 1e-5, "num_train_epochs": 1, "batch_size": 16}
    study = tuner.study("useless", data=data, search_space=space, search="plain", budget={"trials": 1})
    first = tuner.ok("start", study)
    sentence = "No trial beats guessing the largest class (0.9000): the search has found nothing that is of use yet."
    assert sentence in [line.strip() for line in first.stdout.splitlines()]
    assert re.search(r"^\S+ \S+ warning: .*validation", first.stderr, re.MULTILINE), first.stderr
    again = tuner.ok("resume", "useless", "--trials", "2")
    assert sentence in [line.strip() for line in again.stdout.splitlines()]
    assert "warning: " not in again.stderr
    status = tuner.json("status", "useless")
    assert status["guess"] == pytest.approx(0.9)
    shown = tuner.ok("status", "useless").stdout
    assert re.search(rf"^  best: trial \d, accuracy 0\.\d{{4}} \({GUESS}: 0\.9000\)$", shown, re.MULTILINE)
    assert f"  {sentence}" in shown.splitlines()
    useless = "no better than always answering with the largest class, which has accuracy 0.9000"
    done = tuner.ok("export", "useless", "model", "--no-verify")
    assert done.stderr == f"warning: this model is {useless}\n"
    card = (tuner.folder / "model" / "README.md").read_text(encoding="utf-8")
    assert f"- It is {useless}." in card.splitlines()
    assert "No trial beats" not in card
    said = tuner.run("predict", "useless", "-", stdin="w1 w2\n")
    assert (said.returncode, said.stderr.splitlines()[-1]) == (0, f"warning: this model is {useless}"), said.stderr


def test_a_search_that_beats_the_guess_shows_both(tuner: Tuner) -> None:
    study = tuner.study("useful", search_space={"learning_rate": 1e-2, "num_train_epochs": 3}, budget={"trials": 1})
    done = tuner.ok("start", study)
    best = tuner.json("best", "useful")["value"]
    assert best > 0.5
    assert "Guessing the largest class: accuracy 0.5000." in [line.strip() for line in done.stdout.splitlines()]
    shown = tuner.ok("status", "useful").stdout
    assert f"  best: trial 0, accuracy {best:.4f} ({GUESS}: 0.5000)" in shown.splitlines()
    assert "No trial beats" not in done.stdout + shown
    assert tuner.ok("export", "useful", "model", "--no-verify").stderr == ""
    assert "no better than" not in (tuner.folder / "model" / "README.md").read_text(encoding="utf-8")


def test_a_study_whose_guess_is_not_known_shows_none(tuner: Tuner) -> None:
    done = tuner.ok("start", tuner.toy_study("own"))
    assert tuner.json("status", "own")["guess"] is None
    assert "guess" not in (done.stdout + tuner.ok("status", "own").stdout).lower()
