"""Checkpoints behind fsspec, such as in S3: without renames, a checkpoint is whole once its manifest is there."""

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

#: Tries of each request; for other stores than S3, after those that the library for the store makes itself.
_TRIES = 4
#: No try begins later; seconds after the first one began.
_LAST_TRY_S = 30.0
#: Longest wait between two of them; seconds, drawn anew each time.
_LONGEST_WAIT_S = 8.0
#: For S3: seconds until a connection must be there, and of silence after which a request has failed; a store that
#: hangs holds a checkpoint up no longer. The tries are ours, so that a store that fails is noticed within seconds.
_S3 = {"connect_timeout": 10, "read_timeout": 30, "retries": {"mode": "standard", "total_max_attempts": 1}}


class RemotePlace:
    """A folder of a store that fsspec reaches.

    Args:
        url: An fsspec URL.
        scratch: Local folder for what is staged and fetched.
    """

    is_local = False

    def __init__(self, url: str, scratch: Path) -> None:
        self.shown = mask_password(url)
        self._url = url
        self._scratch = scratch
        #: Keys whose files may be there without their manifest, because we failed in between.
        self._halves: set[str] = set()

    def check_writable(self) -> None:
        """Write, read, list and remove; and see that there is a folder for what is on its way."""
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
            self._again(self._files.pipe_file, probe, b"x" * 4096)
            self._again(self._files.cat_file, probe)
            self._again(self._files.find, self._root)
            self._again(self._files.rm_file, probe)
        except Exception as error:  # each library has its own
            kind = CheckpointsUnreachable if _may_pass(error) or is_full(error) else CheckpointsUnwritable
            raise kind(f"checkpoints {self.shown} takes no files: {explain(error)}") from error

    def stage(self, attempt: str) -> Path:
        """Make a folder in this process's own part of the scratch folder."""
        with reporting(f"a checkpoint cannot be begun in {self._scratch}"):
            return new_folder(workspace(self._scratch), f"staged-{attempt.replace('/', '-')}-")

    def is_staged(self, entry: str) -> bool:
        """Nothing is staged in the place itself."""
        return False

    def publish(self, staged: Path, key: str, manifest: Manifest) -> None:
        """Remove what is there, then write each file, then the manifest."""
        doing = f"{self.shown}/{key} cannot be written"
        with reporting(doing, Exception):
            self._remove_halves(key)
            self._remove(key)
        try:
            with reporting(doing, Exception):
                for name in manifest.files:
                    self._again(self._files.put_file, os.fspath(staged / name), self._at(key, name))
            reach("files")
            with reporting(doing, Exception):
                self._again(self._files.pipe_file, self._at(key, MANIFEST), manifest.to_bytes())
        except CheckpointsUnreachable:
            self._halves.add(key)
            raise
        reach("manifest")
        self.release(staged)

    def read(self, path: str) -> bytes | None:
        """Read the file, with a few tries."""
        with reporting(f"{self.shown}/{path} cannot be read", Exception):
            try:
                if (self._again(self._files.info, self._at(path))["size"] or 0) > MAX_BYTES:
                    return b""
                content: bytes = self._again(self._files.cat_file, self._at(path))
            except (FileNotFoundError, IsADirectoryError):
                return None
            return content

    def fetch(self, key: str, sizes: Mapping[str, int]) -> Path:
        """Copy the files to this process's own part of the scratch folder, but none whose size is not what it was."""
        with reporting(f"{self.shown}/{key} cannot be copied to {self._scratch}", Exception):
            folder = new_folder(workspace(self._scratch), f"fetched-{key.replace('/', '-')}-")
            try:
                there = self._list(key)
                for name in [name for name, size in sizes.items() if there.get(f"{key}/{name}") == size]:
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    with suppress(FileNotFoundError):
                        self._again(self._files.get_file, self._at(key, name), os.fspath(folder / name))
            except BaseException:
                self.release(folder)
                raise
        return folder

    def release(self, folder: Path) -> None:
        """Remove only what is in the scratch folder."""
        scratch = Path(os.path.realpath(self._scratch))
        if folder.is_relative_to(scratch) and len(folder.relative_to(scratch).parts) > 1:
            shutil.rmtree(folder, ignore_errors=True)

    def listing(self, under: str = "") -> dict[str, int]:
        """List what is in the store now: no listing is kept."""
        with reporting(f"{self.shown} cannot be looked at", Exception):
            return self._list(under)

    def discard(self, entry: str) -> None:
        """Remove the manifest, then the files."""
        with reporting(f"{self.shown}/{entry} cannot be removed", Exception):
            self._remove(entry)

    def remove_root(self) -> None:
        """Do nothing: a store of objects has no folders."""

    def _remove_halves(self, key: str) -> None:
        attempt = key.rsplit("/", 1)[0]  # what other threads fail to write is theirs
        for half in [each for each in tuple(self._halves) if each.startswith(f"{attempt}/")]:
            self._remove(half)

    def _remove(self, entry: str) -> None:
        own = "/" not in entry and not entry.startswith(".")
        listed = [entry] if entry.endswith("/") else self._list(entry)
        paths = [path for path in listed if not own or path.count("/") <= 1]
        for path in sorted(paths, key=lambda path: (path != f"{entry}/{MANIFEST}", path)):
            with suppress(FileNotFoundError):
                self._again(self._files.rm_file, self._at(path))
        self._halves.discard(entry)

    def _list(self, under: str) -> dict[str, int]:
        top = self._at(under) if under else self._root
        found = self._again(self._files.find, top, detail=True)
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

    def _again(self, request: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        import tenacity  # and with it asyncio, which a command that reads the database can do without

        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(_TRIES) | tenacity.stop_after_delay(_LAST_TRY_S),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=_LONGEST_WAIT_S),
            retry=tenacity.retry_if_exception(_may_pass),
            reraise=True,
        )
        return retrying(request, *arguments, **options)


def _may_pass(error: BaseException) -> bool:
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
