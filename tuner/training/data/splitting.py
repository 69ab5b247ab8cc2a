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
    #: Sentences for the user.
    warnings: tuple[str, ...]


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
        names: Names of these classes.
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
        return Carved(splits={split: made[split] for split in plan.order}, unused=0, warnings=())
    base = rows[plan.base]
    total = len(base)
    sizes = _sizes(plan.carved, total)
    if plan.named.get("train") == plan.base:
        sizes["train"] = total - sum(sizes.values())
    classes = np.zeros(total, dtype=np.int64) if labels is None else labels
    warnings: list[str] = []
    if groups is not None:
        parts = group_order(groups, classes, sizes, seed)
    else:
        parts, rare = _stratified_parts(classes, sizes, seed)
        warnings += [
            f"class {names[each]!r} has {count} row{'' if count == 1 else 's'}, too few for {len(sizes)} splits: "
            "all of them are in training"
            for each, count in rare
        ]
    made |= {split: base.select(part) for split, part in parts.items()}
    unused = total - sum(len(part) for part in parts.values())
    return Carved(splits={split: made[split] for split in plan.order}, unused=unused, warnings=tuple(warnings))


def _sizes(carved: Mapping[str, int | float], rows: int) -> dict[str, int]:
    # 1e-6 is added because 0.29 * 100 is 28.999999999999996.
    sizes = {split: floor(size * rows + 1e-6) if size < 1 else int(size) for split, size in carved.items()}
    shares = {split: size for split, size in carved.items() if size < 1}
    if "train" in shares:  # it takes the rows that rounding down leaves of the others
        sizes["train"] = floor(sum(shares.values()) * rows + 1e-6) - sum(
            sizes[split] for split in shares if split != "train"
        )
    for split, size in sizes.items():
        if size == 0:
            raise DataError("", f"data.splits.{split}", f"{carved[split]!r} of {rows} rows is an empty split")
    if (total := sum(sizes.values())) > rows:
        asked = ", ".join(f"{split} {size}" for split, size in sizes.items())
        raise DataError("", "data.splits", f"{asked}: {total} rows are asked for, there are {rows}")
    return sizes


def _stratified_parts(
    classes: Rows, sizes: Mapping[str, int], seed: int
) -> tuple[dict[str, Rows], list[tuple[int, int]]]:
    """Cut an order of the rows into splits; return them, and the classes kept for training with their numbers of rows.

    A class with fewer rows than there are splits cannot be in each of them. It would be in training or not by the luck
    of the seed, so its rows are the first of training. A training split that lacks another class gets a row of it, in
    exchange for one of its largest class.
    """
    counts = np.bincount(classes)
    rare = [(int(each), int(counts[each])) for each in np.flatnonzero((counts > 0) & (counts < len(sizes)))]
    kept = np.flatnonzero(np.isin(classes, [each for each, _ in rare])) if len(counts) > 1 else classes[:0]
    if len(kept) and len(kept) > sizes["train"]:
        kept, rare = classes[:0], []  # training is smaller than that: nothing can be promised
    others = np.setdiff1d(np.arange(len(classes)), kept, assume_unique=True)
    if sum(sizes.values()) - len(kept) > len(others) or any(
        sizes[split] > len(others) for split in sizes if split != "train"
    ):
        kept, rare, others = classes[:0], [], np.arange(len(classes))
    order = others[stratified_order(classes[others], seed)]
    parts, start = {}, 0
    for split in _ORDER:
        if split in sizes:
            size = sizes[split] - (len(kept) if split == "train" else 0)
            parts[split] = order[start : start + size]
            start += size
    parts["train"] = np.concatenate([kept, parts["train"]])
    _complete_training(parts, classes, order[start:])
    return parts, rare


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
