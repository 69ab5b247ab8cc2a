"""Each mistake in a study file is said in one line that names the file and the key, before anything is written."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Tuner, build_data, write_csv

CONFIGURATION = 78


def split_into(**sizes: Any) -> Callable[[Tuner], dict[str, Any]]:
    """Return what carves splits of one csv file of 96 rows."""
    return lambda tuner: {"data": {"source": str(tuner.data / "train.csv"), "splits": sizes}}


def wrong_column(tuner: Tuner) -> dict[str, Any]:
    splits = {"train": "train", "validation": "validation"}
    return {"data": {"source": str(tuner.data), "label": "lable", "splits": splits}}


def label_unseen_in_training(tuner: Tuner) -> dict[str, Any]:
    data = build_data(tuner.folder / "sentences")
    write_csv(data / "validation.csv", ["text", "label"], [("good w1", "positive"), ("w2 w3", "neutral")])
    return {"data": {"source": str(data), "splits": {"train": "train", "validation": "validation"}}}


def no_dropout_in_the_model(tuner: Tuner) -> dict[str, Any]:
    from PIL import Image
    from transformers import ResNetConfig, ResNetForImageClassification, ViTImageProcessorPil

    model, images = tuner.folder / "resnet", tuner.folder / "images"
    config = ResNetConfig(embedding_size=4, hidden_sizes=[4, 4], depths=[1, 1], layer_type="basic")
    ResNetForImageClassification(config).save_pretrained(model)
    ViTImageProcessorPil(size={"height": 16, "width": 16}).save_pretrained(model)
    for number in range(40):
        folder = images / ("dark", "light")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (number % 2 * 200 + number,) * 3).save(folder / f"{number}.png")
    data = {"source": str(images), "splits": {"train": 24, "validation": 16}}
    return {
        "task": "image-classification",
        "model": str(model),
        "data": data,
        "search_space": {"dropout": 0.1, "frozen_layers": 0},
    }


def model_folder_without_weights(tuner: Tuner) -> dict[str, Any]:
    bare = tuner.folder / "bare"
    shutil.copytree(tuner.model, bare, ignore=shutil.ignore_patterns("*.safetensors"))
    return {"model": str(bare)}


def unwritable_checkpoints(tuner: Tuner) -> dict[str, Any]:
    (tuner.folder / "file").write_text("in the way", encoding="utf-8")
    return {"checkpoints": "file/below"}


def plainly(**changes: Any) -> Callable[[Tuner], dict[str, Any]]:
    """Return changes that need no files."""
    return lambda _: changes


MISTAKES: dict[str, tuple[Callable[[Tuner], dict[str, Any]], str, str]] = {
    "wrong column": (wrong_column, "data.label", "no column 'lable'; did you mean 'label'?"),
    "label unseen in training": (label_unseen_in_training, "data.label", "label 'neutral' of validation"),
    "unknown metric": (plainly(metric="acuracy"), "metric.name", "did you mean 'accuracy'?"),
    "schedule without its arguments": (
        plainly(search_space={"lr_scheduler_type": ["linear", "warmup_stable_decay"]}),
        "search_space.lr_scheduler_type",
        "needs num_decay_steps",
    ),
    "no dropout in the model": (
        no_dropout_in_the_model,
        "search_space.dropout",
        "resnet has no dropout; write `dropout: 0`",
    ),
    "split written empty": (split_into(train=50, validation=0), "data.splits", "validation is empty (0)"),
    "split empty of so few rows": (
        split_into(train=0.5, validation=0.001),
        "data.splits.validation",
        "0.001 of 96 rows is an empty split",
    ),
    "missing data file": (
        lambda tuner: {"data": {"source": "./nowhere.csv"}},
        "data.source",
        "nowhere.csv: no such file or folder",
    ),
    "unknown key": (plainly(max_lenght=64), "max_lenght", "did you mean 'max_length'?"),
    "unknown key below another": (plainly(budget={"trails": 3}), "budget.trails", "did you mean 'trials'?"),
    "bad URL of the data": (
        lambda tuner: {"data": {"source": "http://127.0.0.1:1/rows.csv"}},
        "data.source",
        "http://127.0.0.1:1/rows.csv cannot be read",
    ),
    "missing model folder": (plainly(model="./nowhere"), "model", "no such folder"),
    "model folder without weights": (model_folder_without_weights, "model", "has no weights (model.safetensors)"),
    "unwritable checkpoint folder": (unwritable_checkpoints, "checkpoints", "takes no files"),
    "training that is not there": (plainly(train="nowhere:train"), "train", "there is no module 'nowhere' in "),
    "bad URL of the checkpoints": (plainly(checkpoints="nowhere://x"), "checkpoints", "nowhere is not supported"),
    "low above high": (
        plainly(search_space={"dropout": {"low": 0.3, "high": 0.1}}),
        "search_space: dropout",
        "low 0.3 is above high 0.1",
    ),
    "split larger than the data": (split_into(train=90, validation=10), "data.splits", "100 rows"),
    "wrong type": (plainly(budget={"trials": "many"}), "budget.trials", "is 'many'"),
    "name unfit for paths": (plainly(name="../up"), "name", "'../up'"),
}


def content(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


#: Mistakes that show after libraries are loaded; "wrong column" stands for them among the first tests.
SLOW_TO_SHOW = {
    "label unseen in training",
    "no dropout in the model",
    "split empty of so few rows",
    "bad URL of the data",
    "split larger than the data",
}


@pytest.mark.parametrize(
    "mistake", [pytest.param(name, marks=[pytest.mark.rest] if name in SLOW_TO_SHOW else []) for name in MISTAKES]
)
def test_a_mistake_is_said_in_one_line_by_check_and_by_start_and_leaves_nothing(tuner: Tuner, mistake: str) -> None:
    change, key, words = MISTAKES[mistake]
    tuners = [replace(tuner, folder=tuner.folder / command) for command in ("check", "start")]
    for each in tuners:
        each.folder.mkdir()
        each.study("wrong", **change(each))
    before = content(tuner.folder)
    checks, starts = tuners
    with checks.running("check", "wrong.yaml") as check, starts.running("start", "wrong.yaml") as start:
        for running in (check, start):
            assert running.wait() == CONFIGURATION, running.stderr
            assert running.stderr.startswith(f"Error: wrong.yaml: {key}: "), running.stderr
            assert words in running.stderr
            assert running.stderr.count("\n") == 1, running.stderr
            assert running.stdout == ""
    assert content(tuner.folder) == before


def test_several_mistakes_are_told_at_once_and_leave_nothing(tuner: Tuner) -> None:
    study = tuner.study("wrong", metric="f1", n_trials=5, max_length=1, search_space={"lr": 1e-4, "dropout": 2})
    before = content(tuner.folder)
    done = tuner.run("start", study)
    assert done.returncode == CONFIGURATION
    first, *lines = done.stderr.splitlines()
    assert first == "Error: wrong.yaml: 5 mistakes"
    assert [re.sub(r":\d+:", ":", line).split(": ")[1] for line in lines] == [
        "metric.name",
        "search_space.lr",
        "search_space.dropout",
        "max_length",
        "n_trials",
    ]
    assert all(re.match(r"  wrong\.yaml:\d+: ", line) for line in lines), done.stderr
    assert content(tuner.folder) == before


def test_a_store_that_does_not_answer_is_no_mistake_of_the_file_and_leaves_nothing(tuner: Tuner) -> None:
    study = tuner.study("away", checkpoints="ftp://127.0.0.1:1/x")
    before = content(tuner.folder)
    done = tuner.run("start", study)
    assert done.returncode == 1
    assert re.fullmatch(r"Error: checkpoints? .*ftp://127\.0\.0\.1:1/x.* takes no files: .*\n", done.stderr), (
        done.stderr
    )
    assert content(tuner.folder) == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "study.yaml: no such file"),
        ("", "study.yaml: is empty"),
        ("name: [unclosed", "study.yaml:1:"),
        ("name: one\nname: two\n", "study.yaml:2:1: the key 'name' stands twice"),
        ("- a list\n", "study.yaml: expected `key: value` lines"),
        ("name: !!python/object/apply:os.system [echo]\n", "study.yaml:1:"),
    ],
)
@pytest.mark.parametrize("command", ["check", "start"])
def test_a_file_that_cannot_be_read_is_bad_configuration(
    tuner: Tuner, command: str, text: str | None, words: str
) -> None:
    if text is not None:
        (tuner.folder / "study.yaml").write_text(text, encoding="utf-8")
    before = content(tuner.folder)
    done = tuner.run(command, "study.yaml")
    assert done.returncode == CONFIGURATION, done.stderr
    assert done.stderr.startswith(f"Error: {words}")
    assert done.stderr.count("\n") == 1
    assert content(tuner.folder) == before


def test_a_bad_storage_url_is_bad_configuration_and_its_password_is_not_repeated(tuner: Tuner) -> None:
    study = tuner.study("sound")
    done = tuner.run("check", study, "--storage", "oracle://me:hunter2@host/db")
    assert done.returncode == CONFIGURATION
    warning, error = done.stderr.splitlines()
    assert warning.startswith("Warning: whoever can list processes can read the password in --storage; set")
    assert error.startswith("Error: storage 'oracle://me:***@host/db': oracle is not supported")
    assert "hunter2" not in done.stderr


def test_debug_shows_the_traceback(tuner: Tuner) -> None:
    study = tuner.study("wrong", metric="acuracy")
    done = tuner.run("check", study, "--debug")
    assert done.returncode == CONFIGURATION
    assert "Traceback (most recent call last):" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: wrong.yaml: metric.name: ")


@pytest.mark.rest
def test_check_warns_of_so_few_validation_rows_that_luck_decides_and_does_not_call_the_file_sound(tuner: Tuner) -> None:
    data = {"source": str(tuner.data), "splits": {"train": "train", "validation": 10}}
    study = tuner.study("few", data=data, search_space={"num_train_epochs": 1, "frozen_layers": 1}, search="plain")
    told = tuner.ok("check", study).stdout.splitlines()
    assert told[-2:] == [
        "warning: 10 validation rows tell little: trials that differ by less than 0.32 are a tie; "
        "give data.splits.validation more rows",
        "few.yaml: can be started, with 1 warning above. Next: tuner start few.yaml",
    ]


@pytest.mark.rest
def test_check_of_a_sound_file_trains_the_corners_and_leaves_nothing(tuner: Tuner) -> None:
    study = tuner.study("sound")
    before = content(tuner.folder)
    done = tuner.run("check", study, "--json", timeout=60)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["sizes"] == {"train": 96, "validation": 40, "test": 20}
    assert outcome["labels"] == ["negative", "positive"]
    assert outcome["first"]["learning_rate"] >= 3e-4
    # Every choice of every parameter, in as many runs as the longest list has entries.
    longest = max(len(entry.get("choices", [0, 0])) for entry in outcome["search_space"].values())
    assert outcome["corners"] == longest
    assert outcome["smoke_s"] > 0
    rows = outcome["rows"]
    assert rows["read"] == rows["used"] == 156
    assert rows["left_out"] == []
    assert rows["splits"] == outcome["sizes"]
    assert rows["classes"]["positive"] == {"train": 48, "validation": 20, "test": 10}
    assert outcome["guess"] == 0.5
    assert outcome["noise"] == pytest.approx(0.5 / 40**0.5)
    assert outcome["lengths"]["longest"] == 7
    assert outcome["warnings"] == []
    anatomy = outcome["anatomy"]
    assert (anatomy["layers"], anatomy["freezable"], anatomy["reason"]) == (2, "layers", None)
    assert anatomy["dropouts"] > 0
    assert [device["label"] for device in outcome["device"]] != []
    cost = outcome["cost"]
    assert [entry["frozen"] for entry in cost["trial_s"]] == outcome["search_space"]["frozen_layers"]["choices"]
    assert all(0 < entry["seconds"] < 60 for entry in cost["trial_s"])
    assert set(cost["disk"]) == {"checkpoint_bytes", "data_bytes", "trunk_bytes"}
    assert all(value > 0 for value in cost["disk"].values())
    assert content(tuner.folder) == before


@pytest.mark.rest
def test_check_of_a_sound_file_is_a_report_of_fewer_than_twenty_lines(tuner: Tuner) -> None:
    study = tuner.study("sound", search_space={"num_train_epochs": 2, "dropout": 0.3})
    done = tuner.run("check", study, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert len(lines) < 20
    begins = [line.split()[0] for line in lines]
    order = ["reading:", "rows:", "classes:", "guessing", "lengths:", "device:", "model:", "trial", "cost:", "disk:"]
    assert [each for each in begins if each in order] == order
    assert "rows: 156 read; train 96, validation 40, test 20" in lines
    assert "classes: negative 48 + 20 + 10, positive 48 + 20 + 10 (train + validation + test)" in lines
    assert "guessing the largest class: accuracy 0.500; noise of 40 validation rows: about ±0.079" in lines
    assert any(line.startswith("trial 0, the published recipe, changed by your space: ") for line in lines)
    assert any("epochs 2 (published " in line for line in lines)
    corners = next(line for line in lines if line.startswith("corners: "))
    count = corners.split()[1]
    assert corners == f"corners: {count} of {count} train"
    assert lines[-1] == f"{study}: sound. Next: tuner start {study}"
