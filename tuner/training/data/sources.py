"""The splits of a source, each with a function that reads it: a split that no study needs is never read."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote, urlsplit

from tuner.errors import DataError, first_line
from tuner.study.data_endings import ENDINGS, DataKind, data_ending
from tuner.study.hub import hub_problem
from tuner.training.data.files.arrow_rows import from_dataset, read_parquet
from tuner.training.data.files.delimited import read_delimited
from tuner.training.data.files.file_rows import ONLY, FileRows, Wanted
from tuner.training.data.files.json_rows import read_json
from tuner.training.data.files.picture_folders import find_pictures
from tuner.training.data.files.picture_tables import open_paths
from tuner.training.data.files.picture_walk import holds_pictures

if TYPE_CHECKING:
    from tuner.study.data_config import DataConfig
    from tuner.training.progress import Progress

#: The part of a name that numbers the pieces of a split: `train-00000-of-00002.parquet`.
_PIECE = re.compile(r"-\d{5}-of-\d{5}$")

#: Files that are read, for messages.
_READABLE = f"{', '.join(ending[1:] for ending in list(ENDINGS)[:-1])} or {list(ENDINGS)[-1][1:]}"

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
        return reads.file(_downloaded(source, cache), unquote(Path(urlsplit(source).path).name))
    if path.is_file():
        return reads.file(path, path.name)
    if not path.is_dir():
        return _of_hub(source, data, wanted, cache)
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        return _saved(path, wanted)
    files = _files_of(path)
    if "image" in wanted.by_key and (not files or holds_pictures(path)):
        pictures = find_pictures(path, path.name, wanted, data, reads.table)
        return {split: partial(list, [rows]) for split, rows in pictures.items()}
    if not files:
        raise DataError("", "data.source", f"{source} holds no {_READABLE} file")
    return reads.folder(path, files)


class _Reads:
    """Reads files with one study's settings."""

    def __init__(self, data: DataConfig, wanted: Wanted, progress: Progress) -> None:
        self._data, self._wanted, self._progress = data, wanted, progress

    def file(self, path: Path, name: str) -> Opened:
        """Return the splits of one file: a JSON document may hold several."""
        ending = data_ending(name)
        if ending is None:
            raise DataError("", "data.source", f"{name} is no {_READABLE} file, as far as its ending tells")
        if ending.kind is DataKind.JSON:
            found = self._json(path, name)
            return {split: partial(list, [rows]) for split, rows in found.items()}
        return {ONLY: partial(self._table, path, name)}

    def table(self, path: Path, name: str, wanted: Wanted, data: DataConfig) -> FileRows:
        """Return the rows of one table, with paths of pictures as they are written."""
        kind = _kind(name)
        if kind is DataKind.PARQUET:
            return read_parquet(path, name, wanted)
        if kind is DataKind.JSON:
            (rows,) = read_json(path, name, wanted, data, self._progress).values()
            return rows
        return read_delimited(path, name, wanted, data, self._progress)

    def folder(self, folder: Path, files: Mapping[str, list[Path]]) -> Opened:
        """Return the splits of a folder of files: each file is one, its pieces together."""
        return {split: partial(self._split, folder, paths) for split, paths in files.items()}

    def _split(self, folder: Path, paths: list[Path]) -> list[FileRows]:
        endings = sorted({"".join(path.suffixes[-2:]) for path in paths})
        if len(endings) > 1:
            named = " and ".join(path.name for path in paths)
            raise DataError("", "data.source", f"{folder} has {named}, which are one split; name one of these files")
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
        found = read_json(path, name, self._wanted, self._data, self._progress)
        return {split: self._with_pictures(rows, path) for split, rows in found.items()}

    def _with_pictures(self, rows: FileRows, path: Path) -> FileRows:
        for column in self._wanted.by_key.get("image", ()):
            rows = open_paths(rows, column, path.parent)
        return rows


def _files_of(folder: Path) -> dict[str, list[Path]]:
    """Return the files of a folder that can be read, by split: the file's name without ending and piece number."""
    found: defaultdict[str, list[Path]] = defaultdict(list)
    # The hub's own layout keeps the files in a folder `data`.
    for place in (folder, folder / "data"):
        if found or not place.is_dir():
            continue
        for path in sorted(place.iterdir()):
            ending = data_ending(path.name)
            # README.txt and LICENSE.txt are no data; a text file of that ending has to be named.
            if path.is_file() and not path.name.startswith(".") and ending and path.suffix.lower() != ".txt":
                plain = path if ending.compression is None else path.with_suffix("")
                found[_PIECE.sub("", plain.stem)].append(path)
    return dict(found)


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
