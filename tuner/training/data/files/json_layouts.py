"""The layouts in which JSON documents hold rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from search_spaces import suggestion
from tuner.errors import DataError
from tuner.training.data.files.file_rows import ONLY, Wanted
from tuner.training.data.files.record_table import has_columns
from tuner.training.data.files.values import listed, shown

#: Levels of a document in which rows are looked for.
_LEVELS = 4
#: Records that are asked for their columns.
_ASKED = 100


@dataclass(frozen=True)
class Rows:
    """The rows of one split in a document."""

    records: Sequence[Any]
    #: How they lie there, for `FileRows.reading`.
    layout: str
    #: Column names that the document has beside the rows.
    header: list[str] | None = None
    notes: tuple[str, ...] = field(default=())


class _Columns(Sequence[dict[str, Any]]):
    """Records out of a document that has a list of values for each column."""

    def __init__(self, columns: dict[str, Sequence[Any]]) -> None:
        self._columns = columns

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    def __getitem__(self, index: Any) -> Any:
        return {name: values[index] for name, values in self._columns.items()}


def find_rows(document: Any, name: str, wanted: Wanted, below: str | None) -> dict[str, Rows]:
    """Find the rows of a JSON document.

    Args:
        document: The document.
        name: The file's name in messages.
        wanted: The columns that the study needs.
        below: The study file's `data.field`.

    Returns:
        The rows by split; one split, `ONLY`, where the document has none.

    Raises:
        DataError: The document has no rows, has them at a deeper key, or columns of different lengths.
    """
    if below is not None:
        document = _below(document, name, below)
    if _is_chat(document, wanted):
        return {ONLY: Rows([document], "one object")}
    if (rows := _table(document, name, wanted)) is not None:
        return {ONLY: rows}
    if not isinstance(document, dict):
        raise DataError("", "data.source", f"{name} holds {shown(document)} and no rows")
    tables = {key: rows for key, value in document.items() if (rows := _table(value, name, wanted)) is not None}
    if len(tables) == 1:
        (key,) = tables
        rows = tables[key]
        return {ONLY: Rows(rows.records, f"{rows.layout} under the key {key!r}", rows.header)}
    if tables:
        return _splits(tables, wanted)
    if has_columns(document, wanted):
        return {ONLY: Rows([document], "one object")}
    raise _no_rows(document, name, wanted, below)


def _is_chat(document: Any, wanted: Wanted) -> bool:
    """Return whether a document is a row with a chat, whose messages would otherwise be taken for rows."""
    if not has_columns(document, wanted):
        return False
    chats = [document.get(column) for column in wanted.by_key.get("messages", ())]
    return any(isinstance(chat, list) and isinstance(next(iter(chat), None), dict) for chat in chats)


def _splits(tables: dict[str, Rows], wanted: Wanted) -> dict[str, Rows]:
    """Return the tables of a document by split. Those without the wanted columns are no splits, where others are."""
    named = {key: rows for key, rows in tables.items() if _fits(rows, wanted)} or tables
    notes = tuple(
        f"the rows under the key {key!r} are not read, as they lack a column that the study needs"
        for key in tables
        if key not in named
    )
    only_one = len(named) == 1
    return {
        ONLY if only_one else key: Rows(rows.records, f"{rows.layout} under the key {key!r}", rows.header, notes)
        for key, rows in named.items()
    }


def _fits(rows: Rows, wanted: Wanted) -> bool:
    first = [rows.records[index] for index in range(min(_ASKED, len(rows.records)))]
    return any(isinstance(record, list) or has_columns(record, wanted) for record in first)


def _table(value: Any, name: str, wanted: Wanted) -> Rows | None:
    """Return the rows that a value is, in any of the layouts of one table; None where it is no table."""
    if isinstance(value, list):
        return Rows(value, "rows") if value and isinstance(value[0], dict | list) else None
    if not isinstance(value, dict):
        return None
    header, data = value.get("columns"), value.get("data")
    if isinstance(header, list) and isinstance(data, list) and all(isinstance(row, list) for row in data):
        names = [str(each) for each in header]
        if (twice := next((each for each in wanted.names if names.count(each) > 1), None)) is not None:
            raise DataError("", "data.source", f"{name} names the column {twice!r} twice; rename one")
        return Rows(data, "rows with a list of columns", names) if data else None
    if all(column in value for column in wanted.names) and all(
        isinstance(value[column], list | dict) for column in wanted.names
    ):
        return Rows(_Columns(_columns(value, name, wanted.names)), "columns")
    inner = list(value.values())
    are_records = bool(inner) and all(isinstance(each, dict) for each in inner) and has_columns(inner[0], wanted)
    if are_records and not isinstance(inner[0].get(wanted.names[0]), list | dict):
        return Rows(inner, "rows with a key each")
    return None


def _columns(value: dict[str, Any], name: str, columns: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Return the values of columns that are written one after the other, as lists or as objects by row."""
    first = columns[0]
    found: dict[str, Sequence[Any]] = {}
    for column in columns:
        values = value[column]
        if type(values) is not type(value[first]) or len(values) != len(value[first]):
            raise DataError(
                "",
                "data.source",
                f"{name}: columns {first!r} and {column!r} differ: {len(value[first])} and {len(values)} values",
            )
        if isinstance(values, dict):
            if lost := next((key for key in value[first] if key not in values), None):
                raise DataError("", "data.source", f"{name}: column {column!r} has no value for row {shown(lost)}")
            values = [values[key] for key in value[first]]
        found[column] = values
    return found


def _below(document: Any, name: str, below: str) -> Any:
    """Return the value at a dotted key."""
    value = document
    rest = below
    while rest:
        if not isinstance(value, dict):
            if value is document:
                raise DataError("", "data.field", f"{name} is a list of rows already; drop the key")
            above = below[: -len(rest) - 1]
            held = "a list, and no key leads into one" if isinstance(value, list) else f"{shown(value)}, without keys"
            raise DataError("", "data.field", f"{name} has no key {below!r}: {above!r} holds {held}")
        # A key may have dots in it: the longest one counts.
        parts = rest.split(".")
        keys = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
        key = next((each for each in keys if each in value), None)
        if key is None:
            near = suggestion(parts[0], value)
            raise DataError("", "data.field", f"{name} has no key {below!r}{near}; there are {_keys(value)}")
        value, rest = value[key], rest[len(key) + 1 :]
    return value


def _no_rows(document: dict[str, Any], name: str, wanted: Wanted, below: str | None) -> DataError:
    deeper = list(_paths(document, name, wanted, f"{below}." if below else ""))
    if deeper:
        places = ", ".join(repr(each) for each in deeper[:3])
        return DataError("", "data.field", f"{name} has its rows below {places}; write data.field: {deeper[0]}")
    columns = [key for key, value in document.items() if isinstance(value, list | dict)]
    if columns and len(columns) == len(document) and not any(isinstance(each, dict) for each in document.values()):
        try:
            wanted.check(columns)
        except DataError as error:
            return error
    keys = f"its keys are {_keys(document)}" if document else "it is an object without keys"
    reason = f"{name} holds no rows; {keys}; rows are a list of objects"
    return DataError("", "data.source", reason)


def _paths(value: Any, name: str, wanted: Wanted, prefix: str, levels: int = _LEVELS) -> Iterator[str]:
    """Yield the dotted keys below which rows are."""
    if not isinstance(value, dict) or levels == 0:
        return
    for key, inner in value.items():
        if _table(inner, name, wanted) is not None:
            yield f"{prefix}{key}"
        else:
            yield from _paths(inner, name, wanted, f"{prefix}{key}.", levels - 1)


def _keys(document: dict[str, Any]) -> str:
    return listed([shown(key) for key in document])
