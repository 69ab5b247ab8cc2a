"""Checkpoints in a local folder or on a shared disk. Files are synced to disk, then one rename makes them visible."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from storage.crash_points import reach
from storage.errors import CheckpointError, CheckpointsUnreachable, CheckpointsUnwritable
from storage.keys import HEADS
from storage.manifests import LOST, MANIFEST, MAX_BYTES, Manifest, is_free_of_links
from storage.places import explain, is_full, reporting
from storage.scratch import new_folder

_STAGED = ".staged-"
_REMOVED = ".removed-"
#: Prefixes of tuner's folders in the root, including the older layout's.
_OURS = ("trial-", ".trial-", ".replaced-", HEADS)
#: Number of tries if another process creates or removes the same folder at the same time.
_TRIES = 100


class LocalPlace:
    """A local folder. Symbolic links below it are not followed.

    Args:
        folder: An absolute path.
    """

    is_local = True

    def __init__(self, folder: Path) -> None:
        self.shown = str(folder)
        self._root = Path(os.path.realpath(folder))
        #: Folders that this process has staged and not published, as paths below the root.
        self._staged: set[str] = set()

    def check_writable(self) -> None:
        """Create the folder, and a temporary file without a name in it."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._root) as file:
                file.write(b"x" * 4096)
        except OSError as error:
            kind = CheckpointsUnreachable if is_full(error) else CheckpointsUnwritable
            raise kind(f"checkpoints folder {self.shown} takes no files: {explain(error)}") from error

    def stage(self, attempt: str) -> Path:
        """Create a hidden folder beside the attempt's checkpoints.

        So `publish` is a rename on one file system, and `CheckpointStore.tidy` finds the folder after a crash.
        """
        parent = self._root / attempt
        if not is_free_of_links(parent):
            raise CheckpointError(f"{parent} is a link, and no checkpoint is put behind one")
        with reporting(f"a checkpoint in {self.shown} cannot be begun"):
            folder = _new_folder_in(parent)
        self._staged.add(self._entry(folder))
        return folder

    def is_staged(self, entry: str) -> bool:
        """Return whether `stage` made the folder and neither `publish` nor `release` has ended its use."""
        return entry in self._staged

    def publish(self, staged: Path, key: str, manifest: Manifest) -> None:
        """Sync the staged files and the manifest, rename the folder, then sync the folders above it."""
        target = self._root / key
        with reporting(f"{self.shown}/{key} cannot be written"):
            # Some libraries write files that only their own user may read. A worker of another user must be able to
            # resume from them, so the files get the mode that the umask gave the folder.
            mode = staged.stat().st_mode & 0o666
            for name in manifest.files:
                (staged / name).chmod(mode)
                _sync(staged / name)
        reach("files")
        with reporting(f"{self.shown}/{key} cannot be written"):
            (staged / MANIFEST).write_bytes(manifest.to_bytes())
            _sync(staged / MANIFEST)
            _sync_folders(staged)
            target.parent.mkdir(parents=True, exist_ok=True)
            _take_the_place(staged, target)
            for folder in (*target.parents[: key.count("/")], self._root, self._root.parent):
                _sync(folder)
        self._staged.discard(self._entry(staged))
        reach("manifest")

    def read(self, path: str) -> bytes | None:
        """Return the file's content; None if the path contains a link or there is no such file."""
        with reporting(f"{self.shown}/{path} cannot be read"):
            try:
                return _read_plain(self._root / path) if is_free_of_links(self._root / path) else None
            except OSError as error:
                if error.errno in LOST:
                    return None
                raise

    def fetch(self, key: str, sizes: Mapping[str, int]) -> Path:
        """Return the checkpoint's own folder; nothing is copied."""
        return self._root / key

    def release(self, folder: Path) -> None:
        """Remove a folder only if it is a staged one or below one."""
        inside = folder.relative_to(self._root).parts if folder.is_relative_to(self._root) else ()
        if any(part.startswith(_STAGED) for part in inside):
            self._staged.discard(self._entry(folder))
            with reporting(f"{folder} cannot be removed"):
                _remove_folder(folder)
                if inside[-1].startswith(_STAGED):
                    self._prune(folder.parent)

    def listing(self, under: str = "") -> dict[str, int]:
        """Walk the folder. In the root, skip folders whose names have none of tuner's prefixes."""
        top = self._root / under
        if not is_free_of_links(top):
            return {}
        with reporting(f"{self.shown} cannot be looked at"):
            return dict(_walk(top, under))

    def discard(self, entry: str) -> None:
        """Rename a folder to a name that is not a key, then remove it."""
        path = self._root / entry
        if not is_free_of_links(path.parent):
            return
        with reporting(f"{self.shown}/{entry} cannot be removed"):
            if entry.endswith("/"):
                self._prune(path)
            elif path.is_symlink() or not path.is_dir():
                path.unlink(missing_ok=True)
            elif "/" in entry or entry.startswith("."):
                _remove_folder(_hidden(path))
            else:
                _remove_files(path)
                self._prune(path)
            self._prune(path.parent)

    def remove_root(self) -> None:
        """Remove the folder if it is empty."""
        _remove_empty(self._root)

    def _entry(self, folder: Path) -> str:
        return os.path.relpath(folder, self._root)

    def _prune(self, folder: Path) -> None:
        while folder != self._root and folder.is_relative_to(self._root) and _remove_empty(folder):
            folder = folder.parent


def _read_plain(path: Path) -> bytes | None:
    """Return the content of a regular file; None for another kind of file; empty if it is larger than any manifest.

    Opened without blocking: a named pipe in place of the file must not make this wait.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        return b"" if status.st_size > MAX_BYTES else file.read(MAX_BYTES)


def _new_folder_in(parent: Path) -> Path:
    for _ in range(_TRIES):
        try:
            parent.mkdir(parents=True, exist_ok=True)
            return new_folder(parent, _STAGED)
        except (FileNotFoundError, FileExistsError):
            continue  # another thread or process has just removed the folder, which was empty
    return new_folder(parent, _STAGED)


def _take_the_place(staged: Path, target: Path) -> None:
    replaced = None
    for _ in range(_TRIES):
        try:
            staged.rename(target)
            break
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                if replaced is not None:
                    with suppress(OSError):
                        replaced.rename(target)
                raise
            # Renamed before it is removed: removing it in place would leave an incomplete folder under the key.
            replaced = _hidden(target)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    if replaced is not None:
        _remove_folder(replaced)


def _hidden(path: Path) -> Path:
    """Rename a folder to a hidden name, which is not a key; return the new path."""
    if path.name.startswith("."):
        return path
    hidden = path.with_name(f"{_REMOVED}{path.name}-{os.urandom(6).hex()}")
    with suppress(FileNotFoundError):  # another process was faster
        path.rename(hidden)
    return hidden


def _remove_folder(folder: Path) -> None:
    for _ in range(_TRIES):
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            if not folder.exists():
                return
        except NotADirectoryError:
            folder.unlink(missing_ok=True)
            return
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:  # another process still writes there
                raise
        else:
            return


def _remove_files(folder: Path) -> None:
    (folder / MANIFEST).unlink(missing_ok=True)
    for path in [*folder.iterdir()]:
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)


def _remove_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _walk(folder: Path, path: str) -> Iterator[tuple[str, int]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    if path and not entries:
        yield f"{path}/", 0
    for entry in entries:
        below = f"{path}/{entry.name}" if path else entry.name
        try:
            if entry.is_dir(follow_symlinks=False):
                if path or entry.name.startswith(_OURS):
                    yield from _walk(Path(entry.path), below)
            else:
                yield below, entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            continue


def _sync_folders(top: Path) -> None:
    for folder, _, _ in os.walk(top, topdown=False):
        _sync(Path(folder))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)
