"""An exported model is what transformers loads without us, and it scores what was recorded."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Tuner

pytestmark = pytest.mark.rest
CRASHING = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")))


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
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert f"One example takes {outcome['latency']['ms']:.3g} ms on {outcome['latency']['processor']} with" in card
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


def test_an_exported_model_has_a_card_and_every_user_may_read_its_files(finished: Tuner, tmp_path: Path) -> None:
    import yaml
    from transformers import AutoConfig

    os.umask(mask := os.umask(0o077))
    try:
        os.umask(0o077)
        outcome = finished.json("export", "finished", str(tmp_path / "model"))
    finally:
        os.umask(mask)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "model").iterdir()}
    assert set(modes.values()) == {0o644}
    assert (tmp_path / "model").stat().st_mode & 0o777 == 0o755
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    head = yaml.safe_load(card.split("---\n")[1])
    assert (head["library_name"], head["pipeline_tag"]) == ("transformers", "text-classification")
    assert f"# finished, trial {outcome['trial']}" in card
    assert f"loss {outcome['value']:.4f} on the validation split of 40 rows" in card
    assert "Rows: 96 train, 40 validation, 20 test" in card
    assert f"`tuner script finished {outcome['trial']}` prints a Python script" in card
    shown = finished.json("show", "finished", str(outcome["trial"]))
    assert all(f"| {name} | {value} |" in card for name, value in shown["hyperparameters"].items())
    assert all(f"| {step['step']} % |" in card for step in shown["steps"])
    study = yaml.safe_load(card.split("```yaml\n")[1].split("```")[0])
    assert study["search_space"]
    assert str(finished.folder) not in card
    assert str(finished.model) not in card
    assert AutoConfig.from_pretrained(tmp_path / "model").model_type == "bert"


def test_a_model_of_a_study_that_is_not_over_is_exported_with_a_warning(tuner: Tuner) -> None:
    killed = replace(tuner, command=(*CRASHING, "claimed", "2", "SIGKILL"))
    study = tuner.toy_study("begun", budget={"trials": 3}, keep=2)
    assert killed.run("start", study, "--lease", "2s").returncode == -signal.SIGKILL
    assert tuner.ok("export", "begun", "best").stderr == "warning: the study is not over: 1 of 3 trials\n"
    assert tuner.ok("export", "begun", "first", "--trial", "0").stderr == "", "that one was asked for"


#: Heads alone, which overshoot with a large constant rate: the mean of some is better than each, that of others is not.
OVERSHOOTING: dict[str, Any] = {
    "metric": "loss",
    "search": "plain",
    "pruner": "none",
    "budget": {"trials": 4},
    "keep": 4,
    "search_space": {
        "learning_rate": {"low": 1e-2, "high": 2e-2, "log": True},
        "batch_size": 8,
        "num_train_epochs": 2,
        "lr_scheduler_type": "constant",
        "frozen_layers": 1.0,
    },
}


def test_a_soup_is_written_where_it_is_better_than_the_best_trial_and_refused_where_not(
    tuner: Tuner, tmp_path: Path
) -> None:
    tuner.ok("start", tuner.study("soup", **OVERSHOOTING, seed=0))
    best = tuner.json("best", "soup")
    outcome = tuner.json("export", "soup", str(tmp_path / "model"), "--soup", "3")
    with (tuner.data / "validation.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    _, loss = evaluate_without_us(tmp_path / "model", rows)
    assert outcome["soup"][0] == best["trial"]
    assert len(outcome["soup"]) > 1
    assert outcome["value"] == pytest.approx(loss, abs=1e-6)
    assert outcome["value"] < best["value"]
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert f"The weights are the mean of those of trials {', '.join(map(str, outcome['soup']))}." in card
    assert "They have no value on the test split." in card
    tuner.ok("start", tuner.study("thin", **OVERSHOOTING, seed=2))
    refused = tuner.run("export", "thin", str(tmp_path / "other"), "--soup", "3")
    assert refused.returncode == 1
    assert "nothing written: no mean of the weights of trials " in refused.stderr
    assert not (tmp_path / "other").exists()
