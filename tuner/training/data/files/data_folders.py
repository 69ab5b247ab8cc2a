"""Folders of data files: the files of each split."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from tuner.errors import DataError
from tuner.study.data_endings import ENDINGS, data_ending, is_data_file
from tuner.training.data.files.picture_walk import is_hidden
from tuner.training.data.files.values import listed

#: Files that are read, for messages.
READABLE = f"{', '.join(ending[1:] for ending in list(ENDINGS)[:-1])} or {list(ENDINGS)[-1][1:]}"
#: The part of a name that numbers the pieces of a split: `train-00000-of-00002.parquet`.
_PIECE = re.compile(r"-(\d{5})-of-(\d{5})$")
#: Files and folders that are looked at for a message.
_MOST = 1000


def files_of(folder: Path) -> dict[str, list[Path]]:
    """Return the files of a folder that can be read, by split: the file's name without ending and piece number.

    Raises:
        DataError: A piece of a split is missing, or one split has files of several kinds.
    """
    found: defaultdict[str, list[Path]] = defaultdict(list)
    # The hub's own layout keeps the files in a folder `data`.
    for place in (folder, folder / "data"):
        if found or not place.is_dir():
            continue
        for path in sorted(place.iterdir()):
            if path.is_file() and not is_hidden(path.name) and is_data_file(path.name):
                found[_PIECE.sub("", _stem(path))].append(path)
    for paths in found.values():
        _check_pieces(folder, paths)
    return dict(found)


def _stem(path: Path) -> str:
    ending = data_ending(path.name)
    return path.stem if ending is None or ending.compression is None else path.with_suffix("").stem


def _check_pieces(folder: Path, paths: Sequence[Path]) -> None:
    matches = [_PIECE.search(_stem(path)) for path in paths]
    numbers = [int(match[1]) for match in matches if match is not None]
    counts = {int(match[2]) for match in matches if match is not None}
    kinds = {"".join(path.suffixes[-2:]) for path in paths}
    if len(kinds) > 1 or len(counts) > 1 or (len(paths) > 1 and None in matches):
        named = " and ".join(path.name for path in paths)
        raise DataError("", "data.source", f"{folder} has {named}, which are one split; name one of these files")
    if missing := sorted(set(range(*counts)) - set(numbers) if counts else ()):
        lost = [paths[0].name.replace(f"-{numbers[0]:05}-of-", f"-{number:05}-of-") for number in missing]
        reason = f"{folder} lacks {listed(lost, 3)}; fetch it, or name the file of the rows that are to be used"
        raise DataError("", "data.source", reason)


def no_files(folder: Path, *, pictures: bool) -> DataError:
    """Return the error for a folder without data files, with the likeliest remedy.

    Args:
        folder: The folder.
        pictures: Whether there are pictures below it.
    """
    reason = f"{folder} holds no {READABLE} file"
    inside = [path for path in islice(folder.iterdir(), _MOST) if not is_hidden(path.name)]
    texts = sorted(path.name for path in inside if path.suffix.lower() == ".txt")
    full = sorted(path.name for path in inside if path.is_dir() and _holds_data(path))
    if pictures:
        reason += " but pictures, which are for the task image-classification"
    elif texts:
        reason += f" but {listed(texts, 3)}; name the one that is a table"
    elif full:
        reason += (
            f" itself, but its folders {listed(full)} do; name one, or put the files of all splits into one folder, "
            "such as train.csv and test.csv"
        )
    elif any(folder.rglob("*.txt")):
        reason += "; texts in files of their own are not read: write them into a table with the columns text and label"
    return DataError("", "data.source", reason)


def _holds_data(folder: Path) -> bool:
    return any(is_data_file(path.name) for path in islice(folder.iterdir(), _MOST))
