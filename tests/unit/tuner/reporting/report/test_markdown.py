from __future__ import annotations

import re

import pytest

from tuner.reporting.report.markdown import markdown
from tuner.reporting.report.report import Report


@pytest.fixture(scope="module")
def text(report: Report) -> str:
    return markdown(report)


def test_signs_in_texts_of_users_are_escaped(hostile: str, text: str) -> None:
    assert "<script>" not in re.sub(r"\\.", "", text)
    assert "<img" not in re.sub(r"\\.", "", text)
    shown = re.sub(r"\\(.)", r"\1", text)
    assert hostile.replace("\\", "") in shown.replace("\\", "")


def test_each_row_of_a_table_has_the_cells_of_its_heading(text: str) -> None:
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) == 5
    for lines in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1


def test_the_parts_are_in_order(text: str) -> None:
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        "The best trial beside trial 0",
        "What it gets wrong",
        "Hyperparameters",
        "Cost",
        "Data",
        "How to repeat it",
        "All trials",
    ]


def test_without_examples_it_says_why(without_examples: Report) -> None:
    assert "This machine could not judge" in markdown(without_examples)
