"""Where each row of a source was read, so that a message about a row names the file and its line."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tuner.errors import DataError
from tuner.training.data.files.file_rows import FileRows, PlaceKind

if TYPE_CHECKING:
    import numpy.typing as npt

#: Column of every split: the number of the row among all rows that were read. It is dropped before rows are encoded.
ROW = "__row__"
#: Rows that a message names at most, behind the first one.
NAMED = 3


def place(name: str, kind: PlaceKind, number: int) -> str:
    """Return the words that name a row of a file: `reviews.csv, line 43`."""
    return f"{name}, {kind.value} {number}"


def with_others(first: str, others: Sequence[str], count: int | None = None) -> str:
    """Return a place, with the number of the others in brackets: `reviews.csv, line 43 (and 2 more: line 50, line 61)`.

    Args:
        first: The first place.
        others: The places behind it, or some at their beginning.
        count: The number of the places behind it; by default that of `others`.
    """
    count = len(others) if count is None else count
    if not count:
        return first
    named = ", ".join(others[:NAMED])
    more = ", …" if count > NAMED else ""
    return f"{first} (and {count:,} more: {named}{more})"


class RowProblem(DataError):
    """Some rows cannot be used. Preparation puts their places in front of the reason.

    Attributes:
        rows: Numbers of the rows, from their column `ROW`; at least one.
    """

    def __init__(self, key: str, reason: str, rows: Sequence[int] | npt.NDArray[np.int64]) -> None:
        super().__init__("", key, reason)
        self.rows = [int(row) for row in rows]


@dataclass(frozen=True)
class RowRemark:
    """A sentence for the user about some rows. Their places are put in front of it, as with `RowProblem`."""

    reason: str
    #: Numbers of the rows, from their column `ROW`; at least one.
    rows: tuple[int, ...]


@dataclass(frozen=True)
class _Part:
    """The rows of one file, as far as their places are concerned."""

    name: str
    kind: PlaceKind
    numbers: npt.NDArray[np.int64]
    paths: tuple[str, ...]


class Places:
    """The places of all rows of a source."""

    def __init__(self, files: Sequence[FileRows]) -> None:
        self._parts = [_Part(each.name, each.kind, each.numbers, each.paths) for each in files]
        self._starts = np.cumsum([0, *(len(each.numbers) for each in files)]).tolist()

    def of(self, row: int) -> str:
        """Return the place of a row: `reviews.csv, line 43`."""
        name, detail = self._found(row)
        return f"{name}, {detail}" if detail else name

    def say(self, remark: str | RowRemark) -> str:
        """Return a remark with the places of its rows."""
        return remark if isinstance(remark, str) else f"{self.of_all(remark.rows)}: {remark.reason}"

    def of_all(self, rows: Sequence[int]) -> str:
        """Return the place of the first row, the number of the others, and the places of some of them."""
        first, *others = sorted(rows)
        names = {self._found(row)[0] for row in rows}
        shown = [self._found(row) for row in others[:NAMED]]
        parts = [(detail if len(names) == 1 else f"{name}, {detail}") if detail else name for name, detail in shown]
        return with_others(self.of(first), parts, len(others))

    def _found(self, row: int) -> tuple[str, str]:
        index = bisect_right(self._starts, row) - 1
        part = self._parts[index]
        number = int(part.numbers[row - self._starts[index]])
        if part.kind is PlaceKind.PICTURE:
            return part.paths[number], ""
        return part.name, f"{part.kind.value} {number}"
