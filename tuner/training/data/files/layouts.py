"""The columns of a delimited file, as its header and its first records tell them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from tuner.training.data.files.dialects import Dialect
from tuner.training.data.files.file_rows import Wanted
from tuner.training.data.files.records import BrokenRecord, Record, is_blank, open_records
from tuner.training.data.files.text_file import TextFile

#: Names of rows that are no numbers: so many that differ are no chance.
_MANY = 20
#: Records at the beginning from which the layout is told. Later ones must keep to it.
_SAMPLE = 1000

Header = bool | list[str] | None


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The columns of a file in one dialect."""

    names: tuple[str, ...]
    #: Whether the first record holds the names.
    has_header: bool
    #: The first column is that of R's row names, which the header does not name.
    row_names: bool = False
    #: Empty cells that end each record but the header.
    trailing: int = 0
    #: Whether all records of the sample have the cells that the layout asks for.
    is_clean: bool = True

    @property
    def width(self) -> int:
        """Cells of each record."""
        return len(self.names) + self.row_names + self.trailing

    @property
    def is_plain(self) -> bool:
        """Whether records have the cells that the header has, and no more."""
        return self.width == len(self.names)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about columns that the file has without saying so."""
        notes = []
        if self.row_names:
            notes.append("each record has a cell more than the header; the first, the name of a row, is not read")
        if self.trailing == 1:
            notes.append("a separator ends each record but the header; the empty cell behind it is not read")
        elif self.trailing:
            notes.append(f"{self.trailing} empty cells end each record but the header; they are not read")
        if unnamed := [str(at) for at, name in enumerate(self.names, start=1) if not name]:
            these = "column {}, which is" if len(unnamed) == 1 else "columns {}, which are"
            notes.append(f"the header gives no name to {these.format(', '.join(unnamed))} not read")
        return tuple(notes)

    @property
    def overflow(self) -> tuple[int, ...]:
        """Places of columns without a name that may hold the rest of a text. The first column is an index."""
        return tuple(at + self.row_names for at, name in enumerate(self.names) if at and not name)

    def index(self, name: str) -> int:
        """Return the place in a record of the column of a name."""
        return self.names.index(name) + self.row_names


def first_records(file: TextFile, dialect: Dialect, count: int = _SAMPLE) -> list[Record]:
    """Return records at the beginning of a file that are not blank, up to the first that is broken."""
    kept: list[Record] = []
    with open_records(file, dialect) as (records, _raw), suppress(BrokenRecord):
        kept.extend(islice((record for record in records if not is_blank(record[1])), count))
    return kept


def lay_out(file: TextFile, dialect: Dialect, wanted: Wanted, header: Header) -> Layout | None:
    """Return the layout of a file in a dialect; None where it lacks a column that is wanted."""
    if not (first := first_records(file, dialect, 1)):
        return None
    named = not isinstance(header, list) and header is not False
    if isinstance(header, list):
        names = tuple(header)
    else:
        names = tuple(first[0][1]) if named else tuple(str(at) for at in range(1, len(first[0][1]) + 1))
    if not set(wanted.names) <= set(names):
        return None
    body = [cells for _, cells in first_records(file, dialect)[named:]]
    width = len(names)
    more = len(body[0]) - width if named and body else 0
    if more > 0 and all(len(cells) == width + more for cells in body):
        if not any(any(cells[width:]) for cells in body):
            return Layout(names=names, has_header=True, trailing=more)
        if more == 1 and _are_row_names([cells[0] for cells in body]):
            return Layout(names=names, has_header=True, row_names=True)
    return Layout(names=names, has_header=named, is_clean=all(len(cells) == width for cells in body))


def _are_row_names(cells: list[str]) -> bool:
    # R numbers rows from 1 where they have no names.
    numbered = all(cell.isdecimal() for cell in cells)
    return len(set(cells)) == len(cells) and (numbered or len(cells) >= _MANY)
