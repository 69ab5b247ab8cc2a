"""Decides whether a disk is full, for errors of trainers and of libraries that failed to write a file.

It does not import SQL, and so not `storage`, because trainers use it. `storage.places.is_full` tests the same two error
numbers for the checkpoint store.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
from pathlib import Path

#: Bytes below which a disk counts as full, once writing a checkpoint or a cache entry there has failed.
ROOM = 1 << 20
#: Parts of library messages, in lower case, that say that a disk is full.
_WORDS = ("no space left", "disk space", "os error 28")


def is_full(folder: Path, error: BaseException) -> bool:
    """Return whether an error means that the disk of a folder is full.

    Libraries raise errors of their own for a full disk. For an error that is not an `OSError`, the free space decides.
    """
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return has_no_room(folder)


def says_full(text: str) -> bool:
    """Return whether an error message says that a disk is full, where only the text has come from another process."""
    text = text.lower()
    return any(word in text for word in _WORDS)


def has_no_room(folder: Path) -> bool:
    """Return whether the disk of a folder has less than `ROOM` left; False where that cannot be read."""
    with contextlib.suppress(OSError):
        return shutil.disk_usage(folder).free < ROOM
    return False


def full_message(folder: Path) -> str:
    """Return the message that the disk of a folder is full."""
    return f"the disk of {folder} is full; make room there"
