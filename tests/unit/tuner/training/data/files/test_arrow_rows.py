from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tuner.errors import DataError
from tuner.training.data.files.arrow_rows import from_dataset, read_parquet
from tuner.training.data.files.file_rows import FileRows, PlaceKind, Wanted, meaning

WANTED = Wanted({"text": ("text",), "label": ("label",)})


def read(folder: Path, wanted: Wanted = WANTED, **columns: Any) -> FileRows:
    path = folder / "rows.parquet"
    pq.write_table(pa.table(columns), path)
    return read_parquet(path, "rows.parquet", wanted)


def labels(folder: Path, values: Any) -> list[Any]:
    found: list[Any] = read(folder, text=["t"] * len(values), label=values).table["label"].to_pylist()
    return found


def complaint(folder: Path, wanted: Wanted = WANTED, **columns: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(folder, wanted, **columns)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_wanted_columns_are_read_and_records_are_counted_from_one(tmp_path: Path) -> None:
    rows = read(tmp_path, id=[1, 2], label=["x", None], text=["a", "b"])
    assert rows.table.to_pydict() == {"text": ["a", "b"], "label": ["x", None]}
    assert (rows.kind, rows.numbers.tolist(), rows.reading) == (PlaceKind.RECORD, [1, 2], "2 records, parquet")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["0010", "", "None"], ["0010", "", "None"]),
        ([1, None, -2], ["1", None, "-2"]),
        ([1.0, 2.5, float("nan")], ["1", "2.5", None]),
        ([True, False, None], ["True", "False", None]),
        ([None, None, None], [None, None, None]),
        (pa.array([1, 2, 1], pa.float16()), ["1", "2", "1"]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([1, 2, 1]).dictionary_encode(), ["1", "2", "1"]),
        (pa.array(["a", None, "b"], pa.large_string()), ["a", None, "b"]),
        (pa.array(["a", None, "b"], pa.string_view()), ["a", None, "b"]),
        ([b"a", b"b", None], ["a", "b", None]),
        ([decimal.Decimal("1.00"), decimal.Decimal("2.50"), None], ["1", "2.50", None]),
        ([datetime.date(2020, 1, 1), None, None], ["2020-01-01", None, None]),
    ],
)
def test_labels_are_words_by_the_rule(tmp_path: Path, values: Any, words: list[Any]) -> None:
    assert labels(tmp_path, values) == words


def test_labels_of_many_parts_and_row_groups_stay_in_order(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    numbers = pa.array(range(150_000))
    pq.write_table(pa.table({"text": numbers.cast(pa.string()), "label": numbers}), path, row_group_size=100_000)
    rows = read_parquet(path, "rows.parquet", WANTED)
    assert rows.table["text"].to_pylist() == rows.table["label"].to_pylist() == [str(i) for i in range(150_000)]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"text": [None, 5, 6], "label": ["a"] * 3},
            "data.text: rows.parquet, record 2 (and 1 more: record 3): column 'text' holds the number 5: a text is a",
        ),
        (
            {"text": [["a"], None], "label": ["a"] * 2},
            "data.text: rows.parquet, record 1: column 'text' holds the li",
        ),
        (
            {"text": ["a", "b"], "label": [["x"], ["y", "z"]]},
            "data.label: rows.parquet, record 1 (and 1 more: record 2): column 'label' holds the list ['x']: several "
            "labels a row are the task multi-label-classification, which is not there yet; give each row one label",
        ),
        (
            {"text": ["a", "b"], "label": pa.FixedSizeListArray.from_arrays(pa.array([1, 0, 0, 1]), 2)},
            "column 'label' holds the list [1, 0]: several labels a row",
        ),
        ({"text": ["a"], "label": [{"name": "x"}]}, "holds the object {'name': 'x'}: name a key inside of it, such as"),
        (
            {"text": ["a", "b"], "label": [b"a", b"\xff"]},
            "data.label: rows.parquet, record 2: column 'label' holds b",
        ),
        ({"text": ["a"], "labels": ["x"]}, "data.label: there is no column 'label'; did you mean 'labels'?; there are"),
        (
            {"text": pa.array([], pa.string()), "label": pa.array([], pa.string())},
            "data.source: rows.parquet holds no r",
        ),
    ],
)
def test_a_column_that_cannot_be_used_is_refused_with_its_first_record(
    tmp_path: Path, columns: dict[str, Any], words: str
) -> None:
    assert words in complaint(tmp_path, **columns)


def test_a_dotted_name_is_a_column_or_a_field_of_a_struct(tmp_path: Path) -> None:
    wanted = Wanted({"text": ("content.text",), "label": ("label",)})
    content = [{"text": "a", "lang": "en"}, None]
    assert read(tmp_path, wanted, content=content, label=[1, 2]).table["content.text"].to_pylist() == ["a", None]
    flat = read(tmp_path, wanted, **{"content": content, "content.text": ["x", "y"], "label": [1, 2]})
    assert flat.table["content.text"].to_pylist() == ["x", "y"]
    said = complaint(tmp_path, WANTED, content=content, label=[1, 2])
    assert said == (
        "data.text: there is no column 'text'; there are label, content.text, content.lang; "
        "did you mean 'content.text'?"
    )


def test_a_column_named_twice_is_refused_where_it_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    arrays = [pa.array(["a"]), pa.array(["b"]), pa.array(["c"]), pa.array(["d"])]
    pq.write_table(pa.Table.from_arrays(arrays, names=["text", "note", "note", "label"]), path)
    assert read_parquet(path, "rows.parquet", WANTED).table.to_pydict() == {"text": ["a"], "label": ["d"]}
    with pytest.raises(DataError, match=r"^data\.source: rows\.parquet has two columns named 'note'; rename one$"):
        read_parquet(path, "rows.parquet", Wanted({"text": ("note",), "label": ("label",)}))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"PAR1", "is damaged: "),
        (b"PAR1" + b"\0" * 40, "is cut off: the end of the file is missing"),
        (b"PAR1" + b"\0" * 40 + b"PAR1", "is damaged: "),
        (b"text,label\na,b\n", "is no parquet file; give it the ending of its content"),
        (b"version https://git-lfs.github.com/spec/v1", "is a pointer of Git LFS; run `git lfs pull`"),
    ],
)
def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_parquet(path, "rows.parquet", WANTED)
    assert caught.value.key == "data.source"
    assert caught.value.reason.startswith(f"rows.parquet {words}")


def test_pictures_pass_as_they_are(tmp_path: Path) -> None:
    wanted = Wanted({"image": ("image",), "label": ("label",)})
    for pictures in ([{"bytes": b"\xff\xd8", "path": None}], [b"\xff\xd8"], ["a.png"]):
        assert read(tmp_path, wanted, image=pictures, label=["x"]).table["image"].to_pylist() == pictures
    assert "a picture is named by its path" in complaint(tmp_path, wanted, image=[[[1, 2]]], label=["x"])


@pytest.fixture
def classes() -> Any:
    """A data set with numbers for classes, also inside of a struct."""
    from datasets import ClassLabel, Dataset, Features, Value

    labels = ClassLabel(names=["neg", "pos"])
    features = Features({"text": Value("string"), "label": labels, "meta": {"lang": ClassLabel(names=["en", "1"])}})
    rows = {"text": ["a", "b", "c"], "label": [0, 1, -1], "meta": [{"lang": 0}, {"lang": 1}, {"lang": None}]}
    return Dataset.from_dict(rows, features=features)


CLASSED = Wanted({"text": ("text",), "label": ("label",), "where": ("meta.lang",)})


def test_numbers_of_classes_become_their_names_in_data_sets_and_in_parquet(tmp_path: Path, classes: Any) -> None:
    import datasets

    datasets.disable_progress_bars()
    classes.to_parquet(tmp_path / "rows.parquet")
    for rows in (from_dataset(classes, "d", CLASSED), read_parquet(tmp_path / "rows.parquet", "d", CLASSED)):
        assert rows.table["label"].to_pylist() == ["neg", "pos", None]
        assert rows.table["meta.lang"].to_pylist() == ["en", "1", None]
        assert rows.classes == {"label": ("neg", "pos"), "meta.lang": ("en", "1")}


def test_a_study_file_may_name_a_class_by_its_name_or_by_its_number(classes: Any) -> None:
    rows = from_dataset(classes, "d", CLASSED)
    names = rows.classes["label"]
    assert [meaning(each, names) for each in ("pos", "1", "0", "7", "x")] == ["pos", "pos", "neg", "7", "x"]
    assert meaning("1", ()) == "1"


def test_the_rows_of_a_data_set_are_those_that_it_shows(classes: Any) -> None:
    rows = from_dataset(classes.select([2, 0]), "d", CLASSED)
    assert rows.table["text"].to_pylist() == ["c", "a"]
    assert rows.reading == "2 records, a saved data set"
    with pytest.raises(DataError, match=r"^data\.source: d holds no rows$"):
        from_dataset(classes.select([]), "d", CLASSED)


def test_a_number_that_no_class_has_is_refused_with_its_record(tmp_path: Path, classes: Any) -> None:
    table = pa.table({"text": ["a", "b"], "label": [0, 2]}).replace_schema_metadata(
        classes.features.arrow_schema.metadata
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(DataError, match=r"^data\.label: d, record 2: column 'label' holds 2, and has 2 classes$"):
        read_parquet(tmp_path / "rows.parquet", "d", WANTED)
