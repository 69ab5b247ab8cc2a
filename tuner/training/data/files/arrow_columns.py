"""Conversion of a column of pyarrow into the values that a study uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tuner.errors import DataError
from tuner.study.words import word
from tuner.training.data.files.cells import Mistakes, Use, use_of, value_error
from tuner.training.data.files.file_rows import PlaceKind, Wanted
from tuner.training.data.files.places import NAMED, place
from tuner.training.data.files.values import as_json

#: Rows that are converted at once: their texts are far from the 2 GB that a string array of pyarrow can hold.
_CHUNK = 65_536


class ColumnReader:
    """Converts one column of a file."""

    def __init__(self, file: str, column: str, wanted: Wanted, classes: Sequence[str] | None) -> None:
        """Take the names of the column's classes, where the file has numbers for them."""
        self._file = file
        self._column = column
        self._key, self._use = use_of(wanted, column)
        self._classes = classes

    def read(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return texts and words as strings, chats as JSON, and pictures as they are.

        Raises:
            DataError: A value cannot be used.
        """
        kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
        if _is_text(kind) or (self._use is not Use.IMAGE and _is_bytes(kind)):
            return self._strings(values)
        if self._use is Use.IMAGE and (_is_bytes(kind) or _is_picture(kind)):
            for start, part in _parts(values):
                self._check(part, start)
            return values
        if self._use is Use.CHAT and _is_list(kind):
            return self._chats(values)
        is_scalar = not pa.types.is_nested(kind) and not isinstance(kind, pa.BaseExtensionType)
        if self._use is Use.WORD and is_scalar and not _is_bytes(kind):
            return self._words(values)
        if values.null_count == len(values):
            return pa.chunked_array([pa.nulls(len(values), pa.string())])
        raise self._wrong(values, pc.is_valid(values))

    def _strings(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        made = []
        for start, part in _parts(values):
            self._check(part, start)
            try:
                made.append(part.cast(pa.string()))
            except pa.ArrowInvalid as error:  # bytes that are no utf-8
                raise self._no_text(part, start) from error
        return pa.chunked_array(made, pa.string())

    def _words(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        as_word: Callable[[Any], str | None] = word
        if self._classes is not None and pa.types.is_integer(values.type):
            outside = pc.fill_null(pc.greater_equal(values, len(self._classes)), False)
            if pc.any(outside).as_py():
                raise self._outside(values, outside)
            as_word = self._class_of
        made = []
        for start, part in _parts(values):
            self._check(part, start)
            if pa.types.is_dictionary(part.type):
                part = part.dictionary_decode()
            if pa.types.is_float16(part.type):
                part = part.cast(pa.float32())
            coded = part.dictionary_encode()
            words = pa.array([as_word(value) for value in coded.dictionary.to_pylist()], pa.string())
            made.append(words.take(coded.indices))
        return pa.chunked_array(made, pa.string())

    def _chats(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        made = []
        for start, part in _parts(values):
            self._check(part, start)
            made.append(pa.array([None if chat is None else as_json(chat) for chat in part.to_pylist()], pa.string()))
        return pa.chunked_array(made, pa.string())

    def _class_of(self, number: int | None) -> str | None:
        assert self._classes is not None
        return None if number is None or number < 0 else self._classes[number]

    def _check(self, part: pa.Array, start: int) -> None:
        """Check that damage has left values that are safe to read."""
        try:
            part.validate(full=True)
        except pa.ArrowInvalid as error:
            if "UTF8" not in str(error):
                raise
            raise self._no_text(part, start) from error

    def _no_text(self, part: pa.Array, start: int) -> DataError:
        """Return the error for bytes that no text has."""
        number = next((index for index in range(len(part)) if not _is_utf8(part[index])), 0) + start + 1
        row = place(self._file, PlaceKind.RECORD, number)
        return DataError("", f"data.{self._key}", f"{row}: column {self._column!r} holds bytes that are no utf-8")

    def _outside(self, values: pa.ChunkedArray, outside: pa.ChunkedArray) -> DataError:
        number = pc.index(outside, True).as_py()
        row = place(self._file, PlaceKind.RECORD, number + 1)
        reason = f"column {self._column!r} holds {values[number].as_py()}, and has {len(self._classes or ())} classes"
        return DataError("", f"data.{self._key}", f"{row}: {reason}")

    def _wrong(self, values: pa.ChunkedArray, found: pa.ChunkedArray) -> DataError:
        rows = pc.indices_nonzero(found)
        numbers = [row + 1 for row in rows[: NAMED + 1].to_pylist()]
        mistakes = Mistakes(values[numbers[0] - 1].as_py(), numbers, len(rows))
        return value_error(self._key, self._column, mistakes.place(self._file, PlaceKind.RECORD), mistakes.value)


def _parts(values: pa.ChunkedArray) -> Iterator[tuple[int, pa.Array]]:
    """Yield a column in parts, each with the index of its first row."""
    begin = 0
    for chunk in values.chunks:
        for start in range(0, len(chunk), _CHUNK):
            yield begin + start, chunk.slice(start, _CHUNK)
        begin += len(chunk)


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_null(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def _is_picture(kind: pa.DataType) -> bool:
    return pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0


def _is_utf8(value: pa.Scalar) -> bool:
    try:
        found = value.as_py()
        if isinstance(found, bytes):
            found.decode()
    except UnicodeDecodeError:
        return False
    return True
