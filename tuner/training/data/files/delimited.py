"""Reading of delimited text files, such as csv and tsv: cells are strings, exactly as they are written."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tuner.errors import DataError
from tuner.study.data_config import DataConfig, FormatConfig
from tuner.training.data.files.detection import Candidate, detect
from tuner.training.data.files.encodings import find_encoding
from tuner.training.data.files.file_rows import FileRows, PlaceKind, Wanted
from tuner.training.data.files.places import NAMED, with_others
from tuner.training.data.files.records import BrokenRecord, Record, is_blank, open_records
from tuner.training.data.files.swallowed import Swallowed
from tuner.training.data.files.text_file import TextFile
from tuner.training.data.files.values import shown
from tuner.training.progress import Progress

#: Records between two looks at how much is read, and bytes from which their cells become a piece of the table.
_BATCH = 64
_PIECE = 4 << 20
#: Records of which a piece is made at the latest: strings need more memory than the table.
_ROWS = 8192
#: Stands for the column of R's row names; no header holds it, for a header is one line.
_ROW_NAMES = "row names\n"
#: The beginning of the names that stand for columns without one, which may hold the rest of a text.
_OVERFLOW = "overflow\n"


def read_delimited(path: Path, name: str, wanted: Wanted, data: DataConfig, progress: Progress) -> FileRows:
    """Read a delimited text file.

    Args:
        path: The file; a compressed one (.gz, .bz2, .xz) is unpacked.
        name: The file's path as messages name it.
        wanted: The columns to read.
        data: The study's `data`, whose `format` overrules detection.
        progress: Is called with the bytes that are read.

    Raises:
        DataError: The file cannot be read, does not have the columns, is broken, or can be read in more than one way.
    """
    encoding = find_encoding(path, data.format.encoding, name)
    found = detect(TextFile(path, name, encoding), wanted, data.format)
    try:
        return _Reading(found.file, found.best, wanted, data.format, progress).read()
    except _NotSo as error:
        further = max(found.rivals, key=lambda each: each.failure or 0, default=None)
        if further is not None and (further.failure or 0) > error.line:
            # Another dialect reads more of the file, so that its mistake is the one to mend.
            try:
                return _Reading(found.file, further, wanted, data.format, progress).read()
            except _NotSo as other:
                error = other
        raise DataError("", "data.source", error.reason) from error


class _NotSo(Exception):
    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line = line
        self.reason = reason


class _Reading:
    """One pass over a file in one dialect."""

    def __init__(
        self, file: TextFile, candidate: Candidate, wanted: Wanted, form: FormatConfig, progress: Progress
    ) -> None:
        self._file = file
        self._dialect = candidate.dialect
        self._layout = candidate.layout
        self._wanted = wanted
        self._form = form
        self._progress = progress
        #: Places of the columns in a record. R's row names are read as well, to see that they differ.
        self._places = {name: self._layout.index(name) for name in wanted.names}
        if self._layout.row_names:
            self._places[_ROW_NAMES] = 0
        self._places |= {f"{_OVERFLOW}{at}": at for at in self._layout.overflow}
        #: The cells of the next piece, by column. Records are not kept: a million lists would be searched for garbage.
        self._cells: list[list[str]] = [[] for _ in self._places]
        self._pieces: list[pa.RecordBatch] = []
        self._numbers = array("q")
        self._blank = 0
        self._swallowed = Swallowed(self._layout, self._dialect, wanted)

    def read(self) -> FileRows:
        """Read the file."""
        self._check_names()
        lines = self._read_records()
        table = pa.Table.from_batches(self._pieces, pa.schema([(name, pa.large_string()) for name in self._places]))
        if self._layout.row_names:
            self._check_row_names(table.column(_ROW_NAMES))
        overflow = self._overflow(table)
        table = table.select([*self._wanted.names])
        if self._form.quote is None:
            self._swallowed.check(self._file.name, table)
        header = "" if self._layout.has_header else ", no header"
        return FileRows(
            name=self._file.name,
            table=table,
            kind=PlaceKind.LINE,
            numbers=np.frombuffer(self._numbers, dtype=np.int64) if self._numbers else np.empty(0, np.int64),
            # Columns that the study does not name are no reason for a warning, though the file has them unawares.
            reading="; ".join(
                (f"{lines:,} lines, {self._dialect}, {self._file.encoding}{header}", *self._layout.notes)
            ),
            blank=self._blank,
            notes=overflow,
        )

    def _overflow(self, table: pa.Table) -> tuple[str, ...]:
        """Return a sentence about rows that hold something in columns without a name: texts were cut at separators."""
        held = np.zeros(len(table), dtype=bool)
        for at in self._layout.overflow:
            held |= pc.greater(pc.binary_length(table.column(f"{_OVERFLOW}{at}")), 0).to_numpy()
        if not held.any():
            return ()
        count, first = int(held.sum()), self._numbers[int(held.argmax())]
        rows = f"{count:,} {'row holds' if count == 1 else 'rows hold'}"
        return (
            f"{rows} something in columns without a name, the first on line {first}; is a text cut at a separator?",
        )

    def _check_names(self) -> None:
        for key, names in self._wanted.by_key.items():
            for name in names:
                if self._layout.names.count(name) > 1:
                    reason = f"the header of {self._file.name} names the column {name!r} twice; rename one of them"
                    raise DataError("", f"data.{key}", reason)

    def _check_row_names(self, column: pa.ChunkedArray) -> None:
        if pc.count_distinct(column).as_py() < len(column):
            width = self._layout.width
            raise DataError(
                "",
                "data.source",
                f"every record of {self._file.name} has {width} cells where the header names {width - 1} columns, and "
                "the first cells are no names of rows, for they repeat; name all columns",
            )

    def _read_records(self) -> int:
        """Read all records into pieces, and return the number of lines."""
        stage = f"reading {self._file.name}"
        size = self._file.path.stat().st_size
        last: Record = (self._dialect.skipped, [])
        position = 0
        with open_records(self._file, self._dialect) as (records, raw):
            if self._layout.has_header:
                last = self._skip_header(records)
            try:
                while batch := list(islice(records, _BATCH)):
                    self._add(batch, last, records)
                    last = batch[-1]
                    if raw.tell() - position >= _PIECE or len(self._cells[0]) >= _ROWS:
                        position = raw.tell()
                        self._finish_piece()
                        self._progress(stage, min(position, size), size)
            except BrokenRecord as error:
                raise _NotSo(error.line, self._broken(error)) from error
        self._finish_piece()
        self._progress(stage, size, size)
        self._swallowed.look(*last)
        return last[0] + sum(cell.count(self._file.newline) for cell in last[1])

    def _skip_header(self, records: Iterator[Record]) -> Record:
        for number, cells in records:
            if not is_blank(cells):
                return number, cells
            self._blank += 1
        raise AssertionError("the layout has read the header")

    def _add(self, batch: list[Record], last: Record, records: Iterator[Record]) -> None:
        width, trailing = self._layout.width, self._layout.trailing
        probe = self._layout.index(self._wanted.names[0])
        numbers, rows = zip(*batch, strict=True)
        follow = numbers[0] == last[0] + 1 and numbers[-1] - numbers[0] == len(numbers) - 1
        if follow and not trailing and set(map(len, rows)) == {width} and all(row[probe] for row in rows):
            # The usual records, one a line and none of them blank, need no look at each.
            self._numbers.extend(numbers)
            self._keep(rows)
            return
        previous, previous_cells = last
        for number, cells in batch:
            if number != previous + 1:
                self._swallowed.look(previous, previous_cells)
            previous, previous_cells = number, cells
            # A cell that is not empty shows without a look at the others that the record is not blank.
            if len(cells) != width or not cells[probe]:
                if is_blank(cells):
                    self._blank += 1
                    continue
                if len(cells) != width:
                    raise _NotSo(number, self._ragged(number, cells, chain(batch, records)))
            if trailing and any(cells[-trailing:]):
                raise _NotSo(number, self._ragged(number, cells, chain(batch, records)))
            self._numbers.append(number)
            self._keep((cells,))

    def _keep(self, rows: Sequence[list[str]]) -> None:
        for kept, at in zip(self._cells, self._places.values(), strict=True):
            kept.extend([row[at] for row in rows])

    def _finish_piece(self) -> None:
        if not (rows := len(self._cells[0])):
            return
        try:
            columns = [pa.array(cells, pa.large_string()) for cells in self._cells]
        except (UnicodeError, pa.ArrowException) as error:
            first, end = self._numbers[-rows], self._numbers[-1]
            reason = f"{self._file.name}, lines {first} to {end} hold half a character, which no encoding has"
            raise DataError("", "data.format.encoding", f"{reason}; name the file's encoding") from error
        self._pieces.append(pa.RecordBatch.from_arrays(columns, names=list(self._places)))
        self._cells = [[] for _ in self._places]

    def _ragged(self, number: int, cells: list[str], records: Iterable[Record]) -> str:
        width = len(self._layout.names)
        expected, others, count = self._layout.width, [], 0
        with suppress(BrokenRecord):
            for at, each in records:
                if at > number and len(each) != expected and not is_blank(each):
                    count += 1
                    others += [f"line {at}"] if count <= NAMED else []
        places = with_others(f"{self._file.name}, line {number}", others, count)
        named = "the header names" if self._layout.has_header else "there are"
        beginning = shown(self._dialect.separator.join(cells))
        return (
            f"{places} has {len(cells)} {'cell' if len(cells) == 1 else 'cells'} where {named} "
            f"{width} {'column' if width == 1 else 'columns'}: {beginning}; mend the line, or write in "
            f"data.format how the file is written (it was read as {self._dialect})"
        )

    def _broken(self, error: BrokenRecord) -> str:
        quote = self._dialect.quote
        if quote is None:
            return f"{self._file.name}, line {error.line} cannot be read as {self._dialect}: {error.reason}"
        return (
            f"{self._file.name}, line {error.line}: a {quote} opens at the beginning of a cell and is not closed at "
            f"the end of one ({error.reason}); close or double the quotes, or write data.format.quote: none where "
            "they belong to the texts"
        )
