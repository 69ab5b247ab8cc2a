"""A script that `tuner script` prints repeats a trial's losses with torch and transformers alone."""

from __future__ import annotations

import ast
import json
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Tuner, write_csv

pytestmark = pytest.mark.rest

#: Packages that a script may not import.
OURS = ("tuner", "storage", "search_spaces")
#: Runs a script as `python script.py` does, in an interpreter to which our packages do not exist.
WITHOUT_US = f"""\
import runpy, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OURS!r}:
            raise ModuleNotFoundError(f"{{name}} is not to be imported")

sys.meta_path.insert(0, Blocked())
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """What a script printed."""

    evaluations: list[dict[str, Any]]
    said: str


def run_without_us(script: Path) -> subprocess.CompletedProcess[str]:
    environment = {"HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin", "OMP_WAIT_POLICY": "passive"}
    return subprocess.run(
        [sys.executable, "-P", "-c", WITHOUT_US, str(script)],
        cwd=script.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def repeated(script: Path) -> Repeated:
    done = run_without_us(script)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    return Repeated(evaluations=[json.loads(line) for line in lines[:-1]], said=lines[-1])


def printed(tuner: Tuner, name: str, number: int, *more: str) -> Path:
    path = tuner.folder / f"{name}-{number}.py"
    path.write_text(tuner.ok("script", name, str(number), *more).stdout, encoding="utf-8")
    return path


def assert_repeats(tuner: Tuner, name: str, number: int, script: Path) -> None:
    """Check a script's losses and metrics beside the recorded ones."""
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not {each.partition(".")[0] for each in imported} & {*OURS}
    shown = tuner.json("show", name, str(number))
    found = repeated(script)
    assert len(found.evaluations) == len(shown["evaluations"]) > 1
    for ours, theirs in zip(shown["evaluations"], found.evaluations, strict=True):
        assert (theirs["step"], theirs["optimiser_steps"]) == (ours["step"], ours["optimiser_steps"])
        for key, other in (("train_loss",) * 2, ("validation_loss",) * 2, ("value", shown["metric"])):
            assert theirs[other] == pytest.approx(ours[key], abs=1e-5), (key, theirs["step"])
    assert found.said.startswith("The largest difference from what was recorded is ")


def fixed(**values: Any) -> dict[str, Any]:
    """Return changes to a study file of one point and one trial."""
    point = {"learning_rate": 2e-3, "batch_size": 8, "num_train_epochs": 2, "lr_scheduler_type": "linear"}
    return {
        "search": "plain",
        "pruner": "none",
        "early_stopping": "none",
        "budget": {"trials": 1},
        "seed": 5,
        "evaluations": 5,
        "search_space": {**point, **values},
    }


def test_a_text_study_with_dropout_decay_and_warmup_is_repeated(tuner: Tuner) -> None:
    source = write_csv(tuner.folder / "rows.csv", ["label", "text"], rows_of(tuner))
    space = {"dropout": 0.3, "weight_decay": 0.1, "warmup_ratio": 0.2, "layerwise_lr_decay": 0.8, "frozen_layers": 0}
    changes = fixed(**space)
    study = tuner.study(
        "dropped", **changes, data={"source": str(source), "splits": {"train": 56, "validation": 40}}, metric="f1_macro"
    )
    tuner.ok("start", study)
    assert_repeats(tuner, "dropped", 0, printed(tuner, "dropped", 0))
    assert tuner.run("script", "dropped", "0").stderr == ""
    with sqlite3.connect(tuner.folder / "tuner.db") as database:  # as if it had been given up
        database.execute("UPDATE trials SET state = 'PRUNED'")
    database.close()
    unfinished = tuner.run("script", "dropped", "0")
    assert unfinished.stderr == "Trial 0 is pruned: the script ends with its last evaluation, at 100 %.\n"


def rows_of(tuner: Tuner) -> list[tuple[str, ...]]:
    """Return rows of texts of unequal length, with commas and quotes in them."""
    lines = (tuner.data / "train.csv").read_text(encoding="utf-8").splitlines()[1:]
    made = []
    for number, line in enumerate(lines):
        text, _, label = line.rpartition(",")
        made.append((label, f'{text} , "{text}"' if number % 3 == 0 else text))
    return made


def test_a_text_study_with_frozen_layers_is_repeated_whatever_their_share(tuner: Tuner) -> None:
    space = {"dropout": 0.2, "head_learning_rate_factor": 4.0, "lr_scheduler_type": "cosine"}
    changes = fixed(**space, frozen_layers=[0.5, 1.0, "gradual"])
    tuner.ok("start", tuner.study("frozen", **{**changes, "sampler": "random", "budget": {"trials": 6}}))
    shares = {
        trial["hyperparameters"]["frozen_layers"]: trial["number"] for trial in tuner.json("trials", "frozen")["trials"]
    }
    assert len(shares) == 3
    for number in shares.values():
        effective = tuner.json("show", "frozen", str(number))["effective"]
        assert effective["one_token"], "the last layer drops out for one token alone"
        assert effective["trunk_cache"]["place"] == "memory"
        assert_repeats(tuner, "frozen", number, printed(tuner, "frozen", number))


def picture_study(tuner: Tuner, **values: Any) -> str:
    """Write a study of pictures in folders by class, and a tiny ViT."""
    import numpy as np
    import torch
    from PIL import Image
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

    torch.manual_seed(1)
    model, images, rng = tuner.folder / "vit", tuner.folder / "images", np.random.default_rng(0)
    config = ViTConfig(
        image_size=16,
        patch_size=8,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        initializer_range=0.2,
    )
    ViTModel(config).save_pretrained(model)
    ViTImageProcessorPil(size={"height": 16, "width": 16}).save_pretrained(model)
    for number in range(48):
        folder = images / ("dark", "light")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 160, (20, 16, 3)) + 60 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    data = {"source": str(images), "splits": {"train": 32, "validation": 16}}
    changes = fixed(**values)
    return tuner.study("pictures", **changes, task="image-classification", model=str(model), data=data, metric="loss")


def test_a_study_of_pictures_is_repeated(tuner: Tuner) -> None:
    tuner.ok("start", picture_study(tuner, dropout=0.2, frozen_layers=0.5, weight_decay=0.05))
    assert_repeats(tuner, "pictures", 0, printed(tuner, "pictures", 0))


def test_a_trial_that_begins_with_the_fitted_head_is_repeated_from_its_file(tuner: Tuner) -> None:
    tuner.ok("start", tuner.study("headed", **fixed(dropout=0.1, frozen_layers=0.5, head_init="fitted")))
    refused = tuner.run("script", "headed", "0")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        "Error: no script for trial 0 of study 'headed': it began with the head that the study had fitted, whose "
        "weights are in the store; with --folder DIR they are written beside the script\n"
    )
    tuner.ok("script", "headed", "0", "--folder", "kept")
    assert sorted(path.name for path in (tuner.folder / "kept").iterdir()) == ["head.safetensors", "script.py"]
    assert_repeats(tuner, "headed", 0, tuner.folder / "kept" / "script.py")
    again = tuner.run("script", "headed", "0", "--folder", "kept")
    assert (again.returncode, again.stderr) == (1, "Error: kept is not empty; give a new folder\n")


def test_a_study_with_its_own_training_and_a_trial_that_is_not_there_are_refused_in_one_line(tuner: Tuner) -> None:
    tuner.ok("start", tuner.toy_study("own"))
    done = tuner.run("script", "own", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: no script for trial 0 of study 'own': the study trains with a function of its own, "
        "toy_training:train; call that function instead\n"
    )
    done = tuner.run("script", "own", "17")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
