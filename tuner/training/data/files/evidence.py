"""The evidence in a file for a dialect with quotes: whether some writer would have put the quotes where they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

from tuner.training.data.files.dialects import Dialect
from tuner.training.data.files.layouts import Layout
from tuner.training.data.files.records import open_records
from tuner.training.data.files.text_file import TextFile

#: Cells in quotes from which their regularity is no chance.
_MANY = 20
#: Words that writers leave without quotes in columns that they quote.
_UNQUOTED = ("", "NA")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Counts over all cells of a file, the header left out, in a dialect in which every record can be read."""

    #: Cells in quotes, and those of them that hold a separator, a quote or a line end.
    wrapped: int
    needed: int
    #: Cells without quotes around them that hold one.
    bare: int
    #: Whether a record has more than one line.
    spans: bool
    #: Whether each column has all of its cells in quotes, or none.
    by_column: bool
    #: Escapes, and those of them in front of a character that needs none.
    escapes: int
    strays: int
    #: The lines on which the records with the first of each begin; 0 where there is none.
    first_escape: int
    first_stray: int

    @property
    def is_minimal(self) -> bool:
        """Whether a writer that quotes only where it must would have written the file."""
        return self.needed == self.wrapped and not self.bare and not self.strays

    @property
    def is_uniform(self) -> bool:
        """Whether a writer that quotes all words would have written the file."""
        return self.by_column and self.wrapped > 0 and not self.bare and not self.strays

    @property
    def is_certain(self) -> bool:
        """Whether so many cells are in quotes, and all of their columns, that it is no chance."""
        return self.is_uniform and self.wrapped >= _MANY


def gather(file: TextFile, dialect: Dialect, layout: Layout) -> Evidence:
    """Read a file for evidence."""
    counting = _Counting(dialect, layout.width)
    header = layout.has_header
    with open_records(file, dialect) as (records, _raw), file.lines(dialect.skipped) as (lines, _):
        # Records are read for the line on which each begins, and their text is read beside them.
        starts = (number for number, _cells in records)
        for begin, end in pairwise(_with_end(starts)):
            size = None if begin is None or end is None else end - begin
            text = "".join(islice(lines, size)).rstrip("\r\n")
            if header:
                header = not text.strip()
            else:
                counting.add(begin or 0, text, file.newline in text)
    return counting.result()


class _Counting:
    def __init__(self, dialect: Dialect, width: int) -> None:
        self._separator = dialect.separator
        self._quote = dialect.quote or ""
        self._escape = dialect.escape or ""
        self._width = width
        self._cell = _cell_pattern(dialect)
        self._counts: Counter[str] = Counter()
        self._wrapped: Counter[int] = Counter()
        #: Columns of which a cell is not in quotes.
        self._plain: set[int] = set()
        self._spans = False
        self._first_escape = self._first_stray = 0

    def add(self, line: int, text: str, spans: bool) -> None:
        """Count a record."""
        self._spans = self._spans or spans
        if self._escape and self._escape in text:
            self._add_escapes(line, text)
        elif self._quote not in text and len(self._plain) >= self._width:
            return  # it tells nothing new
        for column, match in enumerate(self._cell.finditer(text)):
            inner, outer = match["inner"], match["outer"]
            if inner is not None:
                self._wrapped[column] += 1
                self._counts["needed"] += any(sign in inner for sign in (self._separator, "\n", "\r", self._quote))
            elif outer not in _UNQUOTED:
                self._plain.add(column)
                self._counts["bare"] += bool(self._quote) and self._quote in _without_escapes(outer, self._escape)

    def _add_escapes(self, line: int, text: str) -> None:
        needing = (self._quote, self._separator, self._escape, "\n", "\r")
        for follower in re.findall(re.escape(self._escape) + "(.?)", text, re.DOTALL):
            self._counts["escapes"] += 1
            self._first_escape = self._first_escape or line
            if not follower or follower not in needing:
                self._counts["strays"] += 1
                self._first_stray = self._first_stray or line

    def result(self) -> Evidence:
        """Return the counts."""
        return Evidence(
            wrapped=self._wrapped.total(),
            needed=self._counts["needed"],
            bare=self._counts["bare"],
            spans=self._spans,
            by_column=self._plain.isdisjoint(self._wrapped),
            escapes=self._counts["escapes"],
            strays=self._counts["strays"],
            first_escape=self._first_escape,
            first_stray=self._first_stray,
        )


def _with_end(starts: Iterable[int]) -> Iterator[int | None]:
    yield from starts
    yield None


def _without_escapes(text: str, escape: str) -> str:
    return re.sub(re.escape(escape) + ".", "", text, flags=re.DOTALL) if escape else text


def _cell_pattern(dialect: Dialect) -> re.Pattern[str]:
    separator, quote = re.escape(dialect.separator), re.escape(dialect.quote or "")
    if dialect.escape is None:
        inner, outer = f"(?:[^{quote}]|{quote}{quote})*", f"[^{separator}]*"
    else:
        escape = re.escape(dialect.escape)
        inner, outer = f"(?:[^{quote}{escape}]|{escape}.)*", f"(?:[^{separator}{escape}]|{escape}.)*"
    wrapped = f"{quote}(?P<inner>{inner}){quote}(?=$|{separator})|" if quote else "(?P<inner>(?!))|"
    return re.compile(f"(?:{wrapped}(?P<outer>{outer}))(?:{separator}|$)", re.DOTALL)
