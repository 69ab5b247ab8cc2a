"""An account of a study's data: how files were read, which rows are used, lengths, and the value of guessing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LeftOut:
    """Rows that are in no split, for one reason."""

    #: The end of a sentence that begins with the number of rows: `by data.where`.
    reason: str
    count: int


@dataclass(frozen=True, kw_only=True)
class RowCounts:
    """All rows that were read. `read` is the sum of the splits and of the rows that are left out."""

    read: int
    left_out: tuple[LeftOut, ...]
    #: Rows by split.
    splits: Mapping[str, int]
    #: Rows by class and split; empty where targets are no classes.
    classes: Mapping[str, Mapping[str, int]]

    @property
    def used(self) -> int:
        """Rows in the splits."""
        return sum(self.splits.values())


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Tokens of the training and validation texts before they are cut."""

    median: int
    longest: int
    #: The smallest `max_length` that cuts at most one text in twenty.
    keeps_95: int
    #: Tokens that are kept of a text: `max_length`, or less where the model has a limit of its own.
    limit: int
    #: Share of the texts that are cut, 0 to 1.
    texts_cut: float
    #: Share of all tokens that are cut off, 0 to 1.
    tokens_cut: float


@dataclass(frozen=True, kw_only=True)
class DataReport:
    """The account."""

    #: A line a file: its name, and how it was read.
    reading: tuple[str, ...]
    rows: RowCounts
    #: The study's metric on the validation split where every row is given the largest class of training; None where
    #: the task's targets are no classes.
    guess: float | None
    #: None for tasks without texts.
    lengths: Lengths | None
    #: Sentences about the data that the user should read before a search is paid for.
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the account as JSON values."""
        rows = self.rows
        return {
            "reading": list(self.reading),
            "rows": {
                "read": rows.read,
                "used": rows.used,
                "left_out": [{"reason": each.reason, "count": each.count} for each in rows.left_out],
                "splits": dict(rows.splits),
                "classes": {name: dict(counts) for name, counts in rows.classes.items()},
            },
            "guess": self.guess,
            "lengths": None if self.lengths is None else vars(self.lengths).copy(),
            "warnings": list(self.warnings),
        }
