"""Checkpoints in stores behind fsspec, such as S3. There are no renames: the manifest makes a checkpoint complete."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from storage.crash_points import reach
from storage.errors import CheckpointsUnreachable, CheckpointsUnwritable
from storage.manifests import MANIFEST, MAX_BYTES, Manifest
from storage.places import explain, is_full, reporting
from storage.scratch import new_folder, workspace
from storage.urls import mask_password

#: Number of tries of each request. The libraries of stores other than S3 may also try again within each of these.
_TRIES = 4
#: Seconds after the start of the first try, after which no other try begins.
_LAST_TRY_S = 30.0
#: Longest wait between two tries in seconds. The wait is drawn at random each time.
_LONGEST_WAIT_S = 8.0
#: Settings of the S3 client. The timeouts, in seconds, limit how long a hanging store delays a checkpoint. The client
#: makes one try only. `_retry` makes the others, so that a failing store is noticed within seconds.
_S3 = {"connect_timeout": 10, "read_timeout": 30, "retries": {"mode": "standard", "total_max_attempts": 1}}


class RemotePlace:
    """A folder of a store behind fsspec.

    Args:
        url: An fsspec URL.
        scratch: Local folder for staged and fetched files.
    """

    is_local = False

    def __init__(self, url: str, scratch: Path) -> None:
        self.shown = mask_password(url)
        self._url = url
        self._scratch = scratch
        #: Keys of which this process may have written files but no manifest, because `publish` failed.
        self._incomplete: set[str] = set()

    def check_writable(self) -> None:
        """Write, read, list and remove a file in the store, and check that the scratch folder can be used."""
        try:
            workspace(self._scratch)
        except OSError as error:
            kind = CheckpointsUnreachable if is_full(error) else CheckpointsUnwritable
            raise kind(
                f"checkpoints for {self.shown} go through {self._scratch}, which takes no files: {explain(error)}; "
                "TUNER_CACHE names another folder"
            ) from error
        try:
            probe = f"{self._root}/.probe-{uuid.uuid4().hex}"
            self._retry(self._files.pipe_file, probe, b"x" * 4096)
            self._retry(self._files.cat_file, probe)
            self._retry(self._files.find, self._root)
            self._retry(self._files.rm_file, probe)
        except Exception as error:  # each store's library raises its own types
            kind = CheckpointsUnreachable if _is_transient(error) or is_full(error) else CheckpointsUnwritable
            raise kind(f"checkpoints {self.shown} takes no files: {explain(error)}") from error

    def stage(self, attempt: str) -> Path:
        """Create a folder in this process's part of the scratch folder."""
        with reporting(f"a checkpoint cannot be begun in {self._scratch}"):
            return new_folder(workspace(self._scratch), f"staged-{attempt.replace('/', '-')}-")

    def is_staged(self, entry: str) -> bool:
        """Return False: files are staged in the scratch folder, never in the store."""
        return False

    def publish(self, staged: Path, key: str, manifest: Manifest) -> None:
        """Remove the checkpoint that has the key, then write each file, then the manifest."""
        doing = f"{self.shown}/{key} cannot be written"
        with reporting(doing, Exception):
            self._remove_incomplete(key)
            self._remove(key)
        try:
            with reporting(doing, Exception):
                for name in manifest.files:
                    self._retry(self._files.put_file, os.fspath(staged / name), self._at(key, name))
            reach("files")
            with reporting(doing, Exception):
                self._retry(self._files.pipe_file, self._at(key, MANIFEST), manifest.to_bytes())
        except CheckpointsUnreachable:
            self._incomplete.add(key)
            raise
        reach("manifest")
        self.release(staged)

    def read(self, path: str) -> bytes | None:
        """Return the file's content; transient errors are tried again."""
        with reporting(f"{self.shown}/{path} cannot be read", Exception):
            try:
                if (self._retry(self._files.info, self._at(path))["size"] or 0) > MAX_BYTES:
                    return b""
                content: bytes = self._retry(self._files.cat_file, self._at(path))
            except (FileNotFoundError, IsADirectoryError):
                return None
            return content

    def fetch(self, key: str, sizes: Mapping[str, int]) -> Path:
        """Copy the files to this process's part of the scratch folder, except those whose size differs."""
        with reporting(f"{self.shown}/{key} cannot be copied to {self._scratch}", Exception):
            folder = new_folder(workspace(self._scratch), f"fetched-{key.replace('/', '-')}-")
            try:
                there = self._list(key)
                for name in [name for name, size in sizes.items() if there.get(f"{key}/{name}") == size]:
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    with suppress(FileNotFoundError):
                        self._retry(self._files.get_file, self._at(key, name), os.fspath(folder / name))
            except BaseException:
                self.release(folder)
                raise
        return folder

    def release(self, folder: Path) -> None:
        """Remove a folder only if it is below a process's part of the scratch folder."""
        scratch = Path(os.path.realpath(self._scratch))
        if folder.is_relative_to(scratch) and len(folder.relative_to(scratch).parts) > 1:
            shutil.rmtree(folder, ignore_errors=True)

    def listing(self, under: str = "") -> dict[str, int]:
        """List the files in the store now; listings are not cached."""
        with reporting(f"{self.shown} cannot be looked at", Exception):
            return self._list(under)

    def discard(self, entry: str) -> None:
        """Remove the manifest, then the files."""
        with reporting(f"{self.shown}/{entry} cannot be removed", Exception):
            self._remove(entry)

    def remove_root(self) -> None:
        """Do nothing: a store of objects has no folders."""

    def _remove_incomplete(self, key: str) -> None:
        attempt = key.rsplit("/", 1)[0]  # only of the same attempt: other threads write those of other attempts
        for incomplete in [each for each in tuple(self._incomplete) if each.startswith(f"{attempt}/")]:
            self._remove(incomplete)

    def _remove(self, entry: str) -> None:
        own = "/" not in entry and not entry.startswith(".")
        listed = [entry] if entry.endswith("/") else self._list(entry)
        paths = [path for path in listed if not own or path.count("/") <= 1]
        for path in sorted(paths, key=lambda path: (path != f"{entry}/{MANIFEST}", path)):
            with suppress(FileNotFoundError):
                self._retry(self._files.rm_file, self._at(path))
        self._incomplete.discard(entry)

    def _list(self, under: str) -> dict[str, int]:
        top = self._at(under) if under else self._root
        found = self._retry(self._files.find, top, detail=True)
        return {
            path[len(self._root) + 1 :]: int(about["size"] or 0)
            for path, about in found.items()
            if path == top or path.startswith(f"{top}/")
        }

    def _at(self, *parts: str) -> str:
        return "/".join((self._root, *parts))

    @property
    def _files(self) -> Any:
        return self._opened[0]

    @property
    def _root(self) -> str:
        return self._opened[1].rstrip("/")

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        is_s3 = self._url.startswith(("s3://", "s3a://"))
        files, root = url_to_fs(self._url, skip_instance_cache=True, **({"config_kwargs": _S3} if is_s3 else {}))
        files.dircache.use_listings_cache = False  # other machines write there too
        if is_s3:
            files.retries = 1
        return files, str(root)

    def _retry(self, request: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        import tenacity  # imports asyncio, too, which commands that only read the database do not need

        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(_TRIES) | tenacity.stop_after_delay(_LAST_TRY_S),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=_LONGEST_WAIT_S),
            retry=tenacity.retry_if_exception(_is_transient),
            reraise=True,
        )
        return retrying(request, *arguments, **options)


def _is_transient(error: BaseException) -> bool:
    lasting = (
        FileNotFoundError,
        FileExistsError,
        IsADirectoryError,
        NotADirectoryError,
        PermissionError,
        NotImplementedError,
        TypeError,
        ValueError,
    )
    return isinstance(error, Exception) and not isinstance(error, lasting) and not is_full(error)
