"""Reading of JSON: documents, and files with one record a line."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from tuner.errors import DataError
from tuner.study.data_config import DataConfig
from tuner.training.data.file_kinds import kind_without_rows
from tuner.training.data.files.encodings import find_encoding
from tuner.training.data.files.file_rows import ONLY, FileRows, PlaceKind, Wanted
from tuner.training.data.files.json_layouts import find_rows
from tuner.training.data.files.json_values import BrokenJson, decode, elements, is_value
from tuner.training.data.files.places import place, with_others
from tuner.training.data.files.record_table import RecordTable
from tuner.training.data.files.text_file import open_bytes, read_head
from tuner.training.progress import Progress

#: Records between two reports of progress.
_REPORTED = 10_000


def read_json(path: Path, name: str, wanted: Wanted, data: DataConfig, progress: Progress) -> dict[str, FileRows]:
    """Read a JSON file. Its content decides whether it is a document or has one record a line, not its ending.

    Args:
        path: The file.
        name: Its name in messages.
        wanted: The columns that the study needs.
        data: The study file's `data`.
        progress: Receives the bytes, or the characters, that are read.

    Returns:
        The rows by split; one split, `ONLY`, where the file has none.

    Raises:
        DataError: The file is no JSON, has no rows, or its values are not as the study needs them.
    """
    reading = _Reading(path, name, find_encoding(path, data.format.encoding, name), progress)
    try:
        if _has_lines(reading):
            return {ONLY: _read_lines(reading, wanted, data)}
        with reading.open() as (file, _):
            text = file.read()
        return _read_document(text, reading, wanted, data)
    except BrokenJson as error:
        kind = kind_without_rows(read_head(path, name))
        reason = f"{name}, line {error.line}: {error.reason}" if kind is None else f"{name} is {kind.words}"
        raise DataError("", "data.source", reason) from error
    except MemoryError as error:
        raise DataError("", "data.source", f"{name} does not fit into memory; write one record a line") from error
    except UnicodeError as error:  # the file has changed since its encoding was found
        raise DataError("", "data.format.encoding", f"{name} is not {reading.encoding}") from error


@dataclass(frozen=True)
class _Reading:
    """A file that is read."""

    path: Path
    #: Its name in messages.
    name: str
    encoding: str
    progress: Progress

    @contextmanager
    def open(self) -> Iterator[tuple[io.TextIOWrapper, BinaryIO]]:
        """Open the text, and the file on disk, whose position tells how much is read."""
        with open_bytes(self.path, self.name) as (content, raw), io.TextIOWrapper(content, self.encoding) as file:
            yield file, raw

    def show(self, done: int, total: int) -> None:
        """Report progress."""
        self.progress(f"reading {self.name}", done, total)


def _has_lines(reading: _Reading) -> bool:
    """Return whether a file has one JSON value a line: its first line is one, or the two behind it are."""
    with reading.open() as (file, _):
        lines = list(islice((line for line in file if not line.isspace()), 3))
    if len(lines) < 2:
        return False
    first, *others = lines
    # No document has two values without a comma between them, so a first line that is none is a broken one.
    return is_value(first) or (len(others) == 2 and all(is_value(line) and "{" in line for line in others))


def _read_lines(reading: _Reading, wanted: Wanted, data: DataConfig) -> FileRows:
    if data.field is not None:
        reason = "has one record a line and no keys above them; drop the key, or name columns with dots"
        raise DataError("", "data.field", f"{reading.name} {reason}")
    table = RecordTable(reading.name, PlaceKind.LINE, wanted, data.format.header)
    blank = 0
    broken: BrokenJson | None = None
    lines: list[int] = []
    size = reading.path.stat().st_size
    with reading.open() as (file, raw):
        for number, line in enumerate(file, 1):
            if line.isspace():
                blank += 1
                continue
            try:
                record = decode(line, number)
            except BrokenJson as error:
                broken = broken or error
                lines.append(number)
                continue
            table.add(record, number)
            if number % _REPORTED == 0:
                reading.show(raw.tell(), size)
    if broken is not None:
        first, *others = lines
        places = with_others(place(reading.name, PlaceKind.LINE, first), [f"line {each}" for each in others])
        raise DataError("", "data.source", f"{places}: {broken.reason}")
    reading.show(size, size)
    return table.rows(f"one a line, {reading.encoding}", blank)


def _read_document(text: str, reading: _Reading, wanted: Wanted, data: DataConfig) -> dict[str, FileRows]:
    if not text.strip():
        raise DataError("", "data.source", f"{reading.name} is empty")
    if text.lstrip()[0] == "[" and data.field is None:
        table = RecordTable(reading.name, PlaceKind.RECORD, wanted, data.format.header)
        for number, (record, position) in enumerate(elements(text), 1):
            table.add(record, number)
            if number % _REPORTED == 0:
                reading.show(position, len(text))
        reading.show(len(text), len(text))
        return {ONLY: table.rows(f"a list, {reading.encoding}")}
    splits = {}
    for split, rows in find_rows(decode(text), reading.name, wanted, data.field).items():
        table = RecordTable(reading.name, PlaceKind.RECORD, wanted, rows.header or data.format.header)
        for number, record in enumerate(rows.records, 1):
            table.add(record, number)
        splits[split] = table.rows(f"{rows.layout}, {reading.encoding}", notes=rows.notes)
    return splits
