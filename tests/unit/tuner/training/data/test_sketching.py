"""A first look at data, by the readers of a study, before it is known which column is which."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tuner.errors import DataError
from tuner.study.data_config import DataConfig
from tuner.study.data_sketch import ColumnKind, DataSketch
from tuner.training.data.files.delimited import read_delimited
from tuner.training.data.files.file_rows import Wanted
from tuner.training.data.sketching import sketch
from tuner.training.progress import silent


def look(source: Path) -> DataSketch:
    return sketch(DataConfig(source=str(source)), str(source), source.parent / "cache", silent)


def test_every_column_of_a_file_is_seen_with_its_values(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    rows = "".join(
        f"{number};a film of {number % 7} words;{'good' if number % 2 else 'bad'};\n" for number in range(40)
    )
    path.write_text(f"id;review;verdict;empty\n{rows}", encoding="utf-8")
    found = look(path)
    assert (found.rows, found.seen, found.splits) == (40, 40, ("train",))
    seen = {each.name: (each.filled, each.distinct, each.words) for each in found.columns}
    assert seen == {"id": (40, 40, 1.0), "review": (40, 7, 5.0), "verdict": (40, 2, 1.0), "empty": (0, 0, 0.0)}
    assert {each.kind for each in found.columns} == {ColumnKind.WORDS}


def test_chats_are_known_by_their_name_and_columns_of_other_lists_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "chats.jsonl"
    chat = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "good day"}]
    row = {"messages": chat, "tags": ["a", "b"], "source": {"site": "web"}}
    path.write_text("".join(json.dumps({**row, "id": number}) + "\n" for number in range(5)), encoding="utf-8")
    found = look(path)
    assert {each.name: each.kind for each in found.columns} == {
        "messages": ColumnKind.CHATS,
        "source.site": ColumnKind.WORDS,
        "id": ColumnKind.WORDS,
    }


def test_the_splits_of_a_folder_are_named_and_the_training_split_is_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "pairs"
    folder.mkdir()
    for split, count in (("dev", 2), ("train", 6)):
        lines = "".join(f"one {each}\ttwo {each}\t{each % 2}\n" for each in range(count))
        (folder / f"{split}.tsv").write_text(f"premise\thypothesis\tlabel\n{lines}", encoding="utf-8")
    found = look(folder)
    assert (found.rows, found.splits) == (6, ("dev", "train"))
    assert [each.name for each in found.columns] == ["premise", "hypothesis", "label"]


def test_a_file_that_cannot_be_read_is_refused_as_in_a_study(tmp_path: Path) -> None:
    path = tmp_path / "bare.csv"
    path.write_text("".join(f"a film that is {each} days long,pos\n" for each in range(30)), encoding="utf-8")
    with pytest.raises(DataError, match=r"bare\.csv seems to have no header"):
        look(path)


def test_all_columns_that_a_study_names_and_that_are_not_there_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("texts,verdict\ngood film,pos\nbad film,neg\n", encoding="utf-8")
    wanted = Wanted({"text": ("text",), "label": ("verdct",)})
    with pytest.raises(DataError) as caught:
        read_delimited(path, path.name, wanted, DataConfig(source="d"), silent)
    assert str(caught.value).startswith(
        "data.text: there is no column 'text'; did you mean 'texts'?; there are texts, "
    )
    assert str(caught.value).endswith("; nor is there 'verdct', for data.label; did you mean 'verdict'?")
