"""The records of a delimited file in a dialect, each with the line on which it begins."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from tuner.training.data.files.dialects import Dialect
from tuner.training.data.files.text_file import TextFile

#: Characters of one cell; a quote that is never closed takes in no more.
LONGEST_CELL = 16_000_000
_INNER_RETURN = re.compile(r"\r(?=\r*[^\r\n])")
Record = tuple[int, list[str]]


class BrokenRecord(Exception):
    """A record is not written in the dialect.

    Attributes:
        line: The line on which it begins.
        reason: The mistake, as the module csv says it.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line = line
        self.reason = reason


@contextmanager
def open_records(file: TextFile, dialect: Dialect) -> Iterator[tuple[Iterator[Record], BinaryIO]]:
    """Open the records of a file.

    Args:
        file: The file.
        dialect: How it is written.

    Yields:
        The records, each with the line on which it begins, the empty ones included; and the file on disk, whose
        position tells how much is read. The records raise `BrokenRecord`.
    """
    with file.lines(dialect.skipped) as (lines, raw):
        # The limit holds for the whole process. Contexts of files that are read beside each other end in turn.
        limit = csv.field_size_limit(LONGEST_CELL)
        try:
            yield _records(lines, dialect, file.stand_in), raw
        finally:
            csv.field_size_limit(limit)


def is_blank(cells: list[str]) -> bool:
    """Return whether a record holds nothing: no cells, empty cells alone, or one cell of blanks."""
    return not any(cells) or (len(cells) == 1 and not cells[0].strip())


def _records(lines: Iterator[str], dialect: Dialect, stand_in: str | None) -> Iterator[Record]:
    first = dialect.skipped + 1
    if dialect.quote is None and dialect.escape is None:
        separator = dialect.separator
        for number, line in enumerate(lines, first):
            yield number, line.rstrip("\r\n").split(separator)
        return
    mark = stand_in
    reader = csv.reader(
        lines if mark is None else (_INNER_RETURN.sub(mark, line) for line in lines),
        delimiter=dialect.separator,
        quotechar=dialect.quote,
        quoting=csv.QUOTE_NONE if dialect.quote is None else csv.QUOTE_MINIMAL,
        doublequote=dialect.escape is None,
        escapechar=dialect.escape,
        strict=True,
    )
    number = first
    try:
        for cells in reader:
            yield number, cells if mark is None else [cell.replace(mark, "\r") for cell in cells]
            number = first + reader.line_num
    except csv.Error as error:
        raise BrokenRecord(number, str(error)) from error
