"""Sentences for the user about the classes and the inputs of splits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.training.data.duplicates import contradictions
from tuner.training.data.files.places import RowRemark

if TYPE_CHECKING:
    import numpy.typing as npt

#: Classes that a sentence names.
_NAMED = 8


def rare_classes(rare: Mapping[str, int], splits: int) -> list[str]:
    """Return a sentence about classes whose rows are all in training.

    Args:
        rare: Rows by the name of such a class.
        splits: Number of splits.
    """
    if not rare:
        return []
    if len(rare) == 1:
        ((name, count),) = rare.items()
        few = f"class {name!r} has {_rows(count)}, too few for {splits} splits"
    else:
        few = f"classes {_named(f'{name!r} ({_rows(count)})' for name, count in rare.items())} have too few rows for "
        few += f"{splits} splits"
    return [f"{few}: all of them are in training"]


def absent_classes(targets: Mapping[str, npt.NDArray[Any]], classes: Sequence[str], known: Iterable[str]) -> list[str]:
    """Return a sentence about classes of which the validation split has no row.

    Args:
        targets: Numbers of classes by split.
        classes: The names of the classes.
        known: Those of which the user has read already.
    """
    if not classes:
        return []
    present = np.bincount(targets["validation"], minlength=len(classes)) > 0
    told = set(known)
    absent = [name for name, there in zip(classes, present, strict=True) if not there and name not in told]
    if not absent:
        return []
    return [
        f"the validation split has no row of class {_named(map(repr, absent))}: no metric sees how well it is learnt"
    ]


def contradicting_labels(
    identities: npt.NDArray[np.int64], classes: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], end: str
) -> list[RowRemark]:
    """Return a remark about inputs that stand several times with different labels.

    Args:
        identities: As `Task.identities` returned them. Shape: (rows,).
        classes: The number of each row's class. Shape: (rows,).
        rows: The number of each row in the column `ROW`. Shape: (rows,).
        end: The end of the sentence.
    """
    found = contradictions(identities, classes)
    if not found:
        return []
    first = min((rows[places] for places in found), key=lambda numbers: int(numbers.min()))
    count = sum(map(len, found))
    those = "the same input has" if len(found) == 1 else f"{len(found):,} inputs, in {count:,} rows, have"
    such = "" if len(found) == 1 else ", such as this one"
    return [RowRemark(f"{those} different labels{such}; {end}", tuple(first.tolist()))]


def _rows(count: int) -> str:
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def _named(shown: Iterable[str]) -> str:
    listed = list(shown)
    more = f" and {len(listed) - _NAMED:,} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more
