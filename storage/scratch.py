"""A local folder for each process, for files on their way to or from a store.

The folder of a process that has ended is removed by the next process that uses the same scratch folder.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import uuid
from pathlib import Path

_LOCK = "lock"
_making = threading.Lock()
_made: dict[tuple[Path, int], Path] = {}


def workspace(scratch: Path) -> Path:
    """Return this process's folder below a scratch folder. Also remove the folders of processes that have ended.

    Raises:
        OSError: The scratch folder cannot be written to.
    """
    # By process: a forked process needs a folder of its own, because its parent removes files from the parent's.
    key = Path(os.path.realpath(scratch)), os.getpid()
    with _making:
        key[0].mkdir(parents=True, exist_ok=True)
        _sweep(key[0])
        if key not in _made or not (_made[key] / _LOCK).exists():  # a user has emptied the cache
            _made[key] = _make(key[0])
        return _made[key]


def new_folder(parent: Path, prefix: str) -> Path:
    """Create a folder with an unused name. The umask decides who may read it, unlike with `tempfile.mkdtemp`.

    Raises:
        OSError: The folder cannot be created.
    """
    folder = parent / f"{prefix}{uuid.uuid4().hex[:12]}"
    folder.mkdir()
    return folder


def _make(scratch: Path) -> Path:
    while True:
        folder = new_folder(scratch, "process-")
        # Never closed: while the lock is held, this process or one that it has forked is alive.
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / _LOCK).exists():
            return folder
        os.close(lock)  # another process swept the folder before it was locked


def _sweep(scratch: Path) -> None:
    for folder in scratch.glob("process-*"):
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR)
        except OSError:
            continue  # another process is just creating or sweeping it
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass  # locked: its process is alive
        finally:
            os.close(lock)
