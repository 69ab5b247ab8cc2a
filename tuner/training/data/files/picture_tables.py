"""Tables of pictures: the paths in a column become pictures."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from tuner.errors import DataError
from tuner.training.data.files.file_rows import FileRows
from tuner.training.data.files.picture_walk import some_pictures
from tuner.training.data.files.places import Places
from tuner.training.data.files.values import shown
from tuner.training.data.split_names import canonical_split

#: The type of a column of pictures, as the library datasets stores them.
PICTURES = pa.struct({"bytes": pa.binary(), "path": pa.string()})
#: Missing pictures for which a file of another place or ending is looked for.
_LOOKED_AT = 5
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
#: Beginnings of pictures that are written as text: data URLs, and PNG, JPEG and GIF in base64.
_BASE64 = re.compile(r"data:image/|iVBORw0KGgo|/9j/4|R0lGOD")


@dataclass(frozen=True)
class _Home:
    """The place of pictures that a table names by less than their paths."""

    #: Relative to the table's folder; empty for that folder itself.
    folder: str
    #: The ending that the table leaves out, with its point.
    ending: str

    def path(self, value: str) -> str:
        return f"{self.folder}/{value}{self.ending}" if self.folder else f"{value}{self.ending}"


def open_paths(rows: FileRows, column: str, folder: Path) -> FileRows:
    """Replace a column of paths by pictures. The files are looked for, but not opened.

    Paths are relative to the table's folder. Where none of them leads to a file, and one folder below the table's has
    a file for each, with one ending that the table may leave out, the pictures are those, and a note says so.

    Args:
        rows: The rows of a table.
        column: The column: paths, bytes of pictures, or pictures as the library datasets stores them.
        folder: The table's folder.

    Raises:
        DataError: A file is not there, or the column holds no paths; all rows that are wrong are counted.
    """
    values = rows.table.column(column)
    kind = values.type
    if pa.types.is_dictionary(kind):
        values, kind = values.cast(kind.value_type), kind.value_type
    if pa.types.is_struct(kind) and {field.name for field in kind} >= {"bytes", "path"}:
        return _opened_cells(rows, column, folder)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        cells = [None if each is None else {"bytes": each, "path": None} for each in values.to_pylist()]
        return _replaced(rows, column, cells)
    if pa.types.is_integer(kind):
        values = values.cast(pa.string())
    elif not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise DataError("", "data.image", f"column {column!r} of {rows.name} holds no paths of pictures, but {kind}")
    return _opened(rows, column, values.to_pylist(), folder)


def _opened_cells(rows: FileRows, column: str, folder: Path) -> FileRows:
    """Return rows whose cells are pictures already; those without bytes have a path."""
    cells = rows.table.column(column).to_pylist()
    if all(cell is not None and cell["bytes"] is not None for cell in cells):
        return _replaced(rows, column, [{"bytes": cell["bytes"], "path": cell["path"]} for cell in cells])
    if any(cell is not None and cell["bytes"] is not None for cell in cells):
        # Cells without bytes and without a file are found where pictures are opened.
        root = os.path.abspath(folder)
        for cell in cells:
            if cell is not None and cell["bytes"] is None and cell["path"]:
                cell["path"] = os.path.normpath(os.path.join(root, cell["path"]))
        return _replaced(rows, column, cells)
    return _opened(rows, column, [None if cell is None else cell["path"] for cell in cells], folder)


def _opened(rows: FileRows, column: str, values: Sequence[str | None], folder: Path) -> FileRows:
    _check_values(rows, column, values)
    root = os.path.abspath(folder)
    # A table that was written on Windows may have backslashes.
    wanted = [(value or "").replace("\\", "/") for value in values]
    paths = [os.path.normpath(os.path.join(root, value)) for value in wanted]
    missing = [index for index, path in enumerate(paths) if not os.path.isfile(path)]
    if not missing:
        return _replaced(rows, column, [{"bytes": None, "path": path} for path in paths])
    files = some_pictures(folder, rows.name)
    home = _home(rows, wanted, files) if len(missing) == len(paths) else None
    if home is None:
        raise _missing(rows, column, values, missing, files)
    found = [os.path.normpath(os.path.join(root, home.path(value))) for value in wanted]
    ending = f", with the ending {home.ending} that the table leaves out" if home.ending else ""
    place = f"the folder {home.folder} beside the table" if home.folder else "the table's folder"
    note = f"the pictures are those in {place}{ending}"
    opened = _replaced(rows, column, [{"bytes": None, "path": path} for path in found])
    return replace(opened, notes=(*opened.notes, note))


def _replaced(rows: FileRows, column: str, cells: list[Any]) -> FileRows:
    index = rows.table.schema.get_field_index(column)
    return replace(rows, table=rows.table.set_column(index, column, pa.array(cells, PICTURES)))


def _check_values(rows: FileRows, column: str, values: Sequence[str | None]) -> None:
    empty = [index for index, value in enumerate(values) if not value]
    if empty:
        raise DataError("", "data.image", f"{_places(rows, empty)}: column {column!r} names no picture")
    for kind, thing, remedy in (
        (_BASE64, "a picture that is written as text", "save the pictures as files"),
        (_URL, "a URL", "download the pictures"),
    ):
        if found := [index for index, value in enumerate(values) if value and kind.match(value)]:
            value = shown(values[found[0]])
            reason = f"{_places(rows, found)}: column {column!r} holds {thing}, {value}; {remedy}, and write paths"
            raise DataError("", "data.image", reason)


def _home(rows: FileRows, values: list[str], files: tuple[str, ...]) -> _Home | None:
    """Return the only place that has a file for each value; None where there is none, or several."""
    present = frozenset(files)
    homes = [home for home in _homes(values[0], files) if all(home.path(value) in present for value in values)]
    if len(homes) > 1:
        # `train.csv` beside `train_images` and `test_images`, which number their pictures alike.
        split = canonical_split(PurePosixPath(rows.name).stem)
        homes = [home for home in homes if split is not None and canonical_split(home.folder) == split]
    return homes[0] if len(homes) == 1 else None


def _homes(value: str, files: tuple[str, ...]) -> list[_Home]:
    found = []
    for file in files:
        suffix = PurePosixPath(file).suffix
        for path, ending in ((file, ""), (file.removesuffix(suffix), suffix)):
            if path == value or path.endswith(f"/{value}"):
                found.append(_Home(path[: -len(value)].rstrip("/"), ending))
    return list(dict.fromkeys(found))


def _missing(
    rows: FileRows, column: str, values: Sequence[str | None], missing: list[int], files: tuple[str, ...]
) -> DataError:
    hint = next(filter(None, (_hint(str(values[index]), files) for index in missing[:_LOOKED_AT])), None)
    remedy = hint or "paths are relative to the table's folder, and have their ending"
    value = shown(values[missing[0]])
    share = f" ({len(missing):,} of {len(values):,} are missing)" if len(missing) > 1 else ""
    return DataError(
        "",
        "data.image",
        f"{_places(rows, missing)}: column {column!r} names {value}, and there is no such file{share}; {remedy}",
    )


def _hint(value: str, files: tuple[str, ...]) -> str | None:
    name = PurePosixPath(value.replace("\\", "/")).name
    if not name:
        return None
    for file in files:
        found = PurePosixPath(file)
        if found.name == name.strip() != name:
            return f"{file!r} is there; drop the blanks around {name!r}"
        if found.name == name:
            return f"{file!r} is there; write paths relative to the table's folder, and in place of {value!r} this one"
        if found.stem == name:
            return f"{file!r} is there; write the ending, too"
        if found.name.casefold() == name.casefold():
            return f"{file!r} is there; capitals matter"
    return None


def _places(rows: FileRows, indices: list[int]) -> str:
    return Places([rows]).of_all(indices)
