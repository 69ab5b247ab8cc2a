"""The splits of a source, each with a function that reads it: a split that no study needs is never read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote, urlsplit

from tuner.errors import DataError, first_line
from tuner.study.data_endings import DataKind, data_ending
from tuner.study.hub import hub_problem
from tuner.training.data.file_kinds import kind_without_rows
from tuner.training.data.files.arrow_rows import from_dataset, read_parquet
from tuner.training.data.files.data_folders import READABLE, files_of, no_files
from tuner.training.data.files.delimited import read_delimited
from tuner.training.data.files.file_rows import ONLY, FileRows, Wanted
from tuner.training.data.files.format_keys import DELIMITED, JSON, check_format
from tuner.training.data.files.json_rows import read_json
from tuner.training.data.files.picture_folders import find_pictures
from tuner.training.data.files.picture_tables import open_paths
from tuner.training.data.files.picture_walk import holds_pictures
from tuner.training.data.files.text_file import read_head

if TYPE_CHECKING:
    from tuner.study.data_config import DataConfig
    from tuner.training.progress import Progress

#: By split of the source, a function that reads its files.
Opened: TypeAlias = Mapping[str, Callable[[], list[FileRows]]]


def open_source(source: str, data: DataConfig, wanted: Wanted, cache: Path, progress: Progress) -> Opened:
    """Find the splits of a source.

    Args:
        source: Path, URL or hub id.
        data: The study file's `data`.
        wanted: The columns that the functions read.
        cache: Folder in which the library datasets may keep copies of files that it downloads.
        progress: Shows how far reading is.

    Raises:
        DataError: The source holds nothing that can be read.
        HubAway: The source is on the hub, which does not answer.
    """
    path = Path(source)
    reads = _Reads(data, wanted, progress)
    if "://" in source:
        name = unquote(Path(urlsplit(source).path).name)
        _check_ending(name, lambda: b"")
        return reads.file(_downloaded(source, cache), name)
    if path.is_file():
        _check_ending(path.name, lambda: read_head(path, path.name))
        return reads.file(path, path.name)
    if path.is_dir():
        return _of_folder(path, data, wanted, reads)
    if path.exists():
        raise DataError("", "data.source", f"{source} is neither a file nor a folder")
    check_format(data, source)
    return _of_hub(source, data, wanted, cache)


def _of_folder(path: Path, data: DataConfig, wanted: Wanted, reads: _Reads) -> Opened:
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        check_format(data, path.name)
        return _saved(path, wanted)
    files = files_of(path)
    pictures = (not files or "image" in wanted.by_key) and holds_pictures(path)
    if "image" in wanted.by_key and (pictures or not files):
        found = find_pictures(path, path.name, wanted, data, reads.table)
        return {split: partial(list, [rows]) for split, rows in found.items()}
    if not files:
        raise no_files(path, pictures=pictures)
    return reads.folder(path, files)


def _check_ending(name: str, head: Callable[[], bytes]) -> None:
    if data_ending(name) is not None:
        return
    kind = kind_without_rows(head())
    unknown = f"{name} has no ending of a {READABLE} file; give it the one that its content asks for"
    raise DataError("", "data.source", unknown if kind is None else f"{name} is {kind.words}")


class _Reads:
    """Reads files with one study's settings."""

    def __init__(self, data: DataConfig, wanted: Wanted, progress: Progress) -> None:
        self._data, self._wanted, self._progress = data, wanted, progress

    def file(self, path: Path, name: str) -> Opened:
        """Return the splits of one file: a JSON document may hold several."""
        if _kind(name) is DataKind.JSON:
            found = self._json(path, name)
            return {split: partial(list, [rows]) for split, rows in found.items()}
        return {ONLY: partial(self._table, path, name)}

    def table(self, path: Path, name: str, wanted: Wanted, data: DataConfig) -> FileRows:
        """Return the rows of one table, with paths of pictures as they are written."""
        kind = _kind(name)
        if kind is DataKind.PARQUET:
            check_format(data, name)
            return read_parquet(path, name, wanted)
        if kind is DataKind.JSON:
            check_format(data, name, JSON)
            (rows,) = read_json(path, name, wanted, data, self._progress).values()
            return rows
        check_format(data, name, DELIMITED)
        return read_delimited(path, name, wanted, data, self._progress)

    def folder(self, folder: Path, files: Mapping[str, list[Path]]) -> Opened:
        """Return the splits of a folder of files: each file is one, its pieces together."""
        return {split: partial(self._split, folder, paths) for split, paths in files.items()}

    def _split(self, folder: Path, paths: list[Path]) -> list[FileRows]:
        found: list[FileRows] = []
        for path in paths:
            name = f"{folder.name}/{path.relative_to(folder)}"
            if _kind(path.name) is not DataKind.JSON:
                found += self._table(path, name)
                continue
            inside = self._json(path, name)
            if len(inside) > 1:
                several = ", ".join(inside)
                raise DataError(
                    "", "data.source", f"{name} holds several splits ({several}); name this file as the source"
                )
            found += inside.values()
        return found

    def _table(self, path: Path, name: str) -> list[FileRows]:
        return [self._with_pictures(self.table(path, name, self._wanted, self._data), path)]

    def _json(self, path: Path, name: str) -> dict[str, FileRows]:
        check_format(self._data, name, JSON)
        found = read_json(path, name, self._wanted, self._data, self._progress)
        return {split: self._with_pictures(rows, path) for split, rows in found.items()}

    def _with_pictures(self, rows: FileRows, path: Path) -> FileRows:
        for column in self._wanted.by_key.get("image", ()):
            rows = open_paths(rows, column, path.parent)
        return rows


def _kind(name: str) -> DataKind | None:
    ending = data_ending(name)
    return None if ending is None else ending.kind


def _saved(folder: Path, wanted: Wanted) -> Opened:
    from datasets import DatasetDict, load_from_disk

    try:
        stored = load_from_disk(str(folder))
    except Exception as error:
        raise DataError(
            "", "data.source", f"{folder} cannot be read: it is damaged, or not what datasets saved"
        ) from error
    splits = dict(stored) if isinstance(stored, DatasetDict) else {ONLY: stored}
    return {
        str(name): partial(
            _one, from_dataset, rows, f"{folder.name}/{name}" if len(splits) > 1 else folder.name, wanted
        )
        for name, rows in splits.items()
    }


def _of_hub(source: str, data: DataConfig, wanted: Wanted, cache: Path) -> Opened:
    from datasets import load_dataset

    try:
        loaded = load_dataset(source, data.subset, revision=data.revision, cache_dir=str(cache / "datasets"))
    except Exception as error:
        raise hub_problem(error, source, data.subset) from error
    return {str(name): partial(_one, from_dataset, rows, f"{source} {name}", wanted) for name, rows in loaded.items()}


def _one(read: Callable[..., FileRows], *arguments: object) -> list[FileRows]:
    return [read(*arguments)]


def _downloaded(url: str, cache: Path) -> Path:
    from datasets.download import DownloadConfig, DownloadManager

    manager = DownloadManager(download_config=DownloadConfig(cache_dir=str(cache / "downloads")))
    try:
        return Path(manager.download(url))
    except Exception as error:  # each protocol has errors of its own
        offline = os.environ.get("HF_HUB_OFFLINE") and ", since HF_HUB_OFFLINE is set and it is not cached"
        reason = offline or f": {type(error).__name__}: {first_line(error)}"
        raise DataError("", "data.source", f"{url} cannot be read{reason}") from error
