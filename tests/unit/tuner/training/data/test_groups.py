from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.errors import DataError
from tuner.training.data.groups import group_order


@settings(max_examples=20, deadline=None)
@given(
    members=st.lists(st.integers(1, 6), min_size=8, max_size=30),
    classes=st.integers(1, 3),
    seed=st.integers(0, 3),
)
def test_a_group_is_in_one_split_and_training_alone_may_be_larger_than_asked(
    members: list[int], classes: int, seed: int
) -> None:
    groups = np.repeat(np.arange(len(members)), members)
    labels = np.arange(len(groups)) % classes
    sizes = {"test": 6, "validation": 6, "train": len(groups) - 12}
    if sizes["train"] < 6:
        return
    parts = group_order(groups, labels, sizes, seed)
    found = {split: set(groups[part].tolist()) for split, part in parts.items()}
    assert not found["train"] & found["validation"]
    assert not found["train"] & found["test"]
    assert not found["validation"] & found["test"]
    # The sizes add up to all rows, so training has the groups that fit nowhere.
    assert sum(map(len, parts.values())) == len(groups)
    for split, part in parts.items():
        assert len(part) > 0
        assert split == "train" or len(part) <= sizes[split]
        assert len(set(part.tolist())) == len(part)
        # A group that has a row in a split has all of its rows there.
        assert len(part) == np.isin(groups, list(found[split])).sum()


def test_classes_are_spread_as_evenly_as_groups_allow() -> None:
    groups = np.repeat(np.arange(40), 5)
    labels = np.repeat(np.arange(40) % 2, 5)  # each group has one class alone
    parts = group_order(groups, labels, {"validation": 40, "train": 160}, 0)
    assert labels[parts["validation"]].mean() == 0.5


def test_the_seed_decides_the_groups() -> None:
    groups, labels = np.repeat(np.arange(40), 5), np.zeros(200, dtype=np.int64)
    sizes = {"validation": 40, "train": 160}
    first, same, other = (group_order(groups, labels, sizes, seed)["validation"].tolist() for seed in (0, 0, 1))
    assert first == same
    assert set(first) != set(other)


def test_groups_that_are_larger_than_a_split_are_refused() -> None:
    with pytest.raises(DataError, match="no group fits into 3 rows: the smallest of 2 groups has 10 rows"):
        group_order(np.repeat([0, 1], 10), np.zeros(20, dtype=np.int64), {"validation": 3, "train": 10}, 0)


@pytest.mark.parametrize("seed", range(5))
def test_the_only_group_of_a_class_is_in_training_for_every_seed(seed: int) -> None:
    groups = np.repeat(np.arange(20), 5)
    labels = np.repeat([*range(4), *[4, 5] * 8], 5)  # each of four classes is in one group
    parts = group_order(groups, labels, {"test": 20, "validation": 20, "train": 60}, seed)
    assert set(labels[parts["train"]]) == set(range(6))


def test_one_group_of_all_rows_is_refused() -> None:
    with pytest.raises(DataError, match="all rows are of one group"):
        group_order(np.zeros(20, dtype=np.int64), np.arange(20) % 2, {"validation": 4, "train": 16}, 0)
