"""The command as a process that is forked rather than started: see `command_server`."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO

from command_server import MAX_REQUEST

#: Beginnings of the names of variables that nothing reads which `command_server` has imported or what it stands on.
_READ_LATE = ("TUNER_", "TOY_", "HF_", "AWS_", "PG", "XDG_", "NO_PROXY", "PATH", "HOME", "COLUMNS", "PYTEST_")


def can_be_forked(environment: Mapping[str, str]) -> bool:
    """Return whether a forked command heeds its environment as one does that imports its libraries itself."""
    changed = {name for name in environment.keys() | _own().keys() if environment.get(name) != _own().get(name)}
    return all(name.startswith(_READ_LATE) for name in changed)


class ForkedCommand:
    """A running command, with those methods of `subprocess.Popen` that tests use.

    Args:
        arguments: With the path of the installed command first.
        folder: Where it runs.
        environment: All of its variables.
        stdin: What it reads; `subprocess.DEVNULL` for nothing.
    """

    def __init__(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], stdin: int | IO[str]
    ) -> None:
        pipes = [os.pipe() for _ in range(3)]
        self.stdout, self.stderr, self._told = (os.fdopen(read, encoding="utf-8") for read, _ in pipes)
        ends = [write for _, write in pipes]
        request = {"arguments": list(arguments), "folder": str(folder), "environment": dict(environment)}
        packet = json.dumps(request).encode()
        assert len(packet) < MAX_REQUEST
        with open(os.devnull) as nothing:
            typed = nothing if isinstance(stdin, int) else stdin
            socket.send_fds(_server(), [packet], [typed.fileno(), *ends])
        for end in ends:
            os.close(end)
        self.args = list(arguments)
        self.pid = int(self._told.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; return the exit code.

        Raises:
            subprocess.TimeoutExpired: It still runs after so many seconds.
        """
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(self._told.readline())
            self._told.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


@cache
def _own() -> dict[str, str]:
    """Return the environment that the process has which commands are forked from."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("TUNER_", "PYTHON"))}


@cache
def _server() -> socket.socket:
    """Start the process that commands are forked from, one for all tests of this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("command_server.py")), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=_own(),
            start_new_session=True,  # a Ctrl-C is for the tests
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
