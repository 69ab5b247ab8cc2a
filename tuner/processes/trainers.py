"""Trainers: the processes that train, as their supervisor sees them."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tuner.errors import TrainerDied
from tuner.processes.fork_server import MAX_REQUEST
from tuner.processes.messages import Call, Raised, Returned
from tuner.security.credentials import trainer_environment

#: What every trainer imports, so that its parent imports it once; it names what transformers would import only in use.
PRELOAD = ("tuner.training.calls",)
#: The same for studies that train with a function of their own, which may do without torch.
PRELOAD_OWN = ("tuner.processes.calls",)
#: Seconds after which a trainer that closed its pipe must have ended.
_EXIT_S = 5.0
#: Unless the user says otherwise. OpenMP's threads would spin as they wait for each other: beside other work, a trial
#: of two threads then took eight times the processor time that it takes where they sleep.
_DEFAULTS = {"OMP_WAIT_POLICY": "passive"}
#: Without these, libraries start threads of their own, which a fork does not carry over, or look for a network.
_ENVIRONMENT = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # Where a model of the hub has no safetensors, transformers would take what a bot has made of it.
    "DISABLE_SAFETENSORS_CONVERSION": "1",
}


class Trainer:
    """One forked process and the pipe to it."""

    def __init__(self, pid: int, connection: Connection, parent: ForkServer) -> None:
        self.pid = pid
        # A number may be another process's once this one has ended; what this refers to is not.
        try:
            self._process: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._process = None
        self.connection = connection
        self._parent = parent

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, signal.SIGKILL)
            os.close(self._process)
            self._process = None
        self.connection.close()

    def exit_code(self) -> int | None:
        """Return the exit code of a process that has closed its pipe, negative for a signal; None if unknown."""
        return self.exit()[0]

    def exit(self) -> tuple[int | None, int]:
        """Return the exit code of a process that has closed its pipe, and how many steps it has counted."""
        return self._parent.exit(self.pid)


class ForkServer:
    """Starts trainers by forking a process that has imported everything already.

    Args:
        log: File that takes what trainers write to stdout and stderr; None passes it on to ours.
        preload: Modules to import once.
    """

    def __init__(self, log: Path | None = None, *, preload: Sequence[str] = PRELOAD) -> None:
        self._log = log
        self._preload = tuple(preload)
        self._shared: bytes | None = None
        self._spawn()

    def _spawn(self) -> None:
        #: Exit codes of the trainers that this process has forked, and their steps; None while they run.
        self._exits: dict[int, tuple[int, int] | None] = {}
        #: Whether it has forked since it was told what to share.
        self._has_shared = False
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._requests = ours
        output = None if self._log is None else self._log.open("ab")
        try:
            # In a session of its own: a Ctrl-C at the terminal reaches the supervisor alone.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tuner.processes.fork_server", str(theirs.fileno()), *self._preload],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output if output is not None else sys.stderr,
                stderr=output,
                env={**_DEFAULTS, **trainer_environment(os.environ), **_ENVIRONMENT, "PYTHONSAFEPATH": "1"},
                start_new_session=True,
            )
        finally:
            theirs.close()
            if output is not None:
                output.close()

    def restart(self) -> None:
        """Start the process again, unless it still runs."""
        if not self.alive:
            if not self._has_shared:  # making it may be what has ended the process
                self._shared = None
            self._requests.close()
            self._spawn()
            self._send_shared()

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def start(
        self, function: str, arguments: Mapping[str, Any], environment: Mapping[str, str] | None = None
    ) -> Trainer:
        """Fork a trainer.

        Args:
            function: `module:function` to call with the pipe and the arguments.
            arguments: What to call it with; together at most 128 KiB when pickled.
            environment: Set in the process before anything else.

        Raises:
            TrainerDied: The parent is gone.
        """
        request = pickle.dumps(Call(function=function, arguments=arguments, environment=environment or {}))
        assert len(request) < MAX_REQUEST
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with theirs:
                socket.send_fds(self._requests, [request], [theirs.fileno()])
            while True:
                kind, pid, status, steps = self._receive(timeout=None)
                if kind == "forked":
                    self._exits[pid], self._has_shared = None, True
                    return Trainer(pid, Connection(ours.detach()), self)
                self._exits[pid] = (status, steps)
        except OSError as error:
            ours.close()
            raise TrainerDied(f"the process that starts trainers ended: {self._end()}") from error

    def share(self, function: str, arguments: Mapping[str, Any]) -> None:
        """Have every trainer begin with what a call has made, which is made once and changed by none of them.

        Does not wait for it; what goes wrong in it stands in the log, and trainers then begin without.

        Args:
            function: `module:function`. It must start no thread, open no GPU and need no network.
            arguments: What to call it with; together at most 128 KiB when pickled.
        """
        self._shared = pickle.dumps(Call(function=function, arguments=arguments, environment={}))
        assert len(self._shared) < MAX_REQUEST
        self._send_shared()

    def _send_shared(self) -> None:
        if self._shared is not None:
            self._has_shared = False
            with contextlib.suppress(OSError):  # it has ended: who starts a trainer next is told
                self._requests.send(self._shared)

    def call(self, function: str, arguments: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Any:
        """Make a call that is no trial in a process of its own, and wait for what it returns.

        Raises:
            TrainerDied: The process ended without a word.
            TunerError: What the call raised.
        """
        trainer = self.start(function, arguments, environment)
        try:
            message = trainer.connection.recv()
        except (EOFError, OSError) as error:  # OSError: it ended in the middle of a message
            raise TrainerDied(f"{function} ended without a word: {describe_exit(trainer.exit_code())}") from error
        finally:
            trainer.kill()
        if isinstance(message, Raised):
            raise message.error()
        assert isinstance(message, Returned)
        return message.value

    def exit(self, pid: int) -> tuple[int | None, int]:
        """Return exit code and steps of a trainer that has closed its pipe; no code if its parent is another by now."""
        try:
            while pid in self._exits and self._exits[pid] is None:
                _, ended, status, steps = self._receive(timeout=_EXIT_S)
                self._exits[ended] = (status, steps)
        except OSError:
            return None, 0
        return self._exits.pop(pid, None) or (None, 0)

    def close(self) -> None:
        """End the process, and with it every trainer that still runs."""
        self._requests.close()
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _receive(self, timeout: float | None) -> tuple[str, int, int, int]:
        self._requests.settimeout(timeout)
        packet = self._requests.recv(4096)
        if not packet:
            raise ConnectionResetError("the warm parent closed its socket")
        message: tuple[str, int, int, int] = pickle.loads(packet)  # noqa: S301 (from our own child)
        return message

    def _end(self) -> str:
        try:
            return describe_exit(self._process.wait(timeout=_EXIT_S))
        except subprocess.TimeoutExpired:
            return "it hangs"


def describe_exit(code: int | None) -> str:
    """Return what an exit code says, in words."""
    if code is None:
        return "no exit code is known"
    if code < 0:
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"
    return f"exit code {code}"
