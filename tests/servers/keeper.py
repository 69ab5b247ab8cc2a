"""Runs one server for no longer than its owner lives: `python keeper.py OWNER ENDING USER FOLDER COMMAND...`.

A process between the two, since what the kernel sends at a parent's death comes with the end of the thread that forked,
and a pipe ends with the last fork of its owner. This one watches the owner itself and has a single thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
from typing import Any

_PR_SET_PDEATHSIG = 1
#: Seconds after which a server that was told to end is killed.
_GRACE_S = 20.0


def account_of(user: str) -> dict[str, Any]:
    """Return what makes a process of a user: arguments for `Popen`."""
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def start(ending: signal.Signals, user: str, folder: str, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Start the server as a user (empty: the same one) in its folder, where its output goes to `log`."""
    keeper, libc = os.getpid(), ctypes.CDLL(None)

    def end_with_the_keeper() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, ending)
        if os.getppid() != keeper:  # killed before the kernel was asked
            os._exit(1)

    # Not through runuser or su, which stay in between: and a change of user after the kernel was asked would undo it.
    account = account_of(user) if user else {}
    with open(os.path.join(folder, "log"), "ab") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=end_with_the_keeper,
            **account,
        )


def keep(owner: int, ending: signal.Signals, folder: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server has ended; end it, and remove its folder, where the owner has ended before."""
    ends = select.poll()
    ends.register(os.pidfd_open(server.pid), select.POLLIN)
    with contextlib.suppress(ProcessLookupError):
        ends.register(os.pidfd_open(owner), select.POLLIN)
        if os.getppid() == owner:
            ends.poll()
    if os.getppid() == owner:
        server.wait()
        return
    server.send_signal(ending)
    try:
        server.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    shutil.rmtree(folder, ignore_errors=True)


def main(owner: int, ending: signal.Signals, user: str, folder: str, *command: str) -> None:
    """Start the server, say its pid on stdout, keep it."""
    server = start(ending, user, folder, command)
    os.write(sys.stdout.fileno(), f"{server.pid}\n".encode())
    keep(owner, ending, folder, server)


if __name__ == "__main__":
    main(int(sys.argv[1]), signal.Signals[sys.argv[2]], *sys.argv[3:])
