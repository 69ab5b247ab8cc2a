"""Owners: the supervisors that hold trials, and which of them have ended on this machine.

A lease tells a dead machine from a silent one by waiting. Of a process of its own the kernel knows at once: an owner
is the name of a socket in the abstract namespace, which is free again as soon as its process has ended, however that
was. The name says as well which kernel to ask, and in which network namespace: elsewhere a free name means nothing.
"""

from __future__ import annotations

import functools
import hashlib
import os
import socket
import uuid
from pathlib import Path


def new_owner() -> str:
    """Return a name for a supervisor that no other process has, and that is taken until this process ends."""
    owner = f"{socket.gethostname()[:24]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    if (kernel := _kernel()) is None:
        return owner
    owner_of_kernel = f"{owner}-{kernel}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as taken:
            taken.bind(_address(owner_of_kernel))
            taken.detach()  # not inherited by what this process runs; the kernel closes it
    except OSError:  # where processes are kept from it
        return owner
    return owner_of_kernel


def is_gone(owner: str | None) -> bool:
    """Return whether an owner has surely ended: its process was one of this machine's, and is no more."""
    if owner is None or owner.rpartition("-")[2] != _kernel():
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asking:
            asking.connect(_address(owner))
    except OSError as error:
        return isinstance(error, ConnectionRefusedError)  # nobody has that name
    return False


def _address(owner: str) -> bytes:
    return f"\0shichimi-{owner}".encode()


@functools.cache
def _kernel() -> str | None:
    """Return what a running kernel and a network namespace of it are known by, 16 digits; None where it is not said."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = os.stat("/proc/self/ns/net").st_ino
    except OSError:
        return None
    # A host's name as well: machines that were cloned as they ran have booted as one.
    said = f"{boot} {namespace} {socket.gethostname()}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]
