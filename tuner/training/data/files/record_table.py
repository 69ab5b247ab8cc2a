"""A table of the wanted columns, built from records whose values Python knows, one record after the other."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tuner.errors import DataError
from tuner.study.words import word
from tuner.training.data.files.cells import Mistakes, Use, inner_hint, use_of, value_error
from tuner.training.data.files.file_rows import FileRows, PlaceKind, Wanted
from tuner.training.data.files.json_values import Infinite, is_too_large
from tuner.training.data.files.values import as_json, shown

if TYPE_CHECKING:
    import numpy.typing as npt

#: Rows whose values are turned into an array of pyarrow at once.
_CHUNK = 16_384
#: Records whose inner keys are looked at for names in messages, and the levels below them.
_LOOKED_AT, _LEVELS = 100, 3
#: Levels of lists and objects in which a name is looked for.
_LEVELS_OF_LISTS = 12
#: The value of a record without the key.
_ABSENT = object()


def lookup(record: dict[str, Any], name: str, parts: Sequence[str]) -> Any:
    """Return a record's value: at the key, else at the dotted name's keys; `_ABSENT` where there is none."""
    value = record.get(name, _ABSENT)
    if value is not _ABSENT or len(parts) < 2:
        return value
    value = record
    for part in parts:
        if not isinstance(value, dict) or part not in value:
            return _ABSENT
        value = value[part]
    return value


class _Column:
    """One wanted column."""

    def __init__(self, wanted: Wanted, name: str) -> None:
        self.name = name
        self.parts = name.split(".")
        self.key, self._use = use_of(wanted, name)
        #: Whether any record had it.
        self.seen = False
        self.mistakes: Mistakes | None = None
        self._values: list[str | None] = []
        self._chunks: list[pa.Array] = []

    def add(self, record: dict[str, Any], number: int) -> None:
        value = record.get(self.name, _ABSENT)
        if value is _ABSENT:
            value = lookup(record, self.name, self.parts)
            if value is _ABSENT:
                self._values.append(None)
                return
        self.seen = True
        if value is not None and value.__class__ is not str:
            value = self._word(value, number)
        self._values.append(value)

    def _word(self, value: Any, number: int) -> str | None:
        if self._use is Use.CHAT and isinstance(value, list):
            return as_json(value)
        if self._use is not Use.WORD or isinstance(value, list | dict) or is_too_large(value):
            self.mistaken(value, number)
            return None
        if isinstance(value, Infinite):
            return "Infinity" if value > 0 else "-Infinity"
        return word(value)

    def mistaken(self, value: Any, number: int) -> None:
        if self.mistakes is None:
            self.mistakes = Mistakes(value, [number])
        else:
            self.mistakes.add(number)

    def flush(self, numbers: Sequence[int]) -> None:
        """Turn the newest values into an array. `numbers` are those of their rows."""
        try:
            self._keep(self._values)
        except UnicodeEncodeError:  # half of a surrogate pair, written as `\ud800`
            for number, value in zip(numbers, self._values, strict=True):
                if value is not None and not _is_encodable(value):
                    self.mistaken(value, number)
        self._values = []

    def _keep(self, values: list[str | None]) -> None:
        made = pa.array(values, pa.string())
        self._chunks += made.chunks if isinstance(made, pa.ChunkedArray) else [made]

    def array(self) -> pa.ChunkedArray:
        return pa.chunked_array(self._chunks, pa.string())


def _is_encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


class RecordTable:
    """Collects records. Records are objects, or lists whose cells are named by position."""

    def __init__(self, name: str, kind: PlaceKind, wanted: Wanted, header: bool | list[str] | None = None) -> None:
        self._name = name
        self._kind = kind
        self._wanted = wanted
        self._columns = [_Column(wanted, column) for column in wanted.names]
        self._header = header
        self._cells: list[str] | None = None
        #: The first record that is a list of cells.
        self._first_cells: list[Any] | None = None
        self._names: dict[str, None] = {}
        #: The first record, in which lists may hold the columns that are missing.
        self._first: dict[str, Any] | None = None
        self._numbers = array("q")
        self._flushed = 0
        self._shapeless: Mistakes | None = None

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, record: Any, number: int) -> None:
        """Add the record with a number: its line, or its place among the records."""
        if isinstance(record, list):
            record = self._named(record)
            if record is None:
                return
        if not isinstance(record, dict):
            if self._shapeless is None:
                self._shapeless = Mistakes(record, [number])
            else:
                self._shapeless.add(number)
            return
        if self._first is None:
            self._first = record
        if len(self._numbers) < _LOOKED_AT:
            self._names.update(dict.fromkeys(leaves(record)))
        for column in self._columns:
            column.add(record, number)
        self._numbers.append(number)
        if len(self._numbers) - self._flushed >= _CHUNK:
            self._flush()

    def _named(self, cells: list[Any]) -> dict[str, Any] | list[Any] | None:
        """Return a list of cells by names; None for the row of the names; the list where it has another length."""
        if self._cells is None:
            if self._header is True and all(isinstance(cell, str) for cell in cells) and len({*cells}) == len(cells):
                self._cells = cells
                return None
            self._cells = self._header if isinstance(self._header, list) else [str(i + 1) for i in range(len(cells))]
            self._first_cells = cells
        return dict(zip(self._cells, cells, strict=True)) if len(cells) == len(self._cells) else cells

    def _flush(self) -> None:
        numbers = self._numbers[self._flushed :]
        for column in self._columns:
            column.flush(numbers)
        self._flushed = len(self._numbers)

    def rows(self, reading: str, blank: int = 0, notes: tuple[str, ...] = ()) -> FileRows:
        """Return the rows.

        Args:
            reading: Words on how the file was read, behind the number of records.
            blank: Empty lines that were left out.
            notes: Sentences for the user, as in `FileRows`.

        Raises:
            DataError: A record has another shape, a column is missing, or a value cannot be used.
        """
        self._flush()
        if self._shapeless is not None:
            raise self._shape_error(self._shapeless)
        if not self._numbers:
            raise DataError("", "data.source", f"{self._name} holds no rows")
        self._check_columns()
        for column in self._columns:
            if (wrong := column.mistakes) is not None:
                if isinstance(wrong.value, str):
                    reason = "holds half of a character (a lone surrogate), which no text has; correct it"
                    places = wrong.place(self._name, self._kind)
                    raise DataError("", f"data.{column.key}", f"{places}: column {column.name!r} {reason}")
                raise value_error(column.key, column.name, wrong.place(self._name, self._kind), wrong.value)
        numbers: npt.NDArray[np.int64] = np.frombuffer(self._numbers, dtype=np.int64)
        return FileRows(
            name=self._name,
            table=pa.table({column.name: column.array() for column in self._columns}),
            kind=self._kind,
            numbers=numbers,
            reading=f"{len(numbers):,} records, {reading}",
            blank=blank,
            notes=notes,
        )

    def _shape_error(self, wrong: Mistakes) -> DataError:
        places = wrong.place(self._name, self._kind)
        if isinstance(wrong.value, list) and self._cells is not None:
            named = "columns are named" if self._header else "are in the first row"
            reason = f"{len(wrong.value)} cells where {len(self._cells)} {named}: {shown(wrong.value)}"
            return DataError("", "data.source", f"{places} has {reason}")
        return DataError("", "data.source", f"{places} is {shown(wrong.value)}; a row is an object with named values")

    def _check_columns(self) -> None:
        missing = [column for column in self._columns if not column.seen]
        if not missing:
            return
        present = [*self._names, *(column.name for column in self._columns if column.seen)]
        present = list(dict.fromkeys(present))
        self._wanted.check(present, self._hint(missing[0].name))
        raise DataError("", f"data.{missing[0].key}", f"{self._name} has no column {missing[0].name!r}")

    def _hint(self, name: str) -> str:
        if self._first_cells is not None:
            names = "[text, label]" if len(self._first_cells) == 2 else "[text, label, …]"
            return (
                f"the rows of {self._name} are lists without names, the first one {shown(self._first_cells)}; "
                f"name their cells in order, such as data.format: {{header: {names}}}"
            )
        last = name.rpartition(".")[2]
        if above := list_above(self._first, last):
            return f"{last!r} lies inside of the list {above!r}; write a file with one object for each element of it"
        return inner_hint(name, self._names)


def list_above(value: Any, name: str, path: str = "", above: str = "", levels: int = _LEVELS_OF_LISTS) -> str:
    """Return the dotted name of the outermost list in which an object has a key; nothing where there is none.

    Args:
        value: The value below which the key is looked for. Of a list, the first element is looked at.
        name: The key.
        path: The dotted name of the value.
        above: The outermost list around the value; nothing where there is none.
        levels: Levels that are looked at.
    """
    if levels == 0:
        return ""
    if isinstance(value, list):
        return list_above(value[0], name, path, above or path, levels - 1) if value else ""
    if not isinstance(value, dict):
        return ""
    if above and name in value:
        return above
    dotted = {f"{path}.{key}" if path else key: inner for key, inner in value.items()}
    return next(filter(None, (list_above(inner, name, key, above, levels - 1) for key, inner in dotted.items())), "")


def leaves(record: dict[str, Any], prefix: str = "", levels: int = _LEVELS) -> list[str]:
    """Return the dotted names of a record's values, objects left out, down to some levels."""
    names: list[str] = []
    for key, value in record.items():
        if isinstance(value, dict) and value and levels > 1:
            names += leaves(value, f"{prefix}{key}.", levels - 1)
        else:
            names.append(f"{prefix}{key}")
    return names


def has_columns(record: Any, wanted: Wanted) -> bool:
    """Return whether a record is an object with all wanted columns."""
    return isinstance(record, dict) and all(
        lookup(record, name, name.split(".")) is not _ABSENT for name in wanted.names
    )
