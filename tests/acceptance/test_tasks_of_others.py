"""A task is one file: the command trains, exports and checks one that this package has never heard of."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from acceptance_support import Tuner

# A whole study, from its check to its export.
pytestmark = pytest.mark.rest

FILLERS = [f"w{number}" for number in range(30)]
ENTRY_POINT = "[shichimi.tasks]\ntext-length = text_length:TASK\n"


@pytest.fixture
def with_task(tuner: Tuner) -> Tuner:
    """The command where a package with the task is installed."""
    site = tuner.folder / "site"
    facts = site / "text_length-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: text-length\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(ENTRY_POINT)
    shutil.copy(Path(__file__).with_name("text_length.py"), site)
    return tuner.within(PYTHONPATH=str(site))


def study(folder: Path, model: Path, **changes: Any) -> str:
    rows = [
        (" ".join(FILLERS[number % 7 : number % 7 + 1 + number % 9]), 0.5 * (1 + number % 9)) for number in range(120)
    ]
    with (folder / "lengths.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "words"), *rows])
    document = {
        "name": "lengths",
        "task": "text-length",
        "model": str(model),
        "data": {"source": "lengths.csv", "label": "words", "splits": {"train": 80, "validation": 30, "test": 10}},
        "search_space": {
            "learning_rate": {"low": 1e-3, "high": 5e-3, "log": True},
            "batch_size": 8,
            "num_train_epochs": 3,
            "dropout": 0.0,
            "frozen_layers": [0.0, 0.5],
        },
        "early_stopping": "none",
        "pruner": "none",
        "evaluations": 5,
        "max_length": 16,
        "budget": {"trials": 3},
        **changes,
    }
    (folder / "lengths.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return "lengths.yaml"


def test_a_task_of_one_file_is_checked_trained_and_exported(with_task: Tuner) -> None:
    file = study(with_task.folder, with_task.model)
    said = with_task.ok("check", file)
    assert "rows: 120 read; train 80, validation 30, test 10\n" in said.stdout
    assert "class" not in said.stdout, "its targets are numbers"
    with_task.ok("start", file)
    best = with_task.json("best", "lengths")
    trials = with_task.json("trials", "lengths")["trials"]
    assert [trial["state"] for trial in trials] == ["complete"] * 3
    assert best["value"] == min(trial["value"] for trial in trials), "the declared direction is the study's"
    # The labels are 0.5 to 4.5: their variance, the error of a constant guess, is 1.67.
    assert best["value"] < 1.0, "it has learnt"
    exported = with_task.json("export", "lengths", "exported")
    assert exported["metric"] == "loss"
    assert exported["verified"] == pytest.approx(best["value"], abs=1e-6)
    refused = with_task.run("predict", "exported", str(with_task.data / "test.csv"))
    assert refused.returncode == 78
    assert "task: text-length predicts neither classes nor texts" in refused.stderr


def test_metrics_are_those_of_the_task(with_task: Tuner) -> None:
    file = study(with_task.folder, with_task.model, metric="accuracy")
    done = with_task.run("check", file)
    assert done.returncode != 0
    assert "lengths.yaml: metric.name: 'accuracy' is unknown; known: loss, largest_error" in done.stderr


def test_without_its_package_the_task_is_unknown(tuner: Tuner) -> None:
    file = study(tuner.folder, tuner.model)
    done = tuner.run("check", file)
    assert done.returncode != 0
    known = "known: text-classification, causal-lm, image-classification"
    assert f"lengths.yaml: task: 'text-length' is unknown; {known}" in done.stderr


@pytest.mark.parametrize(
    ("entry_point", "complaint"),
    [
        (
            "text-length = no_such_module:TASK",
            "cannot be imported: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        ("text-length = text_length:TextLength.targets", "has no declaration"),
        ("text-size = text_length:TASK", "declares the name 'text-length'; entry point and declaration must agree"),
    ],
)
def test_a_broken_registration_is_said_where_its_task_is_asked_for(
    entry_point: str, complaint: str, with_task: Tuner
) -> None:
    facts = with_task.folder / "site" / "text_length-1.0.dist-info" / "entry_points.txt"
    facts.write_text(f"[shichimi.tasks]\n{entry_point}\n")
    name = entry_point.split()[0]
    done = with_task.run("check", study(with_task.folder, with_task.model, task=name))
    assert done.returncode != 0
    assert f"lengths.yaml: task: {name!r} ({entry_point.split()[-1]}) {complaint}\n" in done.stderr
    assert len(done.stderr.splitlines()) == 1, "no traceback"
    fine = with_task.run("check", study(with_task.folder, with_task.model, task="nothing"))
    known = f"known: text-classification, causal-lm, image-classification, {name}"
    assert f"task: 'nothing' is unknown; {known}" in fine.stderr
