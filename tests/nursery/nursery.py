"""A nursery, as those see it who start commands."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tuner.cli.main import COMMANDS

_PROGRAM = Path(__file__).with_name("forking.py")
#: Variables that are read when they are needed. Any other may have been read by an import, or when a process began.
_READ_LATE = ("TUNER_", "TOY_", "WALK_", "AWS_", "HUNGRY", "NO_PROXY", "COLUMNS")
_NUMBER = struct.Struct("i")
#: What the command and its trainers import, at their beginning and in use.
COMMAND = (
    *(f"tuner.cli.{name}_command" for name in COMMANDS),
    "tuner.cli.reading",
    "tuner.cli.running",
    "tuner.dashboard.server",
    "tuner.supervisor",
    "tuner.training.jobs",
    "tuner.views",
    "tuner.warm",
    "alembic.config",
    "optuna.storages._rdb.models",
    "optuna.storages._rdb.storage",
    "optuna_dashboard",
    "psycopg",
    "rich._emoji_codes",
    "s3fs",
    "search_spaces.presets",
    "transformers.models.bert.modeling_bert",
)
#: What programs import that use a database.
DATABASE = ("storage", "alembic.config", "optuna.storages._rdb.models", "optuna.storages._rdb.storage", "psycopg")


class Forked:
    """A command that a nursery has forked, with what is used of `subprocess.Popen`.

    Args:
        arguments: The command.
        told: Where the nursery writes its pid, and how it ended.
    """

    def __init__(self, arguments: Sequence[str], told: int) -> None:
        self.args = list(arguments)
        self.returncode: int | None = None
        self._told = told
        self.pid = self._number()
        if self.pid is None:
            raise OSError("the nursery has ended")

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""
        return self._look(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; return the exit code.

        Raises:
            subprocess.TimeoutExpired: It did not end in so many seconds.
        """
        code = self._look(timeout)
        if code is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._told], [], [], timeout)[0]:
            code = self._number()
            # What a nursery that is gone had not told, nobody knows any more.
            self.returncode = -signal.SIGKILL if code is None else code
            os.close(self._told)
        return self.returncode

    def _number(self) -> int | None:
        said = os.read(self._told, _NUMBER.size)
        return _NUMBER.unpack(said)[0] if said else None


class Nursery:
    """A process that has imported what programs import, and forks them from itself.

    Of a command that is started so all is as where a shell starts it - its process and those below it, its folder, its
    environment, signals and output - but for what comes before its first line: imports take the processor for longer
    than most of what is tested. Tests of the wheel, of imports and of memory start it as a shell does.

    Args:
        environment: What it begins with.
        modules: What it imports.
    """

    def __init__(self, environment: Mapping[str, str], modules: Sequence[str]) -> None:
        self._environment = dict(environment)
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_PROGRAM), str(theirs.fileno()), *modules],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=self._environment,
                start_new_session=True,  # a Ctrl-C is for the tests
            )

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Whether a program with this environment can be forked: imports must not have read what it has otherwise."""
        differing = {name for name, _ in self._environment.items() ^ environment.items()}
        return all(name.startswith(_READ_LATE) for name in differing)

    def start(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], streams: tuple[int, int, int]
    ) -> Forked:
        """Fork a program, in a process group of its own.

        Args:
            arguments: `SCRIPT ...`, `python -P SCRIPT ...` or `python -c PROGRAM ...`.
            folder: Where it works.
            environment: Its variables.
            streams: Descriptors of its stdin, stdout and stderr; they stay open here.
        """
        told, tells = os.pipe()
        try:
            request = pickle.dumps((list(arguments), str(folder), dict(environment)))
            socket.send_fds(self._requests, [request], [*streams, tells])
        finally:
            os.close(tells)
        return Forked(arguments, told)

    def close(self) -> None:
        """End it. Programs that still run are not its own to end."""
        self._requests.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
