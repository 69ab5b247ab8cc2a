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
    shape = (len(members), int(classes.max(initial=0)) + 1)
    by_class = np.zeros(shape, dtype=np.int64)
    np.add.at(by_class, (groups, classes), 1)
    shares = by_class.sum(axis=0) / max(1, len(groups))
    best: tuple[float, npt.NDArray[np.int64]] | None = None
    in_order = [split for split in ("test", "validation", "train") if split in sizes]
    for _ in range(_TRIES):
        assigned = _assigned(rng.permutation(len(members)), members, [sizes[split] for split in in_order])
        error = 0.0
        for index, split in enumerate(in_order):
            found = by_class[assigned == index].sum(axis=0)
            error += float(np.abs(found - shares * sizes[split]).sum()) / sizes[split]
        if best is None or error < best[0]:
            best = (error, assigned)
    assert best is not None
    assigned = best[1]
    if sum(sizes.values()) == len(groups):
        assigned[assigned < 0] = in_order.index("train")
    parts = {split: np.flatnonzero(assigned[groups] == index) for index, split in enumerate(in_order)}
    for split, part in parts.items():
        if len(part) == 0:
            raise DataError(
                "",
                f"data.splits.{split}",
                f"no group fits into {sizes[split]:,} rows: the smallest of {np.count_nonzero(members):,} groups has "
                f"{members[members > 0].min():,} rows; ask for more rows, or leave data.group out",
            )
    return {split: rng.permutation(part) for split, part in parts.items()}


def _assigned(order: Rows, members: Rows, sizes: list[int]) -> Rows:
    """Return the split of each group: an index of `sizes`, -1 for none."""
    room = list(sizes)
    assigned = np.full(len(members), -1, dtype=np.int64)
    for group in order:
        for index, left in enumerate(room):
            if 0 < members[group] <= left:
                assigned[group] = index
                room[index] -= int(members[group])
                break
    return assigned
