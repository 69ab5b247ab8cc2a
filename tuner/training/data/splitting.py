"""Splits: seeded, stratified, and carved so that a larger training split leaves the other splits unchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import floor
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.errors import DataError
from tuner.training.data.groups import group_order
from tuner.training.data.split_plan import SplitPlan

if TYPE_CHECKING:
    import numpy.typing as npt
    from datasets import Dataset

    Rows = npt.NDArray[np.int64]

#: The test split is carved first and the training split last.
_ORDER = ("test", "validation", "train")


@dataclass(frozen=True, kw_only=True)
class Carved:
    """The splits, and an account of their making."""

    splits: dict[str, Dataset]
    #: Rows of the base that are in no split, since the study asks for fewer.
    unused: int
    #: Names of the classes whose rows are all in training, since they are fewer than the splits; and their rows.
    rare: Mapping[str, int]


def make_splits(
    rows: Mapping[str, Dataset],
    plan: SplitPlan,
    *,
    labels: Rows | None = None,
    names: Sequence[str] = (),
    groups: Rows | None = None,
    seed: int,
) -> Carved:
    """Build the splits of a plan.

    Args:
        rows: The source's rows, by its own splits; those that the plan needs.
        plan: The splits of the study.
        labels: The number of each row's class in the base, whose classes each carved split has in the proportion of
            the whole; None for no such classes. Classes are drawn in the order of their numbers. Shape: (rows of the
            base,).
        names: Names of these classes. Classes of one name, such as words that the study gives one name, are drawn
            apart and counted together.
        groups: The number of each row's group in the base; a group stays in one split. None for no groups. Shape:
            (rows of the base,).
        seed: Decides which rows go into which split.

    Returns:
        The splits, none of which is carved empty.

    Raises:
        DataError: A split is empty, or the rows do not suffice.
    """
    made = {split: rows[name] for split, name in plan.named.items() if name != plan.base or not plan.carved}
    if plan.base is None:
        return Carved(splits={split: made[split] for split in plan.order}, unused=0, rare={})
    base = rows[plan.base]
    total = len(base)
    sizes = _sizes(plan.carved, total)
    if plan.named.get("train") == plan.base:
        sizes["train"] = total - sum(sizes.values())
    classes = np.zeros(total, dtype=np.int64) if labels is None else labels
    rare: dict[str, int] = {}
    if groups is not None:
        parts = group_order(groups, classes, sizes, seed)
    else:
        small = _rare_classes(classes, names, len(sizes), sizes["train"])
        numbers = [each for found in small.values() for each in found]
        rare = {name: int(np.isin(classes, found).sum()) for name, found in small.items()}
        parts = _stratified_parts(classes, numbers, sizes, seed)
    made |= {split: base.select(part) for split, part in parts.items()}
    unused = total - sum(len(part) for part in parts.values())
    return Carved(splits={split: made[split] for split in plan.order}, unused=unused, rare=rare)


def _sizes(carved: Mapping[str, int | float], rows: int) -> dict[str, int]:
    # 1e-6 is added because 0.29 * 100 is 28.999999999999996.
    # 1.0 is the share of all rows, and 1 is one row.
    shares = {split: size for split, size in carved.items() if isinstance(size, float) and size <= 1}
    sizes = {split: floor(size * rows + 1e-6) if split in shares else int(size) for split, size in carved.items()}
    if "train" in shares:  # it takes the rows that rounding down leaves of the others
        sizes["train"] = floor(sum(shares.values()) * rows + 1e-6) - sum(
            sizes[split] for split in shares if split != "train"
        )
    for split, size in sizes.items():
        if size == 0:
            raise DataError(
                "",
                f"data.splits.{split}",
                f"{carved[split]!r} of {rows} {'row' if rows == 1 else 'rows'} is an empty split",
            )
    if (total := sum(sizes.values())) > rows:
        asked = ", ".join(f"{split} {size}" for split, size in sizes.items())
        raise DataError("", "data.splits", f"{asked}: {total} rows are asked for, there are {rows}")
    return sizes


def _rare_classes(classes: Rows, names: Sequence[str], splits: int, room: int) -> dict[str, list[int]]:
    """Return the classes with fewer rows than there are splits, by name with their numbers.

    Such a class cannot be in each split. It would be in training or not by the luck of the seed. There are none where
    training has no room for all of their rows: then nothing can be promised.
    """
    if not names:
        return {}
    counts = np.bincount(classes, minlength=len(names))
    members: dict[str, list[int]] = {}
    for each in np.flatnonzero(counts).tolist():
        members.setdefault(names[each], []).append(each)
    rare = {name: found for name, found in members.items() if counts[found].sum() < splits}
    kept = sum(int(counts[found].sum()) for found in rare.values())
    return rare if kept <= room and len(members) > 1 else {}


def _stratified_parts(classes: Rows, rare: Sequence[int], sizes: Mapping[str, int], seed: int) -> dict[str, Rows]:
    """Cut an order of the rows into splits.

    Rows of rare classes are the first of training. A training split that lacks another class gets a row of it, in
    exchange for one of its largest class.
    """
    is_kept = np.isin(classes, rare)
    kept, others = np.flatnonzero(is_kept), np.flatnonzero(~is_kept)
    order = others[stratified_order(classes[others], seed)]
    parts, start = {}, 0
    for split in _ORDER:
        if split in sizes:
            size = sizes[split] - (len(kept) if split == "train" else 0)
            parts[split] = order[start : start + size]
            start += size
    parts["train"] = np.concatenate([kept, parts["train"]])
    _complete_training(parts, classes, order[start:])
    return parts


def _complete_training(parts: dict[str, Rows], classes: Rows, unused: Rows) -> None:
    """Give training a row of each class that it lacks, where it has more rows than there are classes."""
    train = parts["train"]
    present = np.bincount(classes[train], minlength=int(classes.max(initial=0)) + 1)
    lacking = np.flatnonzero((np.bincount(classes, minlength=len(present)) > 0) & (present == 0))
    if len(lacking) == 0 or len(train) < len(np.unique(classes)):
        return
    for each in lacking:
        taken = int(np.flatnonzero(classes[train] == present.argmax())[-1])
        for place in (unused, *(parts[split] for split in ("validation", "test") if split in parts)):
            found = np.flatnonzero(classes[place] == each)
            if len(found):
                present[present.argmax()] -= 1
                present[each] += 1
                place[found[0]], train[taken] = train[taken], place[found[0]]
                break


def stratified_order(labels: Sequence[Any] | Rows, seed: int) -> Rows:
    """Return an order of the rows whose first n rows, for any n, have the classes in the proportion of the whole.

    The number of rows of a class among the first n is the class's share of n, rounded up or down. Each place goes to a
    row whose class may have one more row by then; among these, to the row with the earliest last permitted place.
    """
    rng = np.random.default_rng(seed)
    names = np.asarray(labels)
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
