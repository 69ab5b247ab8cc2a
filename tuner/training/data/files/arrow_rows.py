"""Reading of parquet files and of data sets of the library datasets: both are tables of pyarrow."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tuner.errors import DataError, first_line
from tuner.training.data.file_kinds import HEAD, kind_without_rows
from tuner.training.data.files.arrow_columns import ColumnReader
from tuner.training.data.files.cells import inner_hint
from tuner.training.data.files.file_rows import FileRows, PlaceKind, Wanted

if TYPE_CHECKING:
    from datasets import Dataset

#: Rows of a data set that are taken at once.
_BATCH = 65_536
#: The first and the last bytes of a parquet file.
_MARK = b"PAR1"
#: Levels of structs whose fields are named in messages.
_LEVELS = 3


def read_parquet(path: Path, name: str, wanted: Wanted) -> FileRows:
    """Read the wanted columns of a parquet file.

    Args:
        path: The file.
        name: Its name in messages.
        wanted: The columns that the study needs. A dotted name is a field of a struct.

    Raises:
        DataError: The file is damaged, a column is missing, or a value cannot be used.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            schema = file.schema_arrow
            columns = _find_columns(schema, name, wanted)
            table = file.read(columns=[".".join(column) for column in columns.values()])
        return _rows(table, columns, _stored_classes(schema, columns), name=name, wanted=wanted, layout="parquet")
    except DataError:
        raise
    except Exception as error:  # a damaged file makes pyarrow raise errors of many kinds
        raise DataError("", "data.source", f"{name} {_fault(path, error)}") from error


def _fault(path: Path, error: Exception) -> str:
    """Return the end of a sentence on a file that pyarrow cannot read."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
            file.seek(-min(len(head), len(_MARK)), os.SEEK_END)
            tail = file.read()
    except OSError as failure:
        return f"cannot be read: {failure.strerror}"
    if not head:
        return "is empty"
    if not head.startswith(_MARK):
        kind = kind_without_rows(head)
        return f"is {kind.words}" if kind is not None else "is no parquet file; give it the ending of its content"
    if tail != _MARK:
        return "is cut off: the end of the file is missing; copy or download it again"
    return f"is damaged: {first_line(error)}; copy or download it again"


def from_dataset(dataset: Dataset, name: str, wanted: Wanted) -> FileRows:
    """Take the wanted columns of one split that the library datasets has loaded.

    Args:
        dataset: The split.
        name: Its name in messages.
        wanted: The columns that the study needs. A dotted name is a field of a struct.

    Raises:
        DataError: A column is missing, or a value cannot be used.
    """
    try:
        schema = dataset.features.arrow_schema
        columns = _find_columns(schema, name, wanted)
        chosen = dataset.select_columns(list(dict.fromkeys(column[0] for column in columns.values())))
        batches = list(chosen.with_format("arrow").iter(batch_size=_BATCH))
        table = pa.concat_tables(batches) if batches else schema.empty_table()
        classes = {
            column: tuple(names)
            for column, fields in columns.items()
            if (names := getattr(_inner(dataset.features, fields), "names", None)) is not None
        }
        return _rows(table, columns, classes, name=name, wanted=wanted, layout="a saved data set")
    except DataError:
        raise
    except Exception as error:
        reason = f"{name} cannot be read: {first_line(error)}; are its files damaged?"
        raise DataError("", "data.source", reason) from error


def _find_columns(schema: pa.Schema, name: str, wanted: Wanted) -> dict[str, tuple[str, ...]]:
    """Return the fields that lead to each wanted column, from the column of the table down."""
    found: dict[str, tuple[str, ...]] = {}
    for column in wanted.names:
        if schema.names.count(column) > 1:
            raise DataError("", "data.source", f"{name} has two columns named {column!r}; rename one")
        parts = tuple(column.split("."))
        if column in schema.names:
            found[column] = (column,)
        elif schema.names.count(parts[0]) == 1 and _has_field(schema.field(parts[0]).type, parts[1:]):
            found[column] = parts
    missing = [column for column in wanted.names if column not in found]
    if missing:
        names = [leaf for field in schema for leaf in _leaves(field, _LEVELS)]
        present = list(dict.fromkeys([*found, *(leaf for leaf in names if leaf not in missing)]))
        wanted.check(present, inner_hint(missing[0], names))
    return found


def _has_field(kind: pa.DataType, parts: tuple[str, ...]) -> bool:
    for part in parts:
        if not pa.types.is_struct(kind) or kind.get_field_index(part) < 0:
            return False
        kind = kind.field(part).type
    return True


def _leaves(field: pa.Field, levels: int, prefix: str = "") -> list[str]:
    if levels == 1 or not pa.types.is_struct(field.type):
        return [f"{prefix}{field.name}"]
    return [leaf for inner in field.type for leaf in _leaves(inner, levels - 1, f"{prefix}{field.name}.")]


def _stored_classes(schema: pa.Schema, columns: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return the names of the classes that the library datasets has written into a parquet file."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (LookupError, TypeError, ValueError, RecursionError):
        return {}
    classes = {}
    for column, fields in columns.items():
        feature = _inner(features, fields)
        names = feature.get("names") if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" else None
        if isinstance(names, list) and all(isinstance(each, str) for each in names):
            classes[column] = tuple(names)
    return classes


def _inner(features: Any, fields: tuple[str, ...]) -> Any:
    for name in fields:
        features = features.get(name) if isinstance(features, Mapping) else None
    return features


def _rows(
    table: pa.Table,
    columns: Mapping[str, tuple[str, ...]],
    classes: Mapping[str, tuple[str, ...]],
    *,
    name: str,
    wanted: Wanted,
    layout: str,
) -> FileRows:
    if not len(table):
        raise DataError("", "data.source", f"{name} holds no rows")
    made = {}
    for column, fields in columns.items():
        values = table.column(fields[0])
        for chunk in values.chunks:
            chunk.validate()
        for field in fields[1:]:
            values = pc.struct_field(values, field)
        made[column] = ColumnReader(name, column, wanted, classes.get(column)).read(values)
    return FileRows(
        name=name,
        table=pa.table(made),
        kind=PlaceKind.RECORD,
        numbers=np.arange(1, len(table) + 1, dtype=np.int64),
        reading=f"{len(table):,} records, {layout}",
        classes=classes,
    )
