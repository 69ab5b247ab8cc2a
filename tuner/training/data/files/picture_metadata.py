"""Tables inside a folder of pictures: `metadata.csv`, and tables as competitions have them (`train.csv`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from tuner.errors import DataError
from tuner.study.data_config import DataConfig
from tuner.training.data.files.file_rows import ONLY, FileRows, Wanted
from tuner.training.data.files.picture_tables import open_paths
from tuner.training.data.files.picture_walk import PictureWalk
from tuner.training.data.files.values import listed
from tuner.training.data.split_names import canonical_split
from tuner.training.data.split_plan import plan_splits

#: Reads a table, given its path, its name for messages, the wanted columns and the study's `data`.
TableReader: TypeAlias = Callable[[Path, str, Wanted, DataConfig], FileRows]
#: The columns that the study needs, the study file's `data`, and the reader of tables.
Asked: TypeAlias = tuple[Wanted, DataConfig, TableReader]

#: The column of `metadata.csv` that names the pictures, by the convention of the library datasets.
_FILE_NAME = "file_name"


def read_metadata(folder: Path, name: str, walk: PictureWalk, asked: Asked) -> dict[str, FileRows]:
    """Read the pictures that `metadata` tables name, one table a split; paths are relative to the table.

    Raises:
        DataError: Two tables are of one split, a column is missing, or a picture is.
    """
    by_split: dict[str, str] = {}
    for path in walk.metadata:
        parts = PurePosixPath(path).parts[:-1]
        split = next((part for part in parts if canonical_split(part) is not None), ONLY)
        if split in by_split:
            raise DataError(
                "",
                "data.source",
                f"{name}/{by_split[split]} and {name}/{path} are tables of one split; write their rows into one table, "
                "or name one as the source",
            )
        by_split[split] = path
    return {split: _metadata(folder, name, walk, path, asked) for split, path in by_split.items()}


def _metadata(folder: Path, name: str, walk: PictureWalk, path: str, asked: Asked) -> FileRows:
    wanted, data, read_table = asked
    image = wanted.by_key.get("image", ("image",))[0]
    rows, column = None, _FILE_NAME
    complaint: DataError | None = None
    for column in dict.fromkeys((_FILE_NAME, f"{image}_{_FILE_NAME}", image)):
        try:
            asked_for = Wanted({**wanted.by_key, "image": (column,)})
            rows = read_table(folder / path, f"{name}/{path}", asked_for, data)
            break
        except DataError as error:
            complaint = complaint or error
            if error.key != "data.image":
                raise
    if rows is None:
        reason = complaint.reason if complaint is not None else ""
        raise DataError("", "data.image", f"{name}/{path}: {reason}; the column {_FILE_NAME} names the pictures")
    opened = open_paths(rows, column, (folder / path).parent)
    table = opened.table
    if image != column:
        # The column keeps its own name beside, where `where` or `group` need it.
        pictures = table.column(column)
        table = table.set_column(table.schema.get_field_index(column), column, rows.table.column(column))
        table = table.append_column(image, pictures)
    return replace(
        opened,
        table=table.select(wanted.names),
        notes=(
            *opened.notes,
            *_unnamed(folder, name, walk, path, [each["path"] for each in table.column(image).to_pylist()]),
        ),
    )


def _unnamed(folder: Path, name: str, walk: PictureWalk, path: str, named: Sequence[str | None]) -> list[str]:
    """Return a note about the pictures below a table that no row of it names."""
    root = str(folder.absolute())
    inside = path.rpartition("/")[0]
    known = frozenset(named)
    below = [each for each in walk.pictures if not inside or each.startswith(f"{inside}/")]
    left = [each for each in below if f"{root}/{each}" not in known]
    if not left:
        return []
    shown = listed([f"{name}/{each}" for each in left])
    return [f"pictures that no row names: {len(left):,} ({shown})"]


def read_beside(folder: Path, name: str, walk: PictureWalk, asked: Asked) -> dict[str, FileRows]:
    """Read the tables that lie beside pictures or their folders, such as `train.csv` beside `train_images`.

    Only the tables of splits that the study uses are read: `test.csv` may have no labels.

    Raises:
        DataError: The table or a column is unclear.
    """
    wanted, data, read_table = asked
    image = wanted.by_key.get("image", ("image",))[0]
    tables = {table.partition(".")[0]: table for table in walk.tables}
    splits = {stem: table for stem, table in tables.items() if canonical_split(stem) is not None}
    if not splits and len(tables) == 1:
        splits = {ONLY: walk.tables[0]}
    if not splits:
        shown = ", ".join(f"{name}/{table}" for table in walk.tables)
        raise DataError("", "data.source", f"{name} holds several tables ({shown}); name one as the source")
    found = {}
    for split in plan_splits(splits, data.splits).needed:
        table = splits[split]
        try:
            rows = read_table(folder / table, f"{name}/{table}", wanted, data)
        except DataError as error:
            raise _named(error, f"{name}/{table}") from error
        found[split] = open_paths(rows, image, folder)
    return found


def _named(error: DataError, table: str) -> DataError:
    hint = "; name the column that holds the paths of the pictures" if error.key == "data.image" else ""
    named = error.reason if table in error.reason else f"{table}: {error.reason}"
    return DataError("", error.key, f"{named}{hint}")
