"""A local folder of each process for files on their way to or from a store; gone with the process, or soon after."""

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
    """Return this process's folder below a scratch folder, having removed those of processes that are dead.

    Raises:
        OSError: The scratch folder takes no files.
    """
    key = Path(os.path.realpath(scratch)), os.getpid()  # a forked process has another one: its parent removes its own
    with _making:
        key[0].mkdir(parents=True, exist_ok=True)
        _sweep(key[0])
        if key not in _made or not (_made[key] / _LOCK).exists():  # people empty their caches
            _made[key] = _make(key[0])
        return _made[key]


def new_folder(parent: Path, prefix: str) -> Path:
    """Make a folder of an unused name, readable for whomever the umask lets.

    Raises:
        OSError: It cannot be made.
    """
    folder = parent / f"{prefix}{uuid.uuid4().hex[:12]}"
    folder.mkdir()
    return folder


def _make(scratch: Path) -> Path:
    while True:
        folder = new_folder(scratch, "process-")
        # Never closed by us: the lock says that the process lives, or one that it has forked.
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / _LOCK).exists():
            return folder
        os.close(lock)  # another process found it unlocked, and swept it


def _sweep(scratch: Path) -> None:
    for folder in scratch.glob("process-*"):
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR)
        except OSError:
            continue  # being made, or being swept
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass  # its process lives
        finally:
            os.close(lock)
