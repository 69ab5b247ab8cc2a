"""Finds a plain way to read a study's rows, which a script then repeats, and tries it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.study.data_endings import DataKind, data_ending
from tuner.training.data.files.data_folders import files_of
from tuner.training.data.files.detection import detect
from tuner.training.data.files.encodings import find_encoding
from tuner.training.data.files.file_rows import Wanted
from tuner.training.data.files.places import ROW
from tuner.training.data.files.text_file import TextFile
from tuner.training.data.picture_inspection import undecoded
from tuner.training.data.split_plan import plan_splits
from tuner.training.script import plain_reading
from tuner.training.script.plain_reading import Rows, cell

if TYPE_CHECKING:
    from datasets import Dataset

    from tuner.study.data_config import DataConfig
    from tuner.study.prepared import PreparationRequest

#: Readers of JSON, of which the first that can read a file is taken.
_JSON = (plain_reading.read_json_lines, plain_reading.read_json_list)


@dataclass(frozen=True, kw_only=True)
class TableReading:
    """How a script reads the study's own files."""

    #: The files, one behind the other, and the function of `plain_reading` that reads each.
    files: tuple[str, ...]
    reader: Any
    arguments: Mapping[str, Any]
    #: By split, the numbers of its rows among all records.
    numbers: Mapping[str, Sequence[int]]
    texts: tuple[str, ...]
    label: str
    #: The number of the class that each label stands for.
    classes: Mapping[Any, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PictureReading:
    """How a script finds the study's own pictures."""

    folder: str
    #: By split, of each picture its path below the folder and the number of its class.
    pictures: Mapping[str, Sequence[tuple[str, int]]]


def table_reading(
    request: PreparationRequest, splits: Mapping[str, Dataset], texts: Sequence[str], label: str
) -> TableReading | None:
    """Return a plain reading of the texts of a study; None where its rows come out otherwise.

    Args:
        request: The data.
        splits: The rows of the splits, with the column `ROW`.
        texts: The columns of the texts.
        label: The column of the label.
    """
    files = _files(Path(request.source), request.data)
    if not files:
        return None
    columns = list(dict.fromkeys((*texts, label)))
    for reader, arguments in _readers(files, request.data, columns):
        try:
            found = [reader(str(path), **arguments) for path in files]
        except (OSError, ValueError, csv.Error):  # JSON lines and a JSON list are tried one after the other
            continue
        classes = _classes(list(chain.from_iterable(found)), splits, texts, label)
        if classes is not None:
            used, numbers = _without_others(list(map(len, found)), splits)
            return TableReading(
                files=tuple(str(files[place]) for place in used),
                reader=reader,
                arguments=arguments,
                numbers=numbers,
                texts=tuple(texts),
                label=label,
                classes=classes,
            )
    return None


def _files(source: Path, data: DataConfig) -> list[Path]:
    """Return the files of the splits that a study needs, in the order in which their rows are numbered."""
    if source.is_file():
        return [source]
    if not source.is_dir() or (source / "dataset_dict.json").is_file() or (source / "state.json").is_file():
        return []
    found = files_of(source)
    return [path for name in plan_splits(list(found), data.splits).needed for path in found[name]] if found else []


def _readers(files: Sequence[Path], data: DataConfig, columns: list[str]) -> Iterable[tuple[Any, dict[str, Any]]]:
    endings = {data_ending(path.name) for path in files}
    ending = endings.pop()
    if endings or ending is None or ending.compression is not None:
        return
    if ending.kind is DataKind.PARQUET:
        yield plain_reading.read_parquet, {"columns": list(dict.fromkeys(name.split(".")[0] for name in columns))}
        return
    encodings = {find_encoding(path, data.format.encoding, path.name) for path in files}
    encoding = encodings.pop()
    if encodings:
        return
    # A mark at the beginning of a file is no part of its text.
    encoding = "utf-8-sig" if encoding.replace("_", "-").lower() in ("utf-8", "ascii") else encoding
    if ending.kind is DataKind.JSON and data.field is None:
        for reader in _JSON:
            yield reader, {"encoding": encoding}
    elif ending.kind is DataKind.DELIMITED:
        found = [_delimited(path, data, columns, encoding) for path in files]
        if all(each == found[0] for each in found):
            yield plain_reading.read_delimited, {"encoding": encoding, **found[0]}


def _delimited(path: Path, data: DataConfig, columns: list[str], encoding: str) -> dict[str, Any]:
    best = detect(TextFile(path, path.name, encoding), Wanted({"text": tuple(columns)}), data.format).best
    dialect, layout = best.dialect, best.layout
    return {
        "separator": dialect.separator,
        "quote": dialect.quote,
        "escape": dialect.escape,
        "first": dialect.skipped + layout.has_header,
        "columns": {name: layout.index(name) for name in columns},
    }


def _without_others(sizes: Sequence[int], splits: Mapping[str, Dataset]) -> tuple[list[int], dict[str, list[int]]]:
    """Return the places of the files that have rows of a split, and the numbers of these rows in such files alone.

    Args:
        sizes: Rows of each file.
        splits: The rows of the splits.
    """
    ends = np.cumsum(sizes)
    rows = {name: np.asarray(each[ROW], dtype=np.int64) for name, each in splits.items()}
    places = {name: np.searchsorted(ends, each, side="right") for name, each in rows.items()}
    used = sorted({int(place) for each in places.values() for place in np.unique(each)})
    left_out = np.cumsum([0 if place in used else size for place, size in enumerate(sizes)])
    return used, {name: (each - left_out[places[name]]).tolist() for name, each in rows.items()}


def _classes(
    records: Sequence[Any], splits: Mapping[str, Dataset], texts: Sequence[str], label: str
) -> dict[Any, int] | None:
    """Return the class of each label, where records are the rows of all splits; else None."""
    classes: dict[Any, int] = {}
    try:
        for rows in splits.values():
            columns = [rows[name][:] for name in (ROW, "labels", *texts)]
            for number, target, *contents in zip(*columns, strict=True):
                record = records[number]
                if [cell(record, name) for name in texts] != contents:
                    return None
                if classes.setdefault(cell(record, label), target) != target:
                    return None
    except (LookupError, TypeError):
        return None
    return classes


def picture_reading(splits: Mapping[str, Dataset], column: str) -> PictureReading | None:
    """Return the files of the pictures of a study; None where they are in no files of their own.

    Args:
        splits: The rows of the splits.
        column: The column of the pictures.
    """
    found: dict[str, list[tuple[Path, int]]] = {}
    for name, rows in splits.items():
        cells = undecoded(rows, column)[column][:]
        if any(each["path"] is None or each["bytes"] is not None for each in cells):
            return None
        paths = [Path(each["path"]).absolute() for each in cells]
        if any(not path.is_file() or {"\n", "\t", "\r"} & set(str(path)) for path in paths):
            return None
        found[name] = list(zip(paths, rows["labels"][:], strict=True))
    common = _common([path for each in found.values() for path, _ in each])
    pictures = {
        name: [(path.relative_to(common).as_posix(), number) for path, number in each] for name, each in found.items()
    }
    return PictureReading(folder=str(common), pictures=pictures)


def _common(paths: Sequence[Path]) -> Path:
    """Return the innermost folder that holds all of some files."""
    parents = paths[0].parents
    return next(folder for folder in parents if all(folder in path.parents for path in paths))


def written_numbers(numbers: Sequence[int]) -> str:
    """Write numbers of rows as `plain_reading.row_numbers` reads them."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return " ".join("-".join(map(str, part)) for part in parts)


def rows_of_table(reading: TableReading) -> dict[str, Rows]:
    """Return the rows of a reading, as the script reads them."""
    records = [record for path in reading.files for record in reading.reader(path, **reading.arguments)]
    return {
        name: plain_reading.take_rows(
            records, numbers, texts=list(reading.texts), label=reading.label, classes=dict(reading.classes)
        )
        for name, numbers in reading.numbers.items()
    }
