"""An exported model is what transformers loads without us, and it scores what was recorded."""

from __future__ import annotations

import csv
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from acceptance_support import Tuner


def evaluate_without_us(folder: Path, rows: list[dict[str, str]]) -> tuple[float, float]:
    """Return accuracy and mean loss of an exported model, by a loop that shares nothing with the product."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert not model.training
    right, loss = 0, 0.0
    with torch.no_grad():
        for row in rows:
            inputs = tokenizer(row["text"], truncation=True, max_length=16, return_tensors="pt")
            logits = model(**inputs).logits[0].double()
            wanted = model.config.label2id[row["label"]]
            right += int(logits.argmax()) == wanted
            loss -= float(torch.log_softmax(logits, dim=0)[wanted])
    return right / len(rows), loss / len(rows)


def test_the_best_model_loads_with_plain_transformers_and_scores_what_was_recorded(
    finished: Tuner, tmp_path: Path
) -> None:
    outcome = finished.json("export", "finished", str(tmp_path / "model"))
    best = finished.json("best", "finished")
    assert (outcome["trial"], outcome["value"]) == (best["trial"], best["value"])
    assert outcome["verified"] == pytest.approx(best["value"], abs=1e-6)
    with (finished.data / "validation.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    accuracy, loss = evaluate_without_us(tmp_path / "model", rows)
    assert loss == pytest.approx(best["value"], abs=1e-6)
    assert accuracy > 0.6
    # Neither is what another trial, or no training, would have scored.
    others = [trial["value"] for trial in finished.json("trials", "finished")["trials"] if trial["value"]]
    assert sum(abs(value - loss) < 1e-6 for value in others) == 1


def test_a_folder_with_something_in_it_is_left_alone(finished: Tuner, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine", encoding="utf-8")
    done = finished.run("export", "finished", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == f"Error: {tmp_path} is not empty; give a new folder\n"
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
    done = finished.run("export", "finished", str(tmp_path / "precious"))
    assert done.returncode == 2
    assert "is a file" in done.stderr


def test_a_trial_whose_weights_are_not_kept_says_which_are(finished: Tuner, tmp_path: Path) -> None:
    best = finished.json("best", "finished")["trial"]
    assert best > 0
    pruned = next(t for t in finished.json("trials", "finished")["trials"] if t["state"] == "pruned")["number"]
    done = finished.run("export", "finished", str(tmp_path / "out"), "--trial", str(pruned))
    assert done.returncode == 1
    kept = finished.folder / "tuner-checkpoints" / "finished"
    assert done.stderr == f"Error: no weights are kept for trial {pruned} in {kept}; kept: {best}, 0\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.rest
def test_a_model_that_scores_otherwise_than_recorded_is_not_written(finished: Tuner, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / "copy")
    tuner = replace(finished, folder=tmp_path / "copy")
    with closing(sqlite3.connect(tuner.folder / "tuner.db")) as connection, connection:
        connection.execute("UPDATE trial_values SET value = value - 0.001")
    done = tuner.run("export", "finished", "model")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: nothing written: the model of trial ")
    assert done.stderr.count("\n") == 1
    assert not [path for path in tuner.folder.iterdir() if "model" in path.name]
    tuner.ok("export", "finished", "model", "--no-verify")
    assert (tuner.folder / "model" / "model.safetensors").exists()
