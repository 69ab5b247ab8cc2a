"""Splits that keep all rows of a group, such as a patient or an author, together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tuner.errors import DataError

if TYPE_CHECKING:
    import numpy.typing as npt

    Rows = npt.NDArray[np.int64]

#: Orders of the groups that are tried; the one whose splits come nearest to sizes and shares of classes wins.
_TRIES = 64
#: Groups that all orders together may have: a study with a million groups has one order, which comes near enough.
_MOST_GROUPS = 2_000_000


def group_order(groups: Rows, classes: Rows, sizes: Mapping[str, int], seed: int) -> dict[str, Rows]:
    """Assign whole groups to splits.

    Groups are taken in a random order. Each goes to the test split, else to the validation split, else to training, as
    far as it fits there. Groups that fit nowhere are unused, or in training where the splits are to use each row. Of
    `_TRIES` such orders the best one is kept: its splits are nearest to their sizes, and their classes to the
    proportions of the whole.

    Args:
        groups: The number of each row's group. Shape: (rows,).
        classes: The number of each row's class. Shape: (rows,).
        sizes: Rows by split. A split may come out smaller, since a group is never cut; training may come out larger
            where the sizes add up to all rows.
        seed: Decides the orders.

    Returns:
        The rows of each split, in a random order.

    Raises:
        DataError: A split gets no group.
    """
    rng = np.random.default_rng(seed)
    members = np.bincount(groups)
    counts = np.bincount(classes)
    bound = _single_groups(groups, classes, len(members)) if "train" in sizes else members[:0]
    if members[bound].sum() > sizes.get("train", 0):
        bound = members[:0]
    best: tuple[float, npt.NDArray[np.int64]] | None = None
    in_order = [split for split in ("test", "validation", "train") if split in sizes]
    for _ in range(max(1, min(_TRIES, _MOST_GROUPS // len(members)))):
        assigned = _assigned(rng.permutation(len(members)), members, [sizes[split] for split in in_order], bound)
        error = 0.0
        for index, split in enumerate(in_order):
            found = np.bincount(classes[assigned[groups] == index], minlength=len(counts))
            error += float(np.abs(found - counts * (sizes[split] / len(groups))).sum()) / sizes[split]
            # A class that training lacks would be gone by the luck of the seed.
            error += float(((found == 0) & (counts > 0)).sum()) * (split == "train")
        if best is None or error < best[0]:
            best = (error, assigned)
    assert best is not None
    assigned = best[1]
    if sum(sizes.values()) == len(groups):
        assigned[assigned < 0] = in_order.index("train")
    parts = {split: np.flatnonzero(assigned[groups] == index) for index, split in enumerate(in_order)}
    for split, part in parts.items():
        if len(part) == 0 and np.count_nonzero(members) == 1:
            raise DataError("", "data.group", "all rows are of one group, which goes into one split; leave the key out")
        if len(part) == 0:
            raise DataError(
                "",
                f"data.splits.{split}",
                f"no group fits into {sizes[split]:,} rows: the smallest of {np.count_nonzero(members):,} groups has "
                f"{members[members > 0].min():,} rows; ask for more rows, or leave data.group out",
            )
    return {split: rng.permutation(part) for split, part in parts.items()}


def _single_groups(groups: Rows, classes: Rows, count: int) -> Rows:
    """Return the groups that have all rows of a class: without them, training would lack the class."""
    pairs = np.unique(classes * count + groups)
    found, number = np.unique(pairs // count, return_counts=True)
    single = pairs[np.isin(pairs // count, found[number == 1])]
    return np.unique(single % count)


def _assigned(order: Rows, members: Rows, sizes: list[int], bound: Rows) -> Rows:
    """Return the split of each group: an index of `sizes`, -1 for none. Bound groups are in the last one, training."""
    room = list(sizes)
    room[-1] -= int(members[bound].sum())
    split_of = [-1] * len(members)
    counts = members.tolist()
    for group in bound.tolist():
        split_of[group], counts[group] = len(room) - 1, 0
    for group in order.tolist():
        size = counts[group]
        for index, left in enumerate(room):
            if 0 < size <= left:
                split_of[group] = index
                room[index] -= size
                break
    return np.asarray(split_of, dtype=np.int64)
