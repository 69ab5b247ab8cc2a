from __future__ import annotations

import pytest

from tuner.study.split_sizes import split_sizes


@pytest.mark.parametrize(
    ("rows", "splits", "expected"),
    [
        (300, ("train",), {"train": 0.6, "validation": 0.2, "test": 0.2}),
        (5000, ("train",), {"train": 0.8, "validation": 0.1, "test": 0.1}),
        (90_000, ("train",), {"train": 10_000, "validation": 2_000, "test": 2_000}),
        (300, ("train", "dev", "test"), {"train": "train", "validation": "dev", "test": "test"}),
        (300, ("train", "val"), {"train": 0.8, "validation": "val", "test": 0.2}),
        (5000, ("test", "train"), {"train": 0.9, "validation": 0.1, "test": "test"}),
        (90_000, ("train", "validation", "test"), {"train": 10_000, "validation": "validation", "test": "test"}),
        (300, ("one", "two"), {"train": 0.6, "validation": 0.2, "test": 0.2}),
    ],
)
def test_splits_that_the_source_has_are_used_and_the_others_carved(
    rows: int, splits: tuple[str, ...], expected: dict[str, object]
) -> None:
    assert split_sizes(rows, splits) == expected
