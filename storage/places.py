"""Places: the operations that `CheckpointStore` needs of a local folder or of a store behind fsspec."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from storage.errors import CheckpointError, CheckpointsUnreachable
from storage.manifests import Manifest
from storage.urls import mask_password


class Place(Protocol):
    """The files of one study. Paths are relative to the study's root, with / between folders. Threads may share it.

    Other processes, also on other machines, add and remove files meanwhile. A file that vanishes or appears is never
    an error in itself. Every method raises CheckpointsUnreachable if the place, or the local disk for staged and
    fetched files, fails.
    """

    #: Whether files are staged and used inside the place, without copies.
    is_local: bool
    #: The root's path or URL in messages, without a password.
    shown: str

    def check_writable(self) -> None:
        """Write and remove a file, to check that the place accepts writes.

        Raises:
            CheckpointsUnwritable: The place refuses to write files.
            CheckpointsUnreachable: The place does not answer or is full. It may accept writes later.
        """

    def stage(self, attempt: str) -> Path:
        """Return a new empty local folder for the files of an attempt, such as `trial-00003/attempt-2`."""

    def is_staged(self, entry: str) -> bool:
        """Return whether an entry of the place is a folder that this process has staged and not yet published."""

    def publish(self, staged: Path, key: str, manifest: Manifest) -> None:
        """Write the files that a manifest names, then the manifest. After a crash all of it is there or no manifest is.

        If this succeeds, the staged folder is gone. If this fails, the staged folder is unchanged.
        """

    def read(self, path: str) -> bytes | None:
        """Return a file's content; None if there is no such file; empty bytes if it is larger than any manifest."""

    def fetch(self, key: str, sizes: Mapping[str, int]) -> Path:
        """Return a local folder with those files of a checkpoint that exist. Does not check their content.

        Args:
            key: The checkpoint's key.
            sizes: Expected bytes by file name. A file of another size may be left out.
        """

    def release(self, folder: Path) -> None:
        """Remove a folder that `stage` or `fetch` made, or a folder below one. Leave any other folder alone."""

    def listing(self, under: str = "") -> dict[str, int]:
        """Return the bytes of every file below a folder, by path. An empty folder is listed with / at its end."""

    def discard(self, entry: str) -> None:
        """Remove a file or folder, then the parent folders that are empty by then.

        A crash in between leaves no folder that looks like a complete checkpoint. If the entry is a trial's own
        folder, only the files directly in it are removed, which belong to the older layout. If the entry ends with /,
        it is removed only if it is an empty folder.
        """

    def remove_root(self) -> None:
        """Remove the root if it is empty."""


@contextmanager
def reporting(doing: str, kind: type[Exception] = OSError) -> Iterator[None]:
    """Raise CheckpointsUnreachable in place of an error.

    Args:
        doing: The failed operation, which begins the message, such as "FILE cannot be read".
        kind: Type of the errors to replace. A CheckpointError passes unchanged.
    """
    try:
        yield
    except CheckpointError:
        raise
    except kind as error:
        raise CheckpointsUnreachable(f"{doing}: {explain(error)}") from error


def is_full(error: BaseException) -> bool:
    """Return whether an error means that a disk or a quota is full. Trying again does not help then."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def explain(error: BaseException) -> str:
    """Return the message of an error in one line, without passwords."""
    if is_full(error):
        return "the disk is full; make room there"
    said = (isinstance(error, OSError) and error.strerror) or str(error).strip() or type(error).__name__
    return mask_password(said.splitlines()[0])
