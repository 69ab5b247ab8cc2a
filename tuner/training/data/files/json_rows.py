"""Reading of JSON: documents, and files with one record a line."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import DataError
from tuner.study.data_config import DataConfig
from tuner.training.data.files.encodings import find_encoding
from tuner.training.data.files.file_rows import ONLY, FileRows, PlaceKind, Wanted
from tuner.training.data.files.json_layouts import find_rows
from tuner.training.data.files.json_values import BrokenJson, decode, elements, is_value
from tuner.training.data.files.record_table import RecordTable
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
    encoding = find_encoding(path, data.format.encoding)
    try:
        if _has_lines(path, encoding):
            return {ONLY: _read_lines(path, name, wanted, data, _Reading(encoding, progress))}
        text = path.read_text(encoding)
    except UnicodeError as error:
        reason = f"{_undecodable_line(path, name, encoding)} is no {encoding}; name the file's encoding"
        raise DataError("", "data.format.encoding", reason) from error
    except OSError as error:
        raise DataError("", "data.source", f"{name} cannot be read: {error.strerror or error}") from error
    try:
        return _read_document(text, name, wanted, data, _Reading(encoding, progress))
    except BrokenJson as error:
        raise DataError("", "data.source", f"line {error.line} of {name}: {error.reason}") from error


@dataclass(frozen=True)
class _Reading:
    """The encoding of a file, and the progress of its reading."""

    encoding: str
    progress: Progress


def _has_lines(path: Path, encoding: str) -> bool:
    """Return whether a file has one JSON value a line: its first line is one, and another one follows."""
    with path.open(encoding=encoding) as file:
        first = next((line for line in file if not line.isspace()), "")
        more = any(not line.isspace() for line in file)
    return more and is_value(first)


def _read_lines(path: Path, name: str, wanted: Wanted, data: DataConfig, reading: _Reading) -> FileRows:
    if data.field is not None:
        reason = f"{name} has one record a line and no keys above them; drop the key, or name columns with dots"
        raise DataError("", "data.field", reason)
    table = RecordTable(name, PlaceKind.LINE, wanted, data.format.header)
    blank = 0
    broken: list[BrokenJson] = []
    size = path.stat().st_size
    with path.open("rb") as binary, io.TextIOWrapper(binary, encoding=reading.encoding) as file:
        for number, line in enumerate(file, 1):
            if line.isspace():
                blank += 1
                continue
            try:
                record = decode(line, number)
            except BrokenJson as error:
                broken.append(error)
                continue
            table.add(record, number)
            if number % _REPORTED == 0:
                reading.progress(f"reading {name}", binary.tell(), size)
    if broken:
        others = len(broken) - 1
        more = f" (and {others:,} more line{'s' if others > 1 else ''})" if others else ""
        raise DataError("", "data.source", f"line {broken[0].line} of {name}{more}: {broken[0].reason}")
    reading.progress(f"reading {name}", size, size)
    return table.rows(f"one a line, {reading.encoding}", blank)


def _read_document(text: str, name: str, wanted: Wanted, data: DataConfig, reading: _Reading) -> dict[str, FileRows]:
    if not text.strip():
        raise DataError("", "data.source", f"{name} is empty")
    if text.lstrip()[0] == "[" and data.field is None:
        table = RecordTable(name, PlaceKind.RECORD, wanted, data.format.header)
        for number, (record, position) in enumerate(elements(text), 1):
            table.add(record, number)
            if number % _REPORTED == 0:
                reading.progress(f"reading {name}", position, len(text))
        reading.progress(f"reading {name}", len(text), len(text))
        return {ONLY: table.rows(f"a list, {reading.encoding}")}
    splits = {}
    for split, rows in find_rows(decode(text), name, wanted, data.field).items():
        table = RecordTable(name, PlaceKind.RECORD, wanted, rows.header or data.format.header)
        for number, record in enumerate(rows.records, 1):
            table.add(record, number)
        splits[split] = table.rows(f"{rows.layout}, {reading.encoding}", notes=rows.notes)
    return splits


def _undecodable_line(path: Path, name: str, encoding: str) -> str:
    """Return words on the first line that the encoding does not explain."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode(encoding)
            except UnicodeError:
                return f"line {number} of {name}"
    return name
