from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search_spaces import parse_yaml
from tuner.study.study_file import parse_config, read_config
from tuner.study.written import study_file_text

STUDIES: list[dict[str, Any]] = [
    {"name": "least", "model": "some/model", "data": {"source": "some/data"}},
    {
        "name": "1e-4",  # a word that looks like a number
        "model": "some/model",
        "data": {
            "source": "rows.csv",
            "where": {"kind": ["no", "0010", "2020-01-01", "1e-4"]},
            "labels": {"no": "negative", "0010": "yes"},
            "splits": {"train": 100, "validation": 0.1},
            "format": {"separator": "\t", "quote": '"'},
        },
        "search": "plain",
        "pruner": "none",
        "early_stopping": "none",
        "search_space": {"learning_rate": {"low": 1e-5, "high": 5e-4, "log": True}, "frozen_layers": [0, "gradual"]},
        "budget": {"trials": 3, "time": "30m", "device_hours": 0.5},
        "checkpoints": "s3://bucket/tuner",
        "checkpoint_limit": "20GB",
    },
    {"name": "mine", "train": "mine:train", "metric": {"name": "score", "direction": "minimize"}},
    {"name": "rungs", "model": "m/m", "data": {"source": "d/d"}, "budget": {"runs": 4}, "report_to": ["wandb"]},
]


@pytest.mark.parametrize("document", STUDIES, ids=lambda document: document["name"])
def test_a_written_study_reads_as_the_same_configuration(document: dict[str, Any], tmp_path: Path) -> None:
    config = parse_config(document, source="s.yaml", folder=tmp_path)
    file = tmp_path / "elsewhere" / "again.yaml"
    file.parent.mkdir()
    file.write_text(study_file_text(config.to_dict(), {"learning_rate": {"low": 1e-5}}), encoding="utf-8")
    assert read_config(file) == config


def test_the_whole_space_is_a_comment() -> None:
    text = study_file_text({"name": "s", "search_space": None}, {"batch_size": {"choices": [8, 16]}})
    assert text == (
        "name: s\n"
        "search_space: null\n"
        "\n"
        "# The whole space that is searched, with the preset and the published recipe filled in:\n"
        "#   search_space:\n"
        "#     batch_size:\n"
        "#       choices: [8, 16]\n"
    )
    assert parse_yaml(text, "s.yaml") == {"name": "s", "search_space": None}


def test_lists_that_are_one_object_are_written_twice() -> None:
    same = [1, 2]
    assert parse_yaml(study_file_text({"a": same, "b": same}), "s.yaml") == {"a": [1, 2], "b": [1, 2]}
