from __future__ import annotations

import numpy as np
import pytest

from tuner.training.data.files.places import RowRemark
from tuner.training.data.split_remarks import absent_classes, contradicting_labels, rare_classes


@pytest.mark.parametrize(
    ("rare", "sentences"),
    [
        ({}, []),
        ({"a": 1}, ["class 'a' has 1 row, too few for 3 splits: all of them are in training"]),
        (
            {"a": 1, "b": 2},
            ["classes 'a' (1 row), 'b' (2 rows) have too few rows for 3 splits: all of them are in training"],
        ),
    ],
)
def test_classes_that_are_kept_for_training_are_named_with_their_rows(
    rare: dict[str, int], sentences: list[str]
) -> None:
    assert rare_classes(rare, 3) == sentences


def test_many_rare_classes_are_one_sentence() -> None:
    (sentence,) = rare_classes({f"c{number}": 1 for number in range(300)}, 2)
    assert "'c7' (1 row) and 292 more have too few rows" in sentence


def test_classes_that_validation_lacks_are_named_unless_the_user_knows() -> None:
    targets = {"train": np.arange(4), "validation": np.asarray([0])}
    (sentence,) = absent_classes(targets, ["a", "b", "c", "d"], ["c"])
    assert sentence.startswith("the validation split has no row of class 'b', 'd': no metric")
    assert absent_classes(targets, ["a", "b", "c", "d"], ["b", "c", "d"]) == []
    assert absent_classes(targets, [], []) == []


def test_inputs_with_several_labels_are_counted_and_the_first_one_is_placed() -> None:
    identities, rows = np.asarray([7, 8, 7, 8, 9, 9]), np.arange(10, 16)
    assert contradicting_labels(identities, np.asarray([0, 1, 0, 0, 1, 1]), rows, "so") == [
        RowRemark("the same input has different labels; so", (11, 13))
    ]
    assert contradicting_labels(identities, np.asarray([0, 1, 1, 0, 1, 1]), rows, "so") == [
        RowRemark("2 inputs, in 4 rows, have different labels, such as this one; so", (10, 12))
    ]
    assert contradicting_labels(identities, np.zeros(6, np.int64), rows, "so") == []
