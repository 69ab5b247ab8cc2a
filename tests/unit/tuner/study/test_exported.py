from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tuner.errors import ConfigError
from tuner.study.data_config import DataConfig
from tuner.study.exported import EXPORTED, Exported


def told(source: str = "rows.tsv", task: str = "text-classification", **keys: Any) -> Exported:
    return Exported.of(task, 32, DataConfig.model_validate({"source": source, **keys}))


def test_a_folder_tells_how_rows_are_read_and_nothing_of_the_rows_that_its_study_had(tmp_path: Path) -> None:
    written = told(text=["one", "other"], where={"source": "web"}, group="author", field="rows")
    written.write(tmp_path)
    assert Exported.read(tmp_path) == written
    assert "rows.tsv" not in (tmp_path / EXPORTED).read_text(encoding="utf-8")
    data = written.config("new.tsv")
    assert (data.source, data.text, data.where, data.group) == ("new.tsv", ["one", "other"], {}, None)


def test_what_belongs_to_a_layout_holds_for_files_of_that_layout_alone() -> None:
    written = told(format={"separator": "pipe", "header": ["text", "label"]})
    assert written.config("new.csv").format.separator == "|"
    assert written.config("new.jsonl").format.separator is None


@pytest.mark.parametrize("content", ["{", "[]", '{"task": 1}', json.dumps({**vars(told()), "data": {"text": {}}})])
def test_a_damaged_file_is_refused_in_a_line(tmp_path: Path, content: str) -> None:
    (tmp_path / EXPORTED).write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"tuner\.json: is damaged; export the model again"):
        Exported.read(tmp_path)


def test_lines_are_texts_or_prompts_whatever_the_columns_are_called(tmp_path: Path) -> None:
    for written, column in (
        (told(text="a.b", label="text"), "text"),
        (told(task="causal-lm", prompt="question", completion="answer"), "prompt"),
    ):
        lines = written.of_lines()
        lines.write_lines(["one", "two "], tmp_path / "lines.jsonl")
        data = lines.config("lines.jsonl")
        assert column == (data.text if data.prompt is None else data.prompt)
        rows = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text(encoding="utf-8").splitlines()]
        assert rows == [{column: "one"}, {column: "two "}]


def test_a_line_is_what_the_user_says_where_a_study_has_chats(tmp_path: Path) -> None:
    lines = told(task="causal-lm", messages="talk").of_lines()
    lines.write_lines(["one"], tmp_path / "lines.jsonl")
    assert lines.config("lines.jsonl").messages == "messages"
    assert json.loads((tmp_path / "lines.jsonl").read_text()) == {"messages": [{"role": "user", "content": "one"}]}


@pytest.mark.parametrize("written", [told(text=["one", "other"]), told("photos", "image-classification")])
def test_lines_are_refused_where_a_row_is_more_than_one_text(written: Exported) -> None:
    with pytest.raises(ConfigError, match="more than one text; give a file"):
        written.of_lines()
