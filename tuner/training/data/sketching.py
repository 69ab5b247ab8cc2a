"""A first look at data of which no study says yet which column is which; called by name in a process of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.errors import DataError, TunerError
from tuner.processes.messages import Returned
from tuner.processes.progress_sender import ProgressSender
from tuner.study.data_config import DataConfig
from tuner.study.data_sketch import ColumnKind, ColumnSketch, DataSketch
from tuner.training.data.files.data_folders import files_of
from tuner.training.data.files.file_rows import Wanted
from tuner.training.data.files.picture_walk import holds_pictures
from tuner.training.data.loading import load_rows
from tuner.training.data.pictures import picture_endings
from tuner.training.data.split_names import find_split
from tuner.training.data.split_plan import SplitPlan

if TYPE_CHECKING:
    from collections.abc import Collection
    from multiprocessing.connection import Connection

    from tuner.training.progress import Progress

#: Rows whose values are looked at.
_ROWS = 20_000
#: Columns of data whose names say all that is to be known: the default ones of a study file.
_USUAL = {"text": ("text",), "label": ("label",)}
#: Names of columns of chats.
_CHATS = ("messages", "conversations", "conversation", "chat")
#: The name of a column that no file has.
_NOWHERE = "a column that is nowhere\n"
_COLUMN = re.compile(r"column '(.+?)' holds ")


class _ColumnsSeen(TunerError):
    """The reader has seen the columns of a file, and would now say that a wanted one is missing."""

    def __init__(self, present: tuple[str, ...]) -> None:
        super().__init__("columns were seen")
        self.present = present


@dataclass(frozen=True)
class _Asking(Wanted):
    """Columns that a file may not have; its reader then tells which ones it has."""

    def check(self, present: Collection[str], hint: str = "") -> None:
        raise _ColumnsSeen(tuple(present))


def sketch_data(connection: Connection, *, data: DataConfig, source: str, cache: Path) -> None:
    """Send a `DataSketch` of a source.

    Args:
        connection: The pipe.
        data: The study file's `data`, whose columns are not known yet.
        source: Path, URL or hub id.
        cache: Folder in which the library datasets may keep copies of files that it downloads.

    Raises:
        DataError: The source cannot be read.
        HubAway: The source is on the hub, which does not answer.
    """
    import datasets

    datasets.disable_caching()
    datasets.disable_progress_bars()
    connection.send(Returned(value=sketch(data, source, cache, ProgressSender(connection))))


def sketch(data: DataConfig, source: str, cache: Path, progress: Progress) -> DataSketch:
    """Look at the columns of a source.

    Args:
        data: As in `sketch_data`.
        source: As in `sketch_data`.
        cache: As in `sketch_data`.
        progress: Shows how far reading is.

    Raises:
        DataError: As `sketch_data`.
        HubAway: As `sketch_data`.
    """
    folder = Path(source)
    if folder.is_dir() and not files_of(folder) and holds_pictures(folder):
        rows, splits = _load(data, source, Wanted({"image": ("image",), "label": ("label",)}), cache, progress)
        return DataSketch(rows=len(rows), seen=0, splits=splits, columns=(), is_picture_folder=True)
    names = _columns(data, source, cache, progress)
    chats = [name for name in names if name.lower() in _CHATS]
    # A column of lists or objects is none of words: the reader names it, and it is left out.
    while True:
        words = [name for name in names if name not in chats]
        try:
            wanted = Wanted({key: tuple(each) for key, each in (("messages", chats), ("group", words)) if each})
            rows, splits = _load(data, source, wanted, cache, progress)
        except DataError as error:
            found = _COLUMN.search(error.reason)
            if found is None or found[1] not in names:
                raise
            names, chats = _without(found[1], names), [*_without(found[1], chats)]
            continue
        break
    first = rows.select(range(min(len(rows), _ROWS)))
    columns = [_sketched(name, first[name], is_chat=name in chats) for name in names]
    return DataSketch(rows=len(rows), seen=len(first), splits=splits, columns=tuple(columns))


def _columns(data: DataConfig, source: str, cache: Path, progress: Progress) -> tuple[str, ...]:
    """Return the names of all columns, as far as the reader tells them."""
    try:
        _load(data, source, _Asking(_USUAL), cache, progress)
    except _ColumnsSeen as seen:
        return seen.present
    usual = tuple(name for names in _USUAL.values() for name in names)
    try:  # the usual columns are there; a name that no file has makes the reader tell the others
        _load(data, source, _Asking({**_USUAL, "group": (_NOWHERE,)}), cache, progress)
    except _ColumnsSeen as seen:
        return seen.present
    except DataError:
        return usual
    return usual


def _load(
    data: DataConfig, source: str, wanted: Wanted, cache: Path, progress: Progress
) -> tuple[Any, tuple[str, ...]]:
    """Return the rows of the training split, or of the first one, and the names of all splits."""
    splits: list[str] = []

    def plan(present: Iterable[str]) -> SplitPlan:
        splits[:] = present
        base = find_split("train", splits) or splits[0]
        return SplitPlan(named={"train": base}, carved={}, base=base, order=("train",))

    loaded, _ = load_rows(source, data, wanted, plan, cache, progress)
    return next(iter(loaded.splits.values())), tuple(splits)


def _without(name: str, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(each for each in names if each != name)


def _sketched(name: str, values: Iterable[Any], *, is_chat: bool) -> ColumnSketch:
    filled = [str(each) for each in values if each is not None]
    kind = ColumnKind.CHATS if is_chat else ColumnKind.WORDS
    if not is_chat and filled and all(_is_picture(each) for each in filled[:100]):
        kind = ColumnKind.PICTURES
    words = sum(len(each.split()) for each in filled) / max(1, len(filled))
    return ColumnSketch(name=name, kind=kind, filled=len(filled), distinct=len(set(filled)), words=words)


def _is_picture(value: str) -> bool:
    return Path(value).suffix.lower() in picture_endings()
