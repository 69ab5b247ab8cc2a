"""Where checkpoints are put: what `CheckpointStore` needs of a local folder or of anything that fsspec reaches."""

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
    """The files of one study, by paths below its root with / between folders. Safe to share between threads.

    Others, on other machines too, add and remove files meanwhile: what vanishes or appears is never an error in itself.
    Every method raises CheckpointsUnreachable where the place, or the disk for what is staged and fetched, fails.
    """

    #: Whether files are staged and used in the place itself.
    is_local: bool
    #: The root, fit to be shown.
    shown: str

    def check_writable(self) -> None:
        """Write and remove a file.

        Raises:
            CheckpointsUnwritable: The place does not take any.
            CheckpointsUnreachable: It may some other time: it does not answer, or is full.
        """

    def stage(self, attempt: str) -> Path:
        """Return a new empty local folder for files of an attempt, such as `trial-00003/attempt-2`."""

    def is_staged(self, entry: str) -> bool:
        """Return whether this process uses that folder of the place for files that it is about to publish."""

    def publish(self, staged: Path, key: str, manifest: Manifest) -> None:
        """Put the files that a manifest names, then the manifest; a crash leaves nothing whole, or all of it.

        The staged folder is gone once all of it is there, and as it was where this fails.
        """

    def read(self, path: str) -> bytes | None:
        """Return what is in a file; None where there is none; nothing of one that is larger than any manifest."""

    def fetch(self, key: str, sizes: Mapping[str, int]) -> Path:
        """Return a local folder with the files that are there of those that a checkpoint should have.

        Args:
            key: The checkpoint.
            sizes: Bytes that each file should have; one of another size need not be copied.
        """

    def release(self, folder: Path) -> None:
        """Remove a folder that `stage` or `fetch` made, or one below it; leave any other alone."""

    def listing(self, under: str = "") -> dict[str, int]:
        """Return the bytes of every file below a folder, by path; an empty folder is listed with / at its end."""

    def discard(self, entry: str) -> None:
        """Remove a folder so that a crash leaves nothing that looks whole, or a file; then the folders it leaves empty.

        Of a trial's own folder only the files that are in it directly, which are the older layout's; of an entry with
        / at its end only an empty folder.
        """

    def remove_root(self) -> None:
        """Remove the root where it is empty."""


@contextmanager
def reporting(doing: str, kind: type[Exception] = OSError) -> Iterator[None]:
    """Turn errors of a kind into CheckpointsUnreachable, with what was being done."""
    try:
        yield
    except CheckpointError:
        raise
    except kind as error:
        raise CheckpointsUnreachable(f"{doing}: {explain(error)}") from error


def is_full(error: BaseException) -> bool:
    """Return whether there is no more room for files, which waiting does not mend."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def explain(error: BaseException) -> str:
    """Say in one line, and without passwords, what an error means."""
    if is_full(error):
        return "the disk is full; make room there"
    said = (isinstance(error, OSError) and error.strerror) or str(error).strip() or type(error).__name__
    return mask_password(said.splitlines()[0])
