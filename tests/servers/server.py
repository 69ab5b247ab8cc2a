"""What the servers have in common: a folder, a port, a start, an end."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Self

from servers.errors import ServerFailed

HOST = "127.0.0.1"
#: Seconds. A busy machine is slow; no server here takes as long to start or to end on one that works.
DEADLINE_S = 60.0
_POLL_S = 0.01
_KEEPER = Path(__file__).with_name("keeper.py")


def free_port() -> int:
    """Find a port that nobody listens at, and that stays free while its server is down.

    The ports above these go to outgoing connections: a client that tries again and again to reach a server that is down
    would in the end be given the server's own port, connect to itself, and keep the server from coming back.
    """
    above = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, random.randrange(10_000, above)))
            return int(probe.getsockname()[1])


class Server(ABC):
    """A server in a folder of its own, ended at the latest with the process that started it. Not thread-safe.

    Args:
        name: Begins the name of its folder.
        user: Whom it runs as and whom its folder belongs to; empty for whoever runs the tests.
        ending: What makes it end at once.
    """

    #: Why no server may be started; empty where one may.
    refused: ClassVar[str] = ""

    def __init__(self, name: str, *, user: str = "", ending: signal.Signals = signal.SIGTERM) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        if user:
            shutil.chown(self.folder, user)
        self._user = user
        self._ending = ending
        self._keeper: subprocess.Popen[bytes] | None = None
        self._pid = 0

    @abstractmethod
    def _command(self) -> Sequence[str | Path]:
        """Return the program and its arguments."""

    @abstractmethod
    def _answers(self) -> bool:
        """Try it."""

    def _end_rest(self) -> bool:
        """Kill what is left of a server whose main process has ended; tell whether nothing was."""
        return True

    @property
    def is_running(self) -> bool:
        """Whether its main process runs."""
        return self._keeper is not None and self._keeper.poll() is None

    @property
    def pid(self) -> int:
        """Pid of its main process.

        Raises:
            ServerFailed: It does not run.
        """
        if not self.is_running:
            raise self._failure("does not run")
        return self._pid

    def start(self) -> None:
        """Start, at the same port and with the same data as before, and return when it answers.

        Raises:
            ServerFailed: It runs already, it ended, or it did not answer in time.
        """
        if self.is_running:
            raise self._failure("runs already")
        assert not Server.refused, Server.refused
        arguments = [os.getpid(), self._ending.name, self._user, self.folder, *self._command()]
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", _KEEPER, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C is for the tests, which need the server to clean up
        )
        assert self._keeper.stdout is not None
        with self._keeper.stdout as said:
            self._pid = int(said.readline() or 0)
        self._wait_until(lambda: not self.is_running or self._answers(), "answer")
        if not self.is_running:
            raise self._failure("ended at its start")

    def kill(self) -> None:
        """Kill all of its processes, as a power cut does; return when none is left and it can be started again.

        Raises:
            ServerFailed: It does not run.
        """
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """End it and remove its folder. It cannot be started again."""
        if self.is_running:
            self._end(self._ending)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _end(self, how: signal.Signals) -> None:
        os.kill(self.pid, how)
        self._wait_until(lambda: not self.is_running and self._end_rest(), "end")

    def _wait_until(self, condition: Callable[[], bool], wish: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            if time.monotonic() > deadline:
                raise self._failure(f"did not {wish} within {DEADLINE_S:.0f} s")
            time.sleep(_POLL_S)

    def _failure(self, what: str) -> ServerFailed:
        log = self.folder / "log"
        end = log.read_text(encoding="utf-8", errors="replace")[-2000:] if log.exists() else "(nothing)"
        return ServerFailed(f"{type(self).__name__} {what}; its log ends:\n{end}")
