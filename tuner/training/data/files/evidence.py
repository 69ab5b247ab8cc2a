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
    quote, escape = dialect.quote or "", dialect.escape or ""
    cell = _cell_pattern(dialect)
    separator = dialect.separator
    counts: Counter[str] = Counter()
    wrapped: Counter[int] = Counter()
    plain: Counter[int] = Counter()
    spans = False
    first_escape = first_stray = 0
    with open_records(file, dialect) as (records, _raw), file.lines(dialect.skipped) as (lines, _):
        starts = (number for number, _cells in records)
        for at, (begin, end) in enumerate(pairwise(_with_end(starts))):
            size = None if begin is None or end is None else end - begin
            text = "".join(islice(lines, size)).rstrip("\r\n")
            if at == 0 and layout.has_header:
                continue
            spans = spans or (size is not None and size > 1) or "\n" in text
            for column, match in enumerate(cell.finditer(text)):
                inner, outer = match["inner"], match["outer"]
                if inner is not None:
                    wrapped[column] += 1
                    counts["needed"] += any(sign in inner for sign in (separator, "\n", "\r", quote))
                elif outer not in _UNQUOTED:
                    plain[column] += 1
                    counts["bare"] += bool(quote) and quote in _without_escapes(outer, escape)
            if escape:
                for follower in re.findall(re.escape(escape) + "(.?)", text, re.DOTALL):
                    counts["escapes"] += 1
                    first_escape = first_escape or begin or 0
                    if follower == "" or follower not in (quote, separator, escape, "\n", "\r"):
                        counts["strays"] += 1
                        first_stray = first_stray or begin or 0
    return Evidence(
        wrapped=wrapped.total(),
        needed=counts["needed"],
        bare=counts["bare"],
        spans=spans,
        by_column=not any(plain[column] for column in wrapped),
        escapes=counts["escapes"],
        strays=counts["strays"],
        first_escape=first_escape,
        first_stray=first_stray,
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
