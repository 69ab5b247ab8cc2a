from __future__ import annotations

from typing import Any

import pytest
from datasets import ClassLabel, Dataset, Features, Value

from tuner.errors import DataError
from tuner.training.data.files.places import RowProblem
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


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        (["1.0", "0", "1"], ([1, 0, 1], ("0", "1"))),
        (["TRUE", "False", "true"], ([1, 0, 1], ("False", "True"))),
        (["0010", "10", "1E5", "100000"], ([0, 1, 3, 2], ("0010", "10", "100000", "1E5"))),
        (["None", "N/A", "null", "nan"], ([1, 0, 3, 2], ("N/A", "None", "nan", "null"))),
    ],
)
def test_words_of_one_meaning_are_one_class_and_no_other_word_is_changed(
    train: list[str], expected: tuple[list[int], tuple[str, ...]]
) -> None:
    found, _, labels = mapped(train, train)
    assert labels == expected[1]
    assert [labels[number] for number in found] == [expected[1][number] for number in expected[0]]


def test_a_class_label_gives_its_names() -> None:
    train, validation, labels = mapped([1, 0], [1], feature=ClassLabel(names=["sad", "glad"]))
    assert labels == ("glad", "sad")
    assert (train, validation) == ([0, 1], [0])


def test_a_class_label_without_a_label_is_missing() -> None:
    # Test splits of the hub often have -1.
    with pytest.raises(RowProblem, match="there is no label in column 'label'") as caught:
        mapped([1, 0], [1, -1], feature=ClassLabel(names=["sad", "glad"]))
    assert caught.value.rows == [1]


def test_names_are_given_to_values() -> None:
    train, validation, labels = mapped([0, 1, 0], [1], names={"0": "negative", "1": "positive", "2": "unused"})
    assert labels == ("negative", "positive")
    assert (train, validation) == ([0, 1, 0], [1])


@pytest.mark.parametrize(
    ("train", "validation", "names", "key", "reason"),
    [
        (["a", "b"], ["c"], None, "data.label", "label 'c' of validation is not in the training split; that has a, b"),
        ([1, 1], [1], None, "data.label", "; a classifier needs two"),
        (["a", None], ["a"], None, "data.label", "there is no label in column 'label'"),
        (["a", "b"], [None], None, "data.label", "there is no label in column 'label'"),
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


def test_two_words_of_one_name_are_one_class() -> None:
    found, _, labels = mapped(["neg", "Neg", "pos"], ["neg"], names={"neg": "bad", "Neg": "bad", "pos": "good"})
    assert labels == ("bad", "good")
    assert found == [0, 0, 1]


def test_a_word_that_only_validation_has_may_have_the_name_of_a_class() -> None:
    assert mapped(["neg", "pos"], ["Neg"], names={"neg": "bad", "Neg": "bad", "pos": "good"})[1] == [0]


def test_a_label_that_training_lacks_is_shown_with_its_rows() -> None:
    with pytest.raises(RowProblem) as caught:
        mapped(["a", "b"], ["a", "c", "b", "c"])
    assert caught.value.rows == [1, 3]
