"""Locks on GPUs, so that no two commands on one machine train on the same GPU."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from filelock import FileLock, Timeout

from tuner.errors import DeviceError, DevicesBusy
from tuner.machine.devices import Device, listed


class DeviceLocks:
    """The locks on the GPUs of this command.

    Each GPU has a lock file in a folder that all users share. The command holds an `flock` on the file, which the
    kernel releases when the process ends, also when it is killed. Commands that see different folders (another TMPDIR,
    a container's own /tmp) do not see each other's locks.

    Use it from one thread at a time. Do not close it in a forked child, which could unlock the parent's GPUs.

    Args:
        folder: Folder of the lock files; made if missing. By default `shichimi-devices` in the temporary folder.
    """

    #: Longest wait, in seconds, while another command chooses its GPUs. Choosing takes milliseconds.
    CHOOSING_S = 10.0

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir(), "shichimi-devices")
        self._held: dict[str, FileLock] = {}
        self._folder_fd: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def acquire_free(self, devices: Sequence[Device], wanted: int | None = None) -> tuple[Device, ...]:
        """Lock free GPUs among the devices and hold the locks until `close`.

        It locks as many GPUs as are wanted or none at all, and never waits for a GPU to become free. The CPU is never
        locked: without a GPU among them the devices are returned as they are.

        Args:
            devices: Candidates, the preferred ones first.
            wanted: Number of GPUs to lock. By default all that are free, at least one.

        Returns:
            The locked devices, in the given order.

        Raises:
            DevicesBusy: Fewer GPUs are free than wanted. The message names the processes that hold the others.
            DeviceError: More GPUs are wanted than given, or the lock folder cannot be used.
        """
        gpus = [device for device in devices if device.kind == "cuda"]
        if not gpus:
            return tuple(devices)
        if wanted is not None and not 1 <= wanted <= len(gpus):
            raise DeviceError(f"{wanted} GPUs wanted of {listed(gpus)}")
        try:
            self._open_folder()
            # One command chooses at a time. Otherwise two commands that each want 3 of 4 GPUs could lock 2 each, and
            # both would give up.
            with FileLock(self._folder / "choosing.lock", timeout=self.CHOOSING_S, mode=0o666):
                return self._take_free(gpus, wanted)
        except Timeout as error:
            raise DevicesBusy(f"another command has kept {error.lock_file} for {self.CHOOSING_S:g} s") from error
        except OSError as error:
            raise DeviceError(f"GPUs cannot be locked in {self._folder}: {error}") from error

    def close(self) -> None:
        """Unlock every GPU. Closing again does nothing."""
        for device_id in list(self._held):
            self._release(device_id)
        if self._folder_fd is not None:
            os.close(self._folder_fd)
            self._folder_fd = None

    def _take_free(self, gpus: Sequence[Device], wanted: int | None) -> tuple[Device, ...]:
        taken: list[Device] = []
        busy: list[Device] = []
        with ExitStack() as undo:
            for device in gpus:
                if len(taken) == wanted:
                    break
                if self._take(device):
                    taken.append(device)
                    undo.callback(self._release, device.id)
                else:
                    busy.append(device)
            if len(taken) < (wanted or 1):
                raise DevicesBusy(
                    self._busy_message(busy, len(taken), wanted), labels=tuple(each.label for each in busy)
                )
            undo.pop_all()
        return tuple(taken)

    def _take(self, device: Device) -> bool:
        # Not thread-local: a lock must be releasable from another thread than the one that took it.
        lock = FileLock(self._path(device.id, "lock"), mode=0o666, thread_local=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return False
        self._held[device.id] = lock
        holder = {"pid": os.getpid(), "host": socket.gethostname()}
        _write_shared(self._path(device.id, "holder"), json.dumps(holder))
        return True

    def _release(self, device_id: str) -> None:
        _write_shared(self._path(device_id, "holder"), "")
        self._held.pop(device_id).release()

    def _path(self, device_id: str, suffix: str) -> Path:
        # Drivers before R470 name MIG devices MIG-GPU-<uuid>/<instance>/<instance>.
        return self._folder / f"{device_id.replace('/', '_')}.{suffix}"

    def _open_folder(self) -> None:
        with suppress(FileExistsError):
            self._folder.mkdir(parents=True)
            # `chmod` because the umask narrows the mode of `mkdir`. The sticky bit keeps users from removing each
            # other's files.
            self._folder.chmod(0o1777)
        if self._folder_fd is None:
            self._folder_fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            # systemd-tmpfiles removes old files from /tmp but skips folders that are flocked. If it removed a lock
            # file during a long study, a second command could lock a new file of the same name.
            with suppress(BlockingIOError):
                fcntl.flock(self._folder_fd, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def _busy_message(self, busy: Sequence[Device], free: int, wanted: int | None) -> str:
        asked = "no GPU is free" if wanted is None else f"{wanted} GPUs are wanted and {free} free"
        return f"{asked}: " + ", ".join(f"{each.label} is held by {self._holder(each.id)}" for each in busy)

    def _holder(self, device_id: str) -> str:
        try:
            holder: Any = json.loads(self._path(device_id, "holder").read_text())
            return f"process {holder['pid']} on {holder['host']}"
        except (OSError, ValueError, TypeError, KeyError):
            return "another command"


def _write_shared(path: Path, text: str) -> None:
    """Overwrite a file that any user may overwrite.

    The file only tells other users who holds a GPU, so a failure is ignored.
    """
    flags = os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
    with suppress(OSError):
        try:
            # O_EXCL: in a sticky folder Linux refuses a plain O_CREAT on an existing file of another user.
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
            os.fchmod(descriptor, 0o666)
        except FileExistsError:
            descriptor = os.open(path, flags)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
