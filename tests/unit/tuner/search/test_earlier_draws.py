"""The points that the sampler draws, and the answers of the pruners, are those of an earlier version."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from earlier.databases import HERE

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors round otherwise")


@pytest.fixture(scope="module")
def found() -> Any:
    """What the current code answers, in a process whose NumPy computes alike on every x86-64."""
    done = subprocess.run(
        [sys.executable, str(HERE / "make_draws.py")], capture_output=True, text=True, check=False, cwd=Path("/")
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def expected() -> Any:
    return json.loads((HERE / "draws.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("space", ["preset", "conditional"])
def test_tpe_draws_the_same_forty_points_from_the_same_history(found: Any, expected: Any, space: str) -> None:
    assert found["draws"][space]["history"] == expected["draws"][space]["history"]
    drawn, before = ([each["params"] for each in any_["draws"][space]["drawn"]] for any_ in (found, expected))
    assert len(before) == 40
    for number, (now, then) in enumerate(zip(drawn, before, strict=True), start=30):
        assert now == then, f"trial {number}"


def test_each_pruner_ends_the_same_curves_at_the_same_steps(found: Any, expected: Any) -> None:
    assert found["prunings"]["curves"] == expected["prunings"]["curves"]
    assert found["prunings"]["answers"] == expected["prunings"]["answers"]


def test_the_curves_part_the_pruners(expected: Any) -> None:
    """So that one pruner in the place of another would be seen."""
    answers = expected["prunings"]["answers"]
    assert len({json.dumps(each) for each in answers.values()}) == len(answers)
    assert not any(any(curve) for curve in answers["none"])
