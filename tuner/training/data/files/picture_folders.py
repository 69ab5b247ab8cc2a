"""Folders of pictures: folders by class, folders by split and class, or a table beside the pictures."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from tuner.errors import DataError
from tuner.study.data_config import DataConfig
from tuner.training.data.files.file_rows import ONLY, FileRows, PlaceKind, Wanted
from tuner.training.data.files.format_keys import check_format
from tuner.training.data.files.picture_layout import Layout, find_layout
from tuner.training.data.files.picture_metadata import TableReader, read_beside, read_metadata
from tuner.training.data.files.picture_tables import PICTURES
from tuner.training.data.files.picture_walk import PictureWalk, endings_of, walk_pictures
from tuner.training.data.files.values import listed

_NO_COLUMN = "folders of pictures have no other column; metadata.csv with the column file_name may hold more"


def find_pictures(
    folder: Path, name: str, wanted: Wanted, data: DataConfig, read_table: TableReader
) -> dict[str, FileRows]:
    """Find the pictures below a folder, and their labels. No picture is opened.

    The labels are the names of the folders, or the rows of `metadata.csv` (or `.jsonl`, `.parquet`), which has the
    column `file_name`, or of a table in the folder. Hidden files and folders are no part of the data.

    Args:
        folder: The folder.
        name: Its name for messages, with which the names of the pictures begin.
        wanted: The columns of the study.
        data: The study file's `data`.
        read_table: Reads a table, given its path, its name for messages, the wanted columns and the study's `data`.

    Returns:
        The rows by split, each split under the name of its folder; `train` where there are no splits. The image is a
        struct of `bytes` (null) and the absolute `path`, the label a string. Rows have the order of their paths.

    Raises:
        DataError: The labels are unclear, or a column or a picture is missing.
    """
    walk = walk_pictures(folder, name)
    if not walk.pictures:
        there = f"; it holds {endings_of(walk.others)}" if walk.others else ""
        raise DataError("", "data.source", f"{name} holds no picture that Pillow reads{there}")
    if walk.metadata:
        return read_metadata(folder, name, walk, (wanted, data, read_table))
    layout = find_layout(walk.pictures, name, data.splits, labelled="label" in wanted.by_key)
    if walk.tables and (layout.problem or len(layout.classes) == 1):
        return read_beside(folder, name, walk, (wanted, data, read_table))
    if layout.problem:
        raise DataError("", "data.source", layout.problem)
    check_format(data, name)
    notes = (*layout.notes, *_notes(name, walk))
    splits = {split: _rows(folder, name, wanted, layout, split) for split in layout.splits}
    # The notes are about the whole folder, so one split has them.
    first = next(iter(splits))
    return {**splits, first: replace(splits[first], notes=notes)}


def _rows(folder: Path, name: str, wanted: Wanted, layout: Layout, split: str) -> FileRows:
    pictures = layout.splits[split]
    root = os.path.abspath(folder)
    image = wanted.by_key.get("image", ("image",))[0]
    label = wanted.by_key.get("label", ("label",))[0]
    wanted.check([image, label], _NO_COLUMN)
    labels = [layout.labels[picture] for picture in pictures]
    cells = [{"bytes": None, "path": os.path.join(root, picture)} for picture in pictures]
    columns = {image: pa.array(cells, PICTURES), label: pa.array(labels, pa.string())}
    return FileRows(
        name=name if split == ONLY and len(layout.splits) == 1 else f"{name}/{split}",
        table=pa.table({column: columns[column] for column in wanted.names}),
        kind=PlaceKind.PICTURE,
        numbers=np.arange(len(pictures), dtype=np.int64),
        paths=tuple(f"{name}/{picture}" for picture in pictures),
        reading=_reading(labels),
        classes={label: tuple(sorted(set(layout.labels.values())))},
    )


def _reading(labels: Sequence[str]) -> str:
    counts = Counter(labels)
    shown = listed([f"{label} {count:,}" for label, count in sorted(counts.items())])
    return f"{len(labels):,} pictures, labels by folder: {shown}"


def _notes(name: str, walk: PictureWalk) -> list[str]:
    notes = []
    others = tuple(sorted((*walk.others, *walk.tables)))
    if others:
        notes.append(f"files that are no pictures and are left out: {len(others):,} ({_list(name, others)})")
    if walk.underscored:
        notes.append(
            f"pictures left out in folders whose names begin with two underscores: {len(walk.underscored):,} "
            f"({_list(name, walk.underscored)}); rename the folders to use them"
        )
    if empty := _empty(walk):
        notes.append(f"folders without pictures: {len(empty):,} ({_list(name, empty)})")
    return notes


def _empty(walk: PictureWalk) -> tuple[str, ...]:
    """Return the folders without pictures whose parent has some."""
    full = {""}
    for picture in walk.pictures:
        parts = picture.split("/")[:-1]
        full |= {"/".join(parts[: end + 1]) for end in range(len(parts))}
    hidden = {path for path in walk.folders if any(part.startswith("__") for part in path.split("/"))}
    return tuple(
        path for path in walk.folders if path not in full and path not in hidden and path.rpartition("/")[0] in full
    )


def _list(name: str, paths: Sequence[str]) -> str:
    return listed([f"{name}/{path}" for path in paths])
