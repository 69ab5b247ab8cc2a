"""The splits that a draft of a study proposes for some data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Rows of the largest source of which a draft uses all: more would make the first trials long.
_MANY = 20_000
#: Rows of the smallest source that may give as little as a tenth to validation: a share of so few rows is mostly noise.
_FEW = 2_000
_OF_FEW = {"train": 0.6, "validation": 0.2, "test": 0.2}
_OF_MOST = {"train": 0.8, "validation": 0.1, "test": 0.1}
_OF_MANY = {"train": 10_000, "validation": 2_000, "test": 2_000}
#: Words for the splits, as sources name them.
_WORDS = {"validation": ("validation", "valid", "dev", "val"), "test": ("test", "testing")}


def split_sizes(rows: int, splits: Sequence[str]) -> dict[str, int | float | str]:
    """Return the `data.splits` of a draft.

    Args:
        rows: Rows of the training split, or of the only one; 0 where they are not counted.
        splits: Names of the splits of the source.
    """
    named = {
        split: name
        for split, words in _WORDS.items()
        for name in splits
        if name.lower() in words and len(splits) > 1 and "train" in splits
    }
    sizes: Mapping[str, int | float] = _OF_MOST if rows == 0 or rows >= _FEW else _OF_FEW
    if rows > _MANY:
        sizes = _OF_MANY
    if not named:
        return dict(sizes)
    if len(named) == 2 and rows <= _MANY:
        return {"train": "train", **named}
    # Carved from the training split: what has no name, and all of training where it is large.
    carved: dict[str, int | float] = {split: size for split, size in sizes.items() if split not in named}
    if rows <= _MANY and rows:
        carved["train"] = round(1 - sum(carved[split] for split in carved if split != "train"), 2)
    return {split: named[split] if split in named else carved[split] for split in ("train", "validation", "test")}
