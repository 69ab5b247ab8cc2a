"""A script that `tuner script` prints repeats a trial's losses with torch and transformers alone."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Tuner, build_data, write_csv

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


def assert_repeats(tuner: Tuner, name: str, number: int, script: Path) -> float:
    """Check a script's losses and metrics beside the recorded ones; return the largest difference."""
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not {each.partition(".")[0] for each in imported} & {*OURS}
    shown = tuner.json("show", name, str(number))
    found = repeated(script)
    assert len(found.evaluations) == len(shown["evaluations"]) > 1
    largest = 0.0
    for ours, theirs in zip(shown["evaluations"], found.evaluations, strict=True):
        assert (theirs["step"], theirs["optimiser_steps"]) == (ours["step"], ours["optimiser_steps"])
        for key, other in (("train_loss",) * 2, ("validation_loss",) * 2, ("value", shown["metric"])):
            largest = max(largest, abs(ours[key] - theirs[other]))
            assert theirs[other] == pytest.approx(ours[key], abs=1e-5), (key, theirs["step"])
    assert found.said.startswith("The largest difference from what was recorded is ")
    print(f"{name} {number}: {largest:.2e}")
    return largest


def fixed(**values: Any) -> dict[str, Any]:
    """Return changes to a study file of one point and one trial."""
    point = {"learning_rate": 2e-3, "batch_size": 8, "num_train_epochs": 2, "lr_scheduler_type": "linear"}
    return {
        "search": "plain",
        "pruner": "none",
        "early_stopping": "none",
        "budget": {"trials": 1},
        "seed": 5,
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


def rows_of(tuner: Tuner) -> list[tuple[str, ...]]:
    """Return rows of texts of unequal length, with commas and quotes in them."""
    lines = (tuner.data / "train.csv").read_text(encoding="utf-8").splitlines()[1:]
    made = []
    for number, line in enumerate(lines):
        text, _, label = line.rpartition(",")
        made.append((label, f'{text} , "{text}"' if number % 3 == 0 else text))
    return made
