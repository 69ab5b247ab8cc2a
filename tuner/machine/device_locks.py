"""Locks on devices, so that no two commands on one machine share a GPU."""

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
from tuner.machine.devices import Device, _listed


class DeviceLocks:
    """The GPUs that this command holds against every other command on the machine.

    One lock file a GPU, flocked, in a folder that all users share; the kernel frees it when the process ends,
    however it ends. Commands that see different folders (another TMPDIR, a container's own /tmp) do not see
    each other's locks. For one thread at a time, and not to be closed in a forked child, where it could
    unlock the parent's GPUs.

    Args:
        folder: Where the locks are; made if missing. By default `shichimi-devices` in the temporary folder.
    """

    #: Longest wait, in seconds, for another command that is choosing its GPUs, which takes milliseconds.
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
        """Take the free ones among the devices and hold them until `close`; all that were wanted, or none.

        Does not wait for a device. The CPU is never locked: devices without a GPU come back as they are.

        Args:
            devices: Candidates, the preferred first.
            wanted: How many GPUs to take; by default as many as are free, at least one.

        Returns:
            The devices taken, in the given order.

        Raises:
            DevicesBusy: No GPU is free, or fewer than wanted; names who holds the others.
            DeviceError: More are wanted than given, or the lock folder cannot be used.
        """
        gpus = [device for device in devices if device.kind == "cuda"]
        if not gpus:
            return tuple(devices)
        if wanted is not None and not 1 <= wanted <= len(gpus):
            raise DeviceError(f"{wanted} GPUs wanted of {_listed(gpus)}")
        try:
            self._open_folder()
            # One chooses after the other: else two that want 3 of 4 GPUs could take 2 each and both give up.
            with FileLock(self._folder / "choosing.lock", timeout=self.CHOOSING_S, mode=0o666):
                return self._take_free(gpus, wanted)
        except Timeout as error:
            raise DevicesBusy(f"another command has kept {error.lock_file} for {self.CHOOSING_S:g} s") from error
        except OSError as error:
            raise DeviceError(f"GPUs cannot be locked in {self._folder}: {error}") from error

    def close(self) -> None:
        """Let go of every device; closing again does nothing."""
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
        # Not thread-local: whichever thread ends the command must be able to release.
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
            # Past the umask; sticky, so that users cannot remove each other's files.
            self._folder.chmod(0o1777)
        if self._folder_fd is None:
            self._folder_fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            # systemd-tmpfiles removes old files from /tmp, but skips folders that are flocked. A lock file
            # removed under a long study would let a second command lock a new file of the same name.
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
    """Overwrite a file that any user may overwrite; a courtesy to readers, so that failing is no error."""
    flags = os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
    with suppress(OSError):
        try:
            # Exclusive: in a sticky folder Linux refuses O_CREAT on an existing file of another user.
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
            os.fchmod(descriptor, 0o666)
        except FileExistsError:
            descriptor = os.open(path, flags)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
