"""The files below a folder of pictures: pictures, tables and others, without those that systems hide."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from tuner.errors import DataError
from tuner.study.data_endings import is_data_file
from tuner.training.data.pictures import picture_endings

#: Files and folders that systems write beside pictures, in small letters. Names with a leading dot are hidden, too.
_JUNK = frozenset({"__macosx", "__pycache__", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir"})
#: Endings that a message names.
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class PictureWalk:
    """The files below a folder, as paths relative to it with `/`, in the order of their characters."""

    pictures: tuple[str, ...]
    #: Tables in the folder itself.
    tables: tuple[str, ...]
    #: Files `metadata.csv` and the like, in any folder.
    metadata: tuple[str, ...]
    #: All other files.
    others: tuple[str, ...]
    #: Folders, at any depth.
    folders: tuple[str, ...]
    #: Pictures in folders whose names begin with two underscores. The library datasets leaves them out, and so
    #: version 0.1 did.
    underscored: tuple[str, ...]


def walk_pictures(folder: Path, name: str) -> PictureWalk:
    """Find the files below a folder.

    Args:
        folder: The folder.
        name: Its name for messages.

    Raises:
        DataError: A folder may not be read, or a name is no text.
        ModelError: Pillow is not installed.
    """
    endings = picture_endings()
    folders: list[str] = []
    found: dict[str, list[str]] = {"picture": [], "table": [], "metadata": [], "other": [], "underscored": []}
    for path, is_folder in _below(folder, "", name, {os.path.realpath(folder)}):
        if not _is_text(path):
            raise DataError("", "data.source", f"the name of {name}/{path!a} is not utf-8; rename it")
        if is_folder:
            folders.append(path)
            continue
        pure = PurePosixPath(path)
        ending = pure.suffix.lower()
        if ending in endings:
            inside = any(part.startswith("__") for part in pure.parts[:-1])
            found["underscored" if inside else "picture"].append(path)
        elif is_data_file(pure.name) and pure.name.partition(".")[0] == "metadata":
            found["metadata"].append(path)
        else:
            found["table" if is_data_file(pure.name) and len(pure.parts) == 1 else "other"].append(path)
    return PictureWalk(
        pictures=tuple(sorted(found["picture"])),
        tables=tuple(sorted(found["table"])),
        metadata=tuple(sorted(found["metadata"])),
        others=tuple(sorted(found["other"])),
        folders=tuple(sorted(folders)),
        underscored=tuple(sorted(found["underscored"])),
    )


def some_pictures(folder: Path, name: str, most: int = 200_000) -> tuple[str, ...]:
    """Return pictures below a folder, as `PictureWalk.pictures`, of at most so many files; none where it fails.

    The folder of a table may be a whole home directory, so the walk is bounded.
    """
    endings = picture_endings()
    try:
        found = islice(_below(folder, "", name, {os.path.realpath(folder)}), most)
        return tuple(
            sorted(path for path, is_folder in found if not is_folder and PurePosixPath(path).suffix.lower() in endings)
        )
    except DataError:
        return ()


def holds_pictures(folder: Path) -> bool:
    """Return whether there is a picture below a folder, by the endings of the files; hidden ones do not count."""
    endings = picture_endings()
    below = _below(folder, "", folder.name, {os.path.realpath(folder)})
    return any(not is_folder and PurePosixPath(path).suffix.lower() in endings for path, is_folder in below)


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden, or written by a system beside the user's own files."""
    return name.startswith(".") or name.lower() in _JUNK


def endings_of(paths: tuple[str, ...]) -> str:
    """Return how many files there are of each ending, for messages: `12 .heic, 1 .txt`."""
    counts = Counter(PurePosixPath(path).suffix.lower() or "without an ending" for path in paths)
    shown = [f"{count:,} {ending}" for ending, count in counts.most_common(_NAMED)]
    return ", ".join(shown) + (", and others" if len(counts) > _NAMED else "")


def _below(folder: Path, inside: str, name: str, seen: set[str]) -> Iterator[tuple[str, bool]]:
    try:
        entries = [(entry.name, entry.is_dir(), entry.is_symlink()) for entry in os.scandir(folder)]
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DataError("", "data.source", f"the folder {name}/{inside} cannot be read: {reason}") from error
    for entry, is_folder, is_link in sorted(entries):
        if is_hidden(entry):
            continue
        yield inside + entry, is_folder
        if not is_folder:
            continue
        if is_link:
            # A link may lead to a folder above itself.
            real = os.path.realpath(folder / entry)
            if real in seen:
                continue
            seen.add(real)
        yield from _below(folder / entry, f"{inside}{entry}/", name, seen)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
