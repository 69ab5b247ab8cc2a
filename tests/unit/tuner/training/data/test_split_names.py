from __future__ import annotations

import pytest

from tuner.training.data.split_names import canonical_split, find_split


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("Training", "train"),
        ("train2017", "train"),
        ("val", "validation"),
        ("VALID_set", "validation"),
        ("my-dev", "validation"),
        ("evaluation", "test"),
        ("test_images", "test"),
        ("trainer", None),
        ("train-val", None),
        ("cat", None),
    ],
)
def test_a_split_is_told_by_the_words_of_its_name(name: str, split: str | None) -> None:
    assert canonical_split(name) == split


@pytest.mark.parametrize(
    ("name", "present", "found"),
    [
        ("val", ["train", "val"], "val"),
        ("validation", ["train", "val"], "val"),
        ("dev", ["train", "validation"], "validation"),
        ("validation", ["val", "dev"], None),
        ("val", ["val", "dev"], "val"),
        ("more", ["train", "other"], None),
    ],
)
def test_a_split_is_found_by_its_own_name_or_another_word(name: str, present: list[str], found: str | None) -> None:
    assert find_split(name, present) == found
