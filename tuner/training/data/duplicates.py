"""Rows with equal inputs: counted between splits and where their labels differ, and left out where the study says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from datasets import Dataset

    Identities = Mapping[str, npt.NDArray[np.int64]]


def without_duplicates(
    rows: Mapping[str, Dataset], identities: Identities, order: Sequence[str]
) -> tuple[dict[str, Dataset], int]:
    """Keep the first of several rows with equal inputs.

    Args:
        rows: Rows by split of the source.
        identities: As `Task.identities` returned them, by the same splits.
        order: The splits, first those that keep a row which others have, too: test and validation before training.

    Returns:
        The rows, and how many are left out.
    """
    kept, seen, left = {}, np.empty(0, dtype=np.int64), 0
    for split in order:
        found = identities[split]
        _, first = np.unique(found, return_index=True)
        first = np.sort(first[~np.isin(found[first], seen)])
        seen = np.concatenate([seen, found[first]])
        left += len(found) - len(first)
        kept[split] = rows[split] if len(first) == len(found) else rows[split].select(first)
    return {split: kept[split] for split in rows}, left


def shared_with_training(identities: Identities) -> dict[str, int]:
    """Return how many rows of each other split have inputs that training has, too; splits without any are left out."""
    train = identities["train"]
    counts = {split: int(np.isin(found, train).sum()) for split, found in identities.items() if split != "train"}
    return {split: count for split, count in counts.items() if count}


def contradictions(identities: npt.NDArray[np.int64], classes: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Return the rows whose inputs other rows have with another class.

    Args:
        identities: As `Task.identities` returned them. Shape: (rows,).
        classes: The number of each row's class. Shape: (rows,).

    Returns:
        For each such input the places of its rows in the arrays, in their order; the inputs are in the order of their
        first rows.
    """
    order = np.argsort(identities, kind="stable")
    in_order = identities[order]
    starts = np.append(0, np.flatnonzero(in_order[1:] != in_order[:-1]) + 1)
    if len(starts) >= len(order):  # no input stands twice
        return []
    differ = np.maximum.reduceat(classes[order], starts) != np.minimum.reduceat(classes[order], starts)
    ends = np.append(starts[1:], len(order))
    found = [order[start:end] for start, end in zip(starts[differ], ends[differ], strict=True)]
    return sorted(found, key=lambda rows: int(rows[0]))
