"""Splits: seeded, stratified, and carved so that a larger training split leaves the other splits unchanged."""

from __future__ import annotations

from heapq import heappop, heappush
from math import floor
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces import suggestion
from tuner.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from datasets import Dataset

#: The test split is carved first and the training split last.
_ORDER = ("test", "validation", "train")


def make_splits(
    rows: Mapping[str, Dataset], wanted: Mapping[str, int | float | str], *, label: str | None, seed: int
) -> dict[str, Dataset]:
    """Build the splits that a study file asks for.

    Args:
        rows: The source's rows, by its own splits.
        wanted: By split: the name of a split of the source, a number of examples, or a share below 1. Numbers and
            shares are carved from the source's `train` split, or from the only one.
        label: Column whose values each carved split has in the proportion of the whole; None for no such column.
        seed: Decides which rows go into which split.

    Returns:
        The splits, none of them empty.

    Raises:
        DataError: A split does not exist, is empty, or the rows do not suffice.
    """
    named = {split: name for split, name in wanted.items() if isinstance(name, str)}
    for split, name in named.items():
        if name not in rows:
            raise DataError(
                "",
                f"data.splits.{split}",
                f"the source has no split {name!r}{suggestion(name, rows)}; it has {', '.join(rows)}",
            )
    for split, name in named.items():
        if others := [other for other in named if other != split and named[other] == name]:
            raise DataError("", f"data.splits.{others[0]}", f"{name!r} is the {split} split already; name another")
    carved = {split: size for split, size in wanted.items() if not isinstance(size, str)}
    if not carved:
        return {split: rows[name] for split, name in named.items()}
    base = _base(rows, named)
    made = {split: rows[name] for split, name in named.items() if name != base}
    order = stratified_order([""] * len(rows[base]) if label is None else rows[base][label][:], seed)
    sizes = _sizes(carved, len(order))
    if "train" in named and named["train"] == base:
        sizes["train"] = len(order) - sum(sizes.values())
    start = 0
    for split in _ORDER:
        if split in sizes:
            made[split] = rows[base].select(order[start : start + sizes[split]])
            start += sizes[split]
    return {split: made[split] for split in wanted}


def _base(rows: Mapping[str, Dataset], named: Mapping[str, str]) -> str:
    base = named.get("train", "train" if "train" in rows else next(iter(rows)))
    if len(rows) > 1 and "train" not in rows and "train" not in named:
        raise DataError(
            "",
            "data.splits.train",
            f"the source has several splits ({', '.join(rows)}); name one to carve from",
        )
    if taken := [split for split, name in named.items() if name == base and split != "train"]:
        raise DataError(
            "",
            f"data.splits.{taken[0]}",
            f"{base!r} is the split that the others are carved from; name another",
        )
    return base


def _sizes(carved: Mapping[str, int | float], rows: int) -> dict[str, int]:
    # Rounded down, so that shares that sum to 1 never need more rows than there are.
    # 1e-6 is added because 0.29 * 100 is 28.999999999999996.
    sizes = {split: floor(size * rows + 1e-6) if size < 1 else int(size) for split, size in carved.items()}
    for split, size in sizes.items():
        if size == 0:
            raise DataError("", f"data.splits.{split}", f"{carved[split]!r} of {rows} rows is an empty split")
    if (total := sum(sizes.values())) > rows:
        asked = ", ".join(f"{split} {size}" for split, size in sizes.items())
        raise DataError("", "data.splits", f"{asked}: {total} rows are asked for, there are {rows}")
    return sizes


def stratified_order(labels: Sequence[Any], seed: int) -> npt.NDArray[np.int64]:
    """Return an order of the rows whose first n rows, for any n, have the classes in the proportion of the whole.

    The number of rows of a class among the first n is the class's share of n, rounded up or down. Each place goes to a
    row whose class may have one more row by then; among these, to the row with the earliest last permitted place.
    """
    rng = np.random.default_rng(seed)
    names = np.asarray([str(label) for label in labels])
    total = len(names)
    # Of each row: the first and the last place that its class's share permits, and a random number that breaks ties.
    first, last = np.empty(total, dtype=np.int64), np.empty(total, dtype=np.int64)
    for name in np.unique(names):
        members = rng.permutation(np.flatnonzero(names == name))
        rank = np.arange(len(members))
        first[members] = rank * total // len(members)
        last[members] = -(-(rank + 1) * total // len(members))
    draw = rng.random(total)
    waiting = np.lexsort((draw, first))[::-1].tolist()
    ready: list[tuple[int, float, int]] = []
    order = np.empty(total, dtype=np.int64)
    for place in range(total):
        while waiting and first[waiting[-1]] <= place:
            row = waiting.pop()
            heappush(ready, (int(last[row]), float(draw[row]), row))
        order[place] = heappop(ready)[2]
    return order
