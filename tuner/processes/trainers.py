"""The supervisor's side of the fork server and of the trainers that it forks."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tuner.errors import TrainerDied
from tuner.processes.fork_server import MAX_REQUEST
from tuner.processes.messages import Call, Progressed, Raised, Returned
from tuner.processes.step_counter import StepCounter
from tuner.security.credentials import trainer_environment

#: Modules that the fork server imports once for all trainers. They also name the transformers classes that would
#: otherwise be imported on first use.
PRELOAD = ("tuner.training.calls",)
#: The same for studies that train with their own function, which may not need torch.
PRELOAD_OWN = ("tuner.processes.calls",)
#: Seconds after which a trainer that closed its pipe must have ended.
_EXIT_S = 5.0
#: Environment of trainers, unless the user sets the variables. By default OpenMP threads spin while they wait for each
#: other: beside other work, a trial of two threads then took eight times the CPU time that it takes with sleeping ones.
_DEFAULTS = {
    "OMP_WAIT_POLICY": "passive",
    # Bars that a study's own training shows, as transformers and datasets do, would fill the trainers' log.
    "TQDM_DISABLE": "1",
}
#: Environment of trainers, also where the user sets the variables. Otherwise libraries would start threads, which do
#: not survive a fork, or use the network.
_ENVIRONMENT = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # For a model without safetensors, transformers would download a conversion that a bot has made on the hub.
    "DISABLE_SAFETENSORS_CONVERSION": "1",
}


class Trainer:
    """A forked process, and the pipe to it."""

    def __init__(self, pid: int, connection: Connection, fork_server: ForkServer, counter: StepCounter) -> None:
        self.pid = pid
        self._counter = counter
        # The kernel may give the pid to another process once this one has ended. A pidfd always means this process.
        try:
            self._process: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._process = None
        self.connection = connection
        self._fork_server = fork_server

    def kill(self) -> None:
        """Kill the process and close the pipe."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, signal.SIGKILL)
            os.close(self._process)
            self._process = None
        self.connection.close()

    @property
    def optimiser_steps(self) -> int:
        """Optimiser steps that the process has counted so far, without those of earlier attempts."""
        return self._counter.done

    def exit_code(self) -> int | None:
        """Return the exit code of a process that has closed its pipe: negative for a signal, None if not known."""
        return self.exit()[0]

    def exit(self) -> tuple[int | None, int]:
        """Return exit code, as `exit_code`, and optimiser steps of a process that has closed its pipe."""
        return self._fork_server.exit(self.pid)


class ForkServer:
    """Starts trainers by forking a process that has imported the libraries already.

    Args:
        log: File for the output of trainers to stdout and stderr; None sends it to the stderr of this process.
        preload: Modules that the fork server imports.
    """

    def __init__(self, log: Path | None = None, *, preload: Sequence[str] = PRELOAD) -> None:
        self._log = log
        self._preload = tuple(preload)
        self._shared: bytes | None = None
        self._spawn()

    def _spawn(self) -> None:
        #: By pid, exit code and optimiser steps of the trainers that the process has forked; None while they run.
        self._exits: dict[int, tuple[int, int] | None] = {}
        #: Whether the process has forked a trainer since it was sent the shared call.
        self._has_shared = False
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._requests = ours
        output = None if self._log is None else self._log.open("ab")
        try:
            # In a session of its own, so that Ctrl-C at the terminal reaches the supervisor alone.
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

    @property
    def log(self) -> Path | None:
        """The file for the output of trainers; None where it goes to the stderr of this process."""
        return self._log

    def restart(self) -> None:
        """Start the process again, unless it still runs."""
        if not self.alive:
            if not self._has_shared:  # the shared call may have ended the process
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
            function: `module:function`, called in the trainer with the pipe and the arguments.
            arguments: Keyword arguments, together at most 128 KiB when pickled.
            environment: Environment variables, set in the trainer before the call.

        Raises:
            TrainerDied: The fork server has ended.
        """
        request = pickle.dumps(Call(function=function, arguments=arguments, environment=environment or {}))
        assert len(request) < MAX_REQUEST
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        memory = StepCounter.share()
        try:
            counter = StepCounter(memory)
            with theirs:
                socket.send_fds(self._requests, [request], [theirs.fileno(), memory])
            while True:
                kind, pid, status, optimiser_steps = self._receive(timeout=None)
                if kind == "forked":
                    self._exits[pid], self._has_shared = None, True
                    return Trainer(pid, Connection(ours.detach()), self, counter)
                self._exits[pid] = (status, optimiser_steps)
        except OSError as error:
            ours.close()
            raise TrainerDied(f"the process that starts trainers ended: {self._describe_end()}") from error
        finally:
            os.close(memory)

    def share(self, function: str, arguments: Mapping[str, Any]) -> None:
        """Make a call in the fork server, so that every later trainer inherits the objects that the call keeps.

        The objects are made once, and a trainer cannot change them for other trainers. This method does not wait for
        the call. An error of the call is written to the log, and trainers start without the objects.

        Args:
            function: `module:function`. It must not start a thread, open a GPU or need a network.
            arguments: Keyword arguments, together at most 128 KiB when pickled.
        """
        self._shared = pickle.dumps(Call(function=function, arguments=arguments, environment={}))
        assert len(self._shared) < MAX_REQUEST
        self._send_shared()

    def _send_shared(self) -> None:
        if self._shared is not None:
            self._has_shared = False
            with contextlib.suppress(OSError):  # the process has ended: the next `start` raises TrainerDied
                self._requests.send(self._shared)

    def call(
        self,
        function: str,
        arguments: Mapping[str, Any],
        environment: Mapping[str, str] | None = None,
        *,
        progress: Callable[[Progressed], None] | None = None,
    ) -> Any:
        """Make a call that does not train a trial in a forked process, and wait for its return value.

        Args:
            function: As in `start`.
            arguments: As in `start`.
            environment: As in `start`.
            progress: Receives the progress that the call reports; None drops it.

        Raises:
            TrainerDied: The process ended without sending a result.
            TunerError: The call raised an error.
        """
        trainer = self.start(function, arguments, environment)
        try:
            while isinstance(message := trainer.connection.recv(), Progressed):
                if progress is not None:
                    progress(message)
        except (EOFError, OSError) as error:  # OSError: the process ended in the middle of a message
            raise TrainerDied(f"{function} ended without a word: {describe_exit(trainer.exit_code())}") from error
        finally:
            trainer.kill()
        if isinstance(message, Raised):
            raise message.error()
        assert isinstance(message, Returned)
        return message.value

    def exit(self, pid: int) -> tuple[int | None, int]:
        """Return exit code and optimiser steps of a trainer that has closed its pipe.

        They are None and 0 if the fork server that forked the trainer has ended, or the trainer does not end within
        `_EXIT_S`.
        """
        try:
            while pid in self._exits and self._exits[pid] is None:
                _, ended, status, optimiser_steps = self._receive(timeout=_EXIT_S)
                self._exits[ended] = (status, optimiser_steps)
        except OSError:
            return None, 0
        return self._exits.pop(pid, None) or (None, 0)

    def close(self) -> None:
        """End the fork server, and with it every trainer that still runs."""
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
            raise ConnectionResetError("the fork server closed its socket")
        message: tuple[str, int, int, int] = pickle.loads(packet)  # noqa: S301 (from our own child)
        return message

    def _describe_end(self) -> str:
        try:
            return describe_exit(self._process.wait(timeout=_EXIT_S))
        except subprocess.TimeoutExpired:
            return "it hangs"


def describe_exit(code: int | None) -> str:
    """Return an exit code in words."""
    if code is None:
        return "no exit code is known"
    if code < 0:
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"
    return f"exit code {code}"
