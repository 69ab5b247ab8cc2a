"""A table of the live view: columns that fit a width, the least needed of them left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich.cells import cell_len
from rich.text import Text

#: Spaces before the first column, and between two columns.
INDENT, GAP = 1, 2


class Side(StrEnum):
    """The side at which the cells of a column begin."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column: its head, and a cell for each row."""

    head: str
    cells: Sequence[Text]
    side: Side = Side.LEFT
    #: Columns with a higher number are left out first; those with 0 never are.
    rank: int = 0

    @property
    def width(self) -> int:
        """Columns of the terminal that the widest cell takes."""
        return max(cell_len(self.head), *(each.cell_len for each in self.cells), 0)


def table(columns: Sequence[Column], width: int) -> list[Text]:
    """Return the head and the rows of a table, none wider than `width`."""
    kept = _fitting(columns, width)
    rows = max((len(column.cells) for column in kept), default=0)
    lines = [_line([Text(column.head, style="bold") for column in kept], kept)]
    lines += [_line([column.cells[row] for column in kept], kept) for row in range(rows)]
    return [fitted(line, width) for line in lines]


def fitted(line: Text, width: int, more: str = "…") -> Text:
    """Return a line cut to a width, with a sign where something is cut off."""
    line.rstrip()
    if line.cell_len > width:
        line.truncate(max(0, width - cell_len(more)))
        line.append(more)
    return line


def _fitting(columns: Sequence[Column], width: int) -> list[Column]:
    kept = list(columns)
    while INDENT + sum(each.width + GAP for each in kept) - GAP > width:
        least = max(kept, key=lambda each: each.rank)
        if least.rank == 0:
            return kept
        kept.remove(least)
    return kept


def _line(cells: Sequence[Text], columns: Sequence[Column]) -> Text:
    line = Text(" " * INDENT)
    for cell, column in zip(cells, columns, strict=True):
        padding = " " * (column.width - cell.cell_len)
        line.append_text(Text.assemble(padding, cell) if column.side is Side.RIGHT else Text.assemble(cell, padding))
        line.append(" " * GAP)
    return line
