"""Names of owners, the supervisors that hold trials, and a check whether an owner on this machine has ended.

Other machines learn that a supervisor is dead only by waiting for its lease to expire. On the same machine the kernel
knows at once: an owner's name is also the name of a socket in the abstract namespace, which the kernel frees when the
process ends, even by SIGKILL. The name includes the kernel and its network namespace, since the check works only there.
"""

from __future__ import annotations

import functools
import hashlib
import os
import socket
import uuid
from pathlib import Path


def new_owner() -> str:
    """Return a unique name for a supervisor, and bind its socket until this process ends."""
    owner = f"{socket.gethostname()[:24]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    if (kernel := _kernel()) is None:
        return owner
    owner_of_kernel = f"{owner}-{kernel}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as taken:
            taken.bind(_address(owner_of_kernel))
            taken.detach()  # the kernel closes it when this process ends; child processes that exec do not inherit it
    except OSError:  # the system forbids such sockets, so only the lease's expiry shows the end
        return owner
    return owner_of_kernel


def is_gone(owner: str | None) -> bool:
    """Return whether an owner has certainly ended: its process ran on this machine and no longer exists.

    False if it is alive, is None, or ran elsewhere.
    """
    if owner is None or owner.rpartition("-")[2] != _kernel():
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asking:
            asking.connect(_address(owner))
    except OSError as error:
        return isinstance(error, ConnectionRefusedError)  # no process has bound the name
    return False


def _address(owner: str) -> bytes:
    return f"\0shichimi-{owner}".encode()


@functools.cache
def _kernel() -> str | None:
    """Return 16 hexadecimal digits that identify the running kernel and this network namespace; None if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = os.stat("/proc/self/ns/net").st_ino
    except OSError:
        return None
    # With the host's name: virtual machines cloned while running share the boot id.
    identity = f"{boot} {namespace} {socket.gethostname()}"
    return hashlib.sha256(identity.encode()).hexdigest()[:16]
