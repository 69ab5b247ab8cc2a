"""The test of one architecture: the oracles have no complaint, and the outcome is the documented one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from architectures.catalogue import catalogue
from architectures.outcomes import read_outcomes
from architectures.sweep import judge

if TYPE_CHECKING:
    from architectures.sweep import Workplace

#: The architectures that a change is tried on first; `make test-rest` tries the others.
POPULAR = (
    "text/albert",
    "text/bart",
    "text/gpt2",
    "text/llama",
    "text/modernbert",
    "text/t5",
    "text/xlnet",
    "image/efficientnet",
    "image/resnet",
    "image/swin",
    "image/vit",
    "text/bert",
)
#: Tested in a file of its own.
_ELSEWHERE = ("image/timm_wrapper",)


def others(kind: str, first: str = "", last: str = "~") -> list[str]:
    """Return the names of the other architectures of a kind, those whose model type lies between two words."""
    return [
        each.name
        for each in catalogue()
        if each.kind == kind and each.name not in (*POPULAR, *_ELSEWHERE) and first <= each.model_type < last
    ]


def assert_as_documented(name: str, workplace: Workplace) -> None:
    """Drive an architecture through the product, and compare its outcome with the documentation."""
    (architecture,) = (each for each in catalogue() if each.name == name)
    judgement = judge(architecture, workplace)
    shutil.rmtree(workplace.folder / name, ignore_errors=True)
    assert judgement.complaints == []
    documented = read_outcomes()[name]
    assert judgement.outcome.is_same(documented), f"{judgement.outcome} differs from the documentation: {documented}"
