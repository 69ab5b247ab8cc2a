"""Tables in columns for people: never wider than the terminal, and plain text where the output is no terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

#: Columns of a line where the output is no terminal and COLUMNS does not say.
PIPED_WIDTH = 120
_GAP = 2


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table."""

    title: str
    #: One text a row.
    cells: Sequence[Text | str]
    #: Whether its texts end at the same place, as numbers do.
    right: bool = False
    #: The fewest characters to which the column may be cut; None where it is never cut.
    least: int | None = None
    #: Where the table is too wide, columns with a higher number are left out first; those with 0 never are.
    rank: int = 0

    @property
    def width(self) -> int:
        """Characters of its widest text."""
        return max(cell_len(self.title), *(_text(each).cell_len for each in self.cells), 0)


def console() -> Console:
    """Return a console for results on stdout: as wide as the terminal; in a pipe `COLUMNS` wide, or 120."""
    width = None if sys.stdout.isatty() else _asked_width()
    return Console(width=width, highlight=False, markup=False, emoji=False)


def _asked_width() -> int:
    written = os.environ.get("COLUMNS", "")
    return int(written) if written.isascii() and written.isdigit() and int(written) > 0 else PIPED_WIDTH


def print_lines(lines: Iterable[Text | str]) -> None:
    """Print lines that fit the console; a longer one is cut, with an ellipsis."""
    out = console()
    for line in lines:
        out.print(fitted(line if isinstance(line, Text) else Text(line), out.width), soft_wrap=True)


def printable(text: str) -> str:
    """Return a text in one line, without characters that would change the terminal."""
    return "".join(each if each.isprintable() else " " if each.isspace() else "\ufffd" for each in text)


def fitted(line: Text, width: int, more: str = "…") -> Text:
    """Return a line cut to a width, with a sign where something is cut off, and without spaces at its end."""
    line.rstrip()
    if line.cell_len > width:
        line.truncate(max(0, width - cell_len(more)))
        line.append(more)
    return line


def table(columns: Sequence[Column], width: int, *, indent: int = 0) -> list[Text]:
    """Return the lines of a table, titles first.

    Columns are left out by their rank until the others fit. Those that may be cut share what the rest leaves.

    Args:
        columns: The columns, all with as many cells.
        width: Characters of a line.
        indent: Spaces before each line.
    """
    kept = list(columns)
    while indent + width_of(kept) > width and (least := max(kept, key=lambda each: each.rank)).rank:
        kept.remove(least)
    widths = _widths(kept, width - indent)
    rows = [[Text(each.title, style="bold") for each in kept]]
    rows += [[_text(cell) for cell in cells] for cells in zip(*(each.cells for each in kept), strict=True)]
    return [_line(cells, kept, widths, indent) for cells in rows]


def width_of(columns: Sequence[Column]) -> int:
    """Return the characters that a table needs, with the columns that may be cut at their narrowest."""
    return sum(_least(each) for each in columns) + _GAP * (len(columns) - 1)


def _least(column: Column) -> int:
    return column.width if column.least is None else min(column.width, max(column.least, cell_len(column.title)))


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    left = width - width_of(columns)
    widths = []
    for each in columns:
        more = 0 if left <= 0 else min(left, each.width - _least(each))
        left -= more
        widths.append(_least(each) + more)
    return widths


def _text(cell: Text | str) -> Text:
    return cell if isinstance(cell, Text) else Text(printable(cell))


def _line(cells: Sequence[Text], columns: Sequence[Column], widths: Sequence[int], indent: int) -> Text:
    line = Text(" " * indent)
    for index, (cell, column, width) in enumerate(zip(cells, columns, widths, strict=True)):
        shown = fitted(cell.copy(), width) if cell.cell_len > width else cell
        space = " " * (width - shown.cell_len)
        line.append(" " * _GAP if index else "")
        line.append_text(Text.assemble(space, shown) if column.right else Text.assemble(shown, space))
    line.rstrip()
    return line
