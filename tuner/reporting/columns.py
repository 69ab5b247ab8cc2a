"""Tables in columns for people: never wider than the terminal, and plain text where the output is no terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

#: Columns of a line where the output is no terminal and COLUMNS does not say.
PIPED_WIDTH = 120
_GAP = 2
_ELLIPSIS = "…"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table."""

    title: str
    #: One text a row.
    cells: Sequence[str]
    #: Whether its texts end at the same place, as numbers do.
    right: bool = False
    #: The fewest characters to which the column may be cut; None where it is never cut.
    least: int | None = None
    #: Styles of rich, by the text of a cell.
    styles: Mapping[str, str] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Characters of its widest text."""
        return max(cell_len(text) for text in (self.title, *map(printable, self.cells)))


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
        text = line if isinstance(line, Text) else Text(line)
        if cell_len(text.plain) > out.width:
            text = text.copy()
            text.truncate(out.width, overflow="ellipsis")
        out.print(text, soft_wrap=True)


def printable(text: str) -> str:
    """Return a text in one line, without characters that would change the terminal."""
    return "".join(each if each.isprintable() else " " if each.isspace() else "\ufffd" for each in text)


def table(columns: Sequence[Column], width: int) -> list[Text]:
    """Return the lines of a table, titles first; columns that may be cut share what the others leave of the width.

    Args:
        columns: The columns, all with as many cells.
        width: Characters of a line.
    """
    widths = _widths(columns, width)
    lines = [_line([(each.title, each, "bold") for each in columns], widths)]
    for cells in zip(*(each.cells for each in columns), strict=True):
        pairs = zip(cells, columns, strict=True)
        lines.append(_line([(printable(text), each, each.styles.get(text, "")) for text, each in pairs], widths))
    return lines


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


def _line(cells: Sequence[tuple[str, Column, str]], widths: Sequence[int]) -> Text:
    line = Text()
    for index, ((text, column, style), width) in enumerate(zip(cells, widths, strict=True)):
        shown = text if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}{_ELLIPSIS}"
        space = " " * (width - cell_len(shown))
        if index:
            line.append(" " * _GAP)
        line.append(space if column.right else "")
        line.append(shown, style=style)
        line.append("" if column.right else space)
    line.rstrip()
    return line
