"""Image models of timm, where timm is installed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from architectures.catalogue import Architecture
from architectures.outcomes import Verdict, read_outcomes
from architectures.sweep import Workplace, judge

ROOT = Path(__file__).parents[2]
#: An environment with timm and torchvision, which sees this one behind it.
OTHER = ROOT / ".venv-timm" / "bin" / "python"
TIMM = Architecture(kind="image", model_type="timm_wrapper")
HERE = all(importlib.util.find_spec(name) for name in ("timm", "torchvision"))

pytestmark = [pytest.mark.rest, pytest.mark.filterwarnings("ignore")]


@pytest.mark.skipif(not HERE, reason="timm is not installed here")
@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "test_efficientnet"])
def test_every_property_holds_for_a_model_of_timm(name: str, workplace: Workplace) -> None:
    arguments = {"img_size": 64} if name == "test_vit" else {}
    place = replace(workplace, folder=workplace.folder / name)
    judgement = judge(TIMM, place, architecture=name, model_args=arguments)
    assert judgement.complaints == []
    assert judgement.outcome.verdict == Verdict.RIGHT
    if name == "test_vit":
        assert judgement.outcome.is_same(read_outcomes()[TIMM.name])


@pytest.mark.skipif(HERE or not OTHER.is_file(), reason="timm is not installed; `make test-rest` installs it")
def test_the_models_of_timm_pass_in_the_environment_that_has_timm() -> None:
    process = subprocess.run(
        [str(OTHER), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "holds_for_a_model_of_timm", __file__],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout[-5000:]
    assert "3 passed" in process.stdout


@pytest.mark.skipif(HERE, reason="timm is installed here")
def test_without_timm_the_error_says_how_to_install_it(workplace: Workplace) -> None:
    judgement = judge(TIMM, replace(workplace, folder=workplace.folder / "missing"))
    assert judgement.outcome.verdict == Verdict.REFUSED
    assert str(judgement.outcome.note).endswith(
        "it is a model of timm, which is not installed; install 'shichimi[timm]'"
    )
