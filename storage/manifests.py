"""Manifests: the names, sizes and digests of a checkpoint's files, against which a reader checks the files."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from storage.errors import CheckpointError

#: Name of the manifest's file in each checkpoint's folder.
MANIFEST = "manifest.json"
#: Largest size of a manifest in bytes. tuner writes no larger one.
MAX_BYTES = 1 << 24
#: Longest path in a manifest, and longest part of a path between two slashes, in bytes.
_MAX_NAME = 1024
_MAX_PART = 255
#: Error numbers that mean that a file is lost. Other errors mean that it cannot be read for now.
LOST = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EIO)


@dataclass(frozen=True, kw_only=True)
class FileDigest:
    """The expected size and digest of a file."""

    bytes: int
    sha256: str

    @property
    def is_possible(self) -> bool:
        """Whether the values read from a manifest have the right types and range."""
        return type(self.bytes) is int and self.bytes >= 0 and isinstance(self.sha256, str)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The expected files of a checkpoint, and the facts that a reader needs to use them."""

    #: JSON values, such as versions of libraries.
    facts: Mapping[str, Any]
    #: Expected size and digest by path below the checkpoint's folder, with / between folders.
    files: Mapping[str, FileDigest]

    @classmethod
    def of(cls, folder: Path, facts: Mapping[str, Any]) -> Manifest:
        """Build the manifest of a folder from the files in it.

        Raises:
            CheckpointError: A file is a link or a device, or has a name that a manifest cannot hold.
            OSError: A file cannot be read.
        """
        files = {
            path.relative_to(folder).as_posix(): FileDigest(bytes=path.stat().st_size, sha256=_sha256(path))
            for path in sorted(_plain_files(folder))
            if path != folder / MANIFEST
        }
        for name in files:
            if not _stays_inside(name):
                raise CheckpointError(f"{name[:200]!r} is no name for a file of a checkpoint")
        # Converted to JSON and back, as a reader will see them. Keys that are numbers become text and sort in another
        # order, which would change the digest.
        return cls(facts=json.loads(json.dumps(dict(facts))), files=files)

    @classmethod
    def parse(cls, text: bytes) -> Manifest:
        """Build a manifest from the bytes that `to_bytes` returned.

        Raises:
            ValueError: The text is not a manifest, or does not match its own digest.
        """
        try:
            if len(text) > MAX_BYTES:
                raise ValueError("is too long for a manifest")
            content = json.loads(text)
            digest = content.pop("sha256")
            files = {str(name): FileDigest(**expected) for name, expected in content["files"].items()}
            manifest = cls(facts=dict(content["facts"]), files=files)
        except (LookupError, AttributeError, TypeError, RecursionError) as error:
            raise ValueError("is no manifest") from error
        sound = all(_stays_inside(name) and file.is_possible for name, file in files.items())
        if not sound or digest != manifest.sha256:
            raise ValueError("is not what was written")
        return manifest

    @cached_property
    def sha256(self) -> str:
        """Digest of the manifest's content. Not of the file, because the file contains this digest."""
        return hashlib.sha256(json.dumps(self._content, sort_keys=True).encode()).hexdigest()

    @property
    def size(self) -> int:
        """Total bytes of the files, without the manifest."""
        return sum(file.bytes for file in self.files.values())

    def to_bytes(self) -> bytes:
        """Return the content of the manifest's file, for `parse`."""
        return json.dumps(self._content | {"sha256": self.sha256}, indent=1).encode()

    @property
    def _content(self) -> dict[str, Any]:
        files = {name: {"bytes": file.bytes, "sha256": file.sha256} for name, file in self.files.items()}
        return {"facts": dict(self.facts), "files": files}

    def damaged(self, folder: Path) -> str | None:
        """Return the name of the first file that is missing or differs from the manifest; None if all files match.

        Args:
            folder: The checkpoint's folder. A file counts as damaged if its path contains a symbolic link.

        Raises:
            OSError: A file cannot be read for now.
        """
        for name, expected in self.files.items():
            if not _matches(folder / name, expected):
                return name
        return None


def is_free_of_links(path: Path) -> bool:
    """Return whether no existing part of an absolute path is a symbolic link."""
    return not any(each.is_symlink() for each in (path, *path.parents))


def _matches(path: Path, expected: FileDigest) -> bool:
    try:
        # Links are refused: the file that a link leads to may change after this check.
        return (
            is_free_of_links(path)
            and path.is_file()
            and path.stat().st_size == expected.bytes
            and _sha256(path) == expected.sha256
        )
    except OSError as error:
        if error.errno in LOST:
            return False
        raise


def _plain_files(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _plain_files(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                yield Path(entry.path)
            else:
                raise CheckpointError(f"{entry.path} is no plain file and cannot be part of a checkpoint")


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    if name != str(path) or name in (".", MANIFEST) or path.is_absolute() or ".." in path.parts:
        return False
    try:
        sizes = [len(part.encode()) for part in path.parts]
    except UnicodeEncodeError:
        return False
    fits = len(name.encode()) <= _MAX_NAME and max(sizes) <= _MAX_PART
    return fits and not re.search(r"[\x00-\x1f\x7f]", name)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
