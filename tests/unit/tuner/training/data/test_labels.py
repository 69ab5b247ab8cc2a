from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, Features, Value, load_dataset

from tuner.errors import DataError
from tuner.training.data.labels import map_labels


def split(values: list[Any], feature: Any = None) -> Dataset:
    columns = {"text": [f"text {number}" for number in range(len(values))], "label": values}
    features = Features({"text": Value("string"), "label": feature}) if feature is not None else None
    return Dataset.from_dict(columns, features=features)


def mapped(train: list[Any], validation: list[Any], *, names: dict[str, str] | None = None, feature: Any = None) -> Any:
    splits = {"train": split(train, feature), "validation": split(validation, feature)}
    found, labels = map_labels(splits, "label", names)
    assert all(rows.column_names == ["text", "labels"] for rows in found.values())
    return list(found["train"]["labels"]), list(found["validation"]["labels"]), labels


@pytest.mark.parametrize(
    ("train", "validation", "expected"),
    [
        ([1, 0, 1], [0], ([1, 0, 1], [0], ("0", "1"))),
        ([10, 9, 2], [2], ([2, 1, 0], [0], ("2", "9", "10"))),
        ([-1, 1], [1], ([0, 1], [1], ("-1", "1"))),
        (["pos", "neg", "pos"], ["neg"], ([1, 0, 1], [0], ("neg", "pos"))),
        ([4.0, 1.0], [1.0], ([1, 0], [0], ("1", "4"))),
        ([0.5, 1.5], [1.5], ([0, 1], [1], ("0.5", "1.5"))),
        (["10", "9", "other"], ["9"], ([1, 0, 2], [0], ("9", "10", "other"))),
        ([True, False], [True], ([1, 0], [1], ("False", "True"))),
    ],
)
def test_classes_are_numbered_in_the_order_of_their_values(
    train: list[Any], validation: list[Any], expected: tuple[list[int], list[int], tuple[str, ...]]
) -> None:
    assert mapped(train, validation) == expected


def test_whole_numbers_that_a_csv_reads_as_fractions_stay_whole(tmp_path: Path) -> None:
    # pandas reads whole numbers as fractions where a cell of the column is empty.
    (tmp_path / "rows.csv").write_text("text,label\na,1\nb,0\nc,\n")
    rows = load_dataset("csv", data_files=str(tmp_path / "rows.csv"), cache_dir=str(tmp_path / "cache"))["train"]
    assert isinstance(rows[0]["label"], float)
    found, labels = map_labels({"train": rows.select([0, 1])}, "label", None)
    assert labels == ("0", "1")
    assert list(found["train"]["labels"]) == [1, 0]
    with pytest.raises(DataError, match="row 2 of train has no label in column 'label'"):
        map_labels({"train": rows}, "label", None)


def test_a_class_label_gives_its_names() -> None:
    train, validation, labels = mapped([1, 0], [1], feature=ClassLabel(names=["sad", "glad"]))
    assert labels == ("glad", "sad")
    assert (train, validation) == ([0, 1], [0])


def test_a_class_label_without_a_label_is_missing() -> None:
    # Test splits of the hub often have -1.
    with pytest.raises(DataError, match="row 1 of validation has no label"):
        mapped([1, 0], [1, -1], feature=ClassLabel(names=["sad", "glad"]))


def test_names_are_given_to_values() -> None:
    train, validation, labels = mapped([0, 1, 0], [1], names={"0": "negative", "1": "positive", "2": "unused"})
    assert labels == ("negative", "positive")
    assert (train, validation) == ([0, 1, 0], [1])


@pytest.mark.parametrize(
    ("train", "validation", "names", "key", "reason"),
    [
        (["a", "b"], ["c"], None, "data.label", "label 'c' of validation is not in the training split; that has a, b"),
        ([1, 1], [1], None, "data.label", "has 1 class; a classifier needs two"),
        (["a", None], ["a"], None, "data.label", "row 1 of train has no label in column 'label'"),
        (["a", "b"], [None], None, "data.label", "row 0 of validation has no label in column 'label'"),
        ([0, 1], [1], {"0": "negative"}, "data.labels", "there is no name for the label '1'"),
    ],
)
def test_labels_that_cannot_be_learnt_say_why(
    train: list[Any], validation: list[Any], names: dict[str, str] | None, key: str, reason: str
) -> None:
    with pytest.raises(DataError) as caught:
        mapped(train, validation, names=names)
    assert caught.value.key == key
    assert reason in caught.value.reason


def test_two_labels_of_one_name_are_refused() -> None:
    with pytest.raises(DataError, match="two labels are named 'x'; give each its own name"):
        mapped(["a", "b", "c"], ["a"], names={"a": "x", "b": "x", "c": "y"})
