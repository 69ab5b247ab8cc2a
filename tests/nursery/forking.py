"""What a nursery runs: `python -P forking.py FD MODULE...`, with a socket that requests come through.

A request is what a shell would be given, `SCRIPT ARGUMENT...`, `python -P SCRIPT ARGUMENT...` or
`python -c PROGRAM ARGUMENT...`, with a folder, an environment, three streams, and a pipe that is told the pid and, in
the end, the exit code. The warm parent of a command is forked from it in turn: it has imported what it would import.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import pickle
import runpy
import select
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import IO, NoReturn

#: More than any descriptor.
_MOST = 1 << 20
_NUMBER = struct.Struct("i")


class WarmProcess:
    """The warm parent, forked from the command instead of started; with what is used of `subprocess.Popen`."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        pass_fds: Sequence[int],
        stdin: int,
        stdout: IO[bytes],
        stderr: IO[bytes] | None,
        env: Mapping[str, str],
        start_new_session: bool,
    ) -> None:
        assert arguments[1:4] == ["-P", "-m", "tuner.warm"]
        assert stdin == subprocess.DEVNULL
        assert start_new_session
        (socket_fd,) = pass_fds
        streams = (os.open(os.devnull, os.O_RDONLY), stdout.fileno(), 2 if stderr is None else stderr.fileno())
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            _become(["tuner.warm", *arguments[4:]], env, streams, keep=socket_fd, run=_serve)
        os.close(streams[0])
        self._descriptor = os.pidfd_open(self.pid)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        if self.returncode is None and select.select([self._descriptor], [], [], 0)[0]:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self._descriptor)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end."""
        if self.returncode is None and not select.select([self._descriptor], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("tuner.warm", timeout or 0.0)
        code = self.poll()
        assert code is not None
        return code

    def kill(self) -> None:
        """End it at once."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def _serve() -> None:
    from storage import crash_points
    from tuner.warm import main

    crash_points.hook = None  # it is the command that is to end at a moment
    main(sys.argv[1:])


def _script(path: str) -> None:
    runpy.run_path(path, run_name="__main__")


def _program(text: str) -> None:
    exec(compile(text, "<string>", "exec"), {"__name__": "__main__"})


def _asked(arguments: Sequence[str]) -> tuple[list[str], Callable[[], None]]:
    """Return what is to be `sys.argv`, and what is to be run."""
    if arguments[0] != sys.executable:
        return list(arguments), partial(_script, arguments[0])
    kind, what, *rest = arguments[1:]
    return ([what, *rest], partial(_script, what)) if kind == "-P" else (["-c", *rest], partial(_program, what))


def _become(
    argv: list[str],
    environment: Mapping[str, str],
    streams: Sequence[int],
    *,
    keep: int | None = None,
    run: Callable[[], None],
) -> NoReturn:
    """Be what a program begins as, run it, and end as the interpreter does."""
    code = 1
    try:
        copies = [os.dup(stream) for stream in streams]  # none of them is in the way of another then
        for target, copy in enumerate(copies):
            os.dup2(copy, target)
        os.closerange(3, _MOST if keep is None else keep)
        if keep is not None:
            os.closerange(keep + 1, _MOST)
        signal.set_wakeup_fd(-1)
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)) and number != signal.SIGINT:
                signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = argv
        run()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def main() -> None:
    """Serve requests until the other end of the socket is closed."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    for module in sys.argv[2:]:
        importlib.import_module(module)
    if trainers := sys.modules.get("tuner.trainers"):
        trainers.subprocess = SimpleNamespace(  # type: ignore[attr-defined]
            Popen=WarmProcess, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired
        )
    gc.collect()
    gc.freeze()  # or each fork would copy what it never changes
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    selector = selectors.DefaultSelector()
    selector.register(requests, selectors.EVENT_READ)
    selector.register(wake_read, selectors.EVENT_READ)
    told: dict[int, int] = {}
    while True:
        ready = {key.fileobj for key, _ in selector.select()}
        if wake_read in ready:
            os.read(wake_read, 4096)
            _tell_of_ends(told)
        if requests in ready:
            request, descriptors, _, _ = socket.recv_fds(requests, 1 << 20, 4)
            if not request:
                return
            arguments, folder, environment = pickle.loads(request)
            *streams, tells = descriptors
            pid = os.fork()
            if pid == 0:
                os.setpgid(0, 0)
                os.chdir(folder)
                argv, run = _asked(arguments)
                _become(argv, environment, streams, run=run)
            for stream in streams:
                os.close(stream)
            told[pid] = tells
            _tell(tells, pid)


def _tell_of_ends(told: dict[int, int]) -> None:
    while told:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        tells = told.pop(pid)
        _tell(tells, os.waitstatus_to_exitcode(status))
        os.close(tells)


def _tell(pipe: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever asked has stopped listening
        os.write(pipe, _NUMBER.pack(number))


if __name__ == "__main__":
    main()
