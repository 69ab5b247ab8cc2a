from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict

from tuner.errors import DataError
from tuner.study.data_config import DataConfig
from tuner.training.data.files.file_rows import Wanted
from tuner.training.data.files.places import ROW
from tuner.training.data.loading import load_rows
from tuner.training.data.pictures import open_picture
from tuner.training.data.split_plan import SplitPlan
from tuner.training.progress import silent

ROWS: list[dict[str, Any]] = [
    {"text": "a, b", "label": "x", "site": "one", "stars": 1},
    {"text": "c", "label": "y", "site": "two", "stars": 2},
    {"text": "d", "label": "x", "site": "two", "stars": 3},
]


def separated(separator: str) -> str:
    lines = [ROWS[0].keys(), *(row.values() for row in ROWS)]
    return "\n".join(separator.join(f'"{value}"' for value in line) for line in lines) + "\n"


def write_parquet(path: Path) -> None:
    Dataset.from_list(ROWS).to_parquet(path)


WRITERS: dict[str, Callable[[Path], Any]] = {
    "rows.csv": lambda path: path.write_text(separated(",")),
    "rows.CSV": lambda path: path.write_text(separated(",")),
    "rows.tsv": lambda path: path.write_text(separated("\t")),
    "rows.json": lambda path: path.write_text(json.dumps(ROWS)),
    "rows.jsonl": lambda path: path.write_text("\n".join(json.dumps(row) for row in ROWS)),
    "rows.parquet": write_parquet,
}


def loaded(source: Path, data: DataConfig, wanted: dict[str, tuple[str, ...]], cache: Path) -> dict[str, Dataset]:
    """Reads all splits of a source."""

    def plan(present: Iterable[str]) -> SplitPlan:
        named = {name: name for name in present}
        return SplitPlan(named=named, carved={}, base=None, order=tuple(named))

    found, _ = load_rows(
        str(source), data, Wanted({key: names for key, names in wanted.items() if names}), plan, cache, silent
    )
    return {name: rows.remove_columns(ROW) for name, rows in found.splits.items()}


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., dict[str, Dataset]]:
    """Reads a source with what a study file says of it."""

    def read(source: Path, **said: Any) -> dict[str, Dataset]:
        data = DataConfig(source=str(source), **said)
        wanted = {"text": (str(data.text),), "label": (data.label,), "where": tuple(data.where)}
        return loaded(source, data, wanted, tmp_path / "cache")

    return read


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_is_read_by_its_ending(name: str, tmp_path: Path, load: Callable[..., dict[str, Dataset]]) -> None:
    WRITERS[name](tmp_path / name)
    found = load(tmp_path / name)
    assert list(found) == ["train"]
    assert found["train"].column_names == ["text", "label"]
    assert found["train"].to_list() == [{"text": row["text"], "label": row["label"]} for row in ROWS]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_the_files_of_a_folder_are_its_splits(
    ending: str, tmp_path: Path, load: Callable[..., dict[str, Dataset]]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for split in ("train", "dev"):
        WRITERS[f"rows.{ending}"](folder / f"{split}.{ending}")
    (folder / "README.md").write_text("no data")
    found = load(folder)
    assert set(found) == {"train", "dev"}
    assert list(found["dev"]["text"]) == ["a, b", "c", "d"]


def test_what_datasets_saved_is_read(tmp_path: Path, load: Callable[..., dict[str, Dataset]]) -> None:
    rows = Dataset.from_list(ROWS)
    rows.save_to_disk(tmp_path / "one")
    DatasetDict({"train": rows, "test": rows.select([1])}).save_to_disk(tmp_path / "several")
    assert {name: len(found) for name, found in load(tmp_path / "one").items()} == {"train": 3}
    assert {name: len(found) for name, found in load(tmp_path / "several").items()} == {"train": 3, "test": 1}


def test_folders_of_images_are_classes(digits: Path, load: Callable[..., dict[str, Dataset]]) -> None:
    data = DataConfig(source=str(digits))
    found = loaded(digits, data, {"image": ("image",), "label": ("label",)}, digits.parent / "images-cache")
    assert {name: len(rows) for name, rows in found.items()} == {"train": 64}
    assert set(found["train"]["label"]) == {"one", "zero"}
    assert open_picture(found["train"][0]["image"]).size == (8, 8)


# ---- where


@pytest.mark.parametrize(
    ("where", "texts"),
    [
        ({}, ["a, b", "c", "d"]),
        ({"site": "two"}, ["c", "d"]),
        ({"site": ["one", "two"]}, ["a, b", "c", "d"]),
        ({"stars": 2}, ["c"]),
        ({"stars": [1, 3], "site": "two"}, ["d"]),
    ],
)
def test_where_keeps_the_rows_with_these_values(
    where: dict[str, Any], texts: list[str], tmp_path: Path, load: Callable[..., dict[str, Dataset]]
) -> None:
    WRITERS["rows.csv"](tmp_path / "rows.csv")
    assert list(load(tmp_path / "rows.csv", where=where)["train"]["text"]) == texts


def test_a_split_that_where_empties_has_no_rows(tmp_path: Path, load: Callable[..., dict[str, Dataset]]) -> None:
    rows = Dataset.from_list(ROWS)
    DatasetDict({"train": rows, "test": rows.select([0])}).save_to_disk(tmp_path / "saved")
    found = load(tmp_path / "saved", where={"site": "two"})
    assert {name: len(split) for name, split in found.items()} == {"train": 2, "test": 0}


# ---- what can be wrong


@pytest.mark.parametrize(
    ("said", "key", "reason"),
    [
        (
            {"text": "txt"},
            "data.text",
            "there is no column 'txt'; did you mean 'text'?; there are text, label, site, stars",
        ),
        ({"label": "sentiment"}, "data.label", "there is no column 'sentiment'"),
        ({"where": {"sight": "one"}}, "data.where", "there is no column 'sight'; did you mean 'site'?"),
        ({"where": {"site": "three"}}, "data.where", "{'site': 'three'} leaves no row"),
        ({"where": {"site": []}}, "data.where", "leaves no row"),
    ],
)
def test_what_the_columns_do_not_have_is_said(
    said: dict[str, Any], key: str, reason: str, tmp_path: Path, load: Callable[..., dict[str, Dataset]]
) -> None:
    WRITERS["rows.csv"](tmp_path / "rows.csv")
    with pytest.raises(DataError) as caught:
        load(tmp_path / "rows.csv", **said)
    assert caught.value.key == key
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("files", "source", "reason"),
    [
        ({"rows.doc": "text"}, "rows.doc", "has no ending of a csv, tsv, tab, txt, data, json, jsonl, ndjson or"),
        ({"rows.doc": "%PDF-1.4"}, "rows.doc", "rows.doc is a PDF; save its table as csv"),
        ({"rows.xlsx": "PK\x03\x04"}, "rows.xlsx", "is a zip archive or an Excel workbook; unpack it, or save"),
        ({"rows": "\x89PNG"}, "rows", "has no ending of a csv"),
        (
            {"rows.csv": "version https://git-lfs.github.com/spec/v1\n"},
            "rows.csv",
            "is a pointer of Git",
        ),
        ({"rows.csv": "<!DOCTYPE html>\n<p>404"}, "rows.csv", "rows.csv is an HTML page; a download may have failed"),
        ({"rows.json": "<html>"}, "rows.json", "rows.json is an HTML page; a download may have failed"),
        ({"rows.parquet": "text"}, "rows.parquet", "is no parquet file; give it the ending of its content"),
        ({"folder/en/train.csv": "a"}, "folder", "file itself, but its folders en do; name one"),
        ({"folder/readme.txt": ""}, "folder", "file but readme.txt; name the one that is a table"),
        ({"folder/pos/1.txt": ""}, "folder", "file; texts in files of their own are not read"),
        ({"folder/pos/1.png": ""}, "folder", "file but pictures, which are for the task image-classification"),
        ({"folder/a-00000-of-00003.csv": ""}, "folder", "lacks a-00001-of-00003.csv, a-00002-of-00003.csv; fetch it"),
        (
            {"folder/a-00000-of-00001.csv": "", "folder/a-00000-of-00002.csv": ""},
            "folder",
            "has a-00000-of-00001.csv and a-00000-of-00002.csv, which are one split",
        ),
        ({"rows.csv": "text,label\n"}, "rows.csv", "rows.csv has no rows"),
        ({"rows.csv": ""}, "rows.csv", "rows.csv holds no record"),
        ({"rows.json": "[]"}, "rows.json", "rows.json holds no rows"),
        (
            {"folder/train.csv": "text,label\na,b\n", "folder/train.json": "[]"},
            "folder",
            "has train.csv and train.json, which are one split; name one of these files",
        ),
    ],
)
def test_a_source_that_cannot_be_read_is_said_in_a_line(
    files: dict[str, str], source: str, reason: str, tmp_path: Path, load: Callable[..., dict[str, Dataset]]
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    with pytest.raises(DataError) as caught:
        load(tmp_path / source)
    assert caught.value.key == "data.source"
    assert reason in caught.value.reason
    assert "\n" not in caught.value.reason
