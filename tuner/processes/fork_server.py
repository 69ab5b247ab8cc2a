"""The process of the fork server: imports the libraries once, then forks a fresh process for each call.

It is started as `python -P -m tuner.processes.fork_server FD MODULE...`. A forked trainer inherits the imports and the
objects of shared calls, and nothing else: no setting and no tensor of one trial can reach the next. The fork server
trains nothing itself. So it has no threads when it forks, and it opens no GPU before a child has chosen its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import pickle
import selectors
import signal
import socket
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.processes import step_counter
from tuner.processes.messages import Call, Raised
from tuner.security.known_secrets import learn, strike_out

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Most bytes of a request, which is one packet of the socket.
MAX_REQUEST = 1 << 17
_PR_SET_PDEATHSIG = 1
#: Added to a trainer's `oom_score_adj`, in thousandths of all memory: the kernel then kills the trainer before the fork
#: server and the supervisor when memory runs out. The end of either of those would end more than one attempt.
_OOM_SCORE_ADDED = 100


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent process ends, for any reason."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(arguments: Sequence[str]) -> None:
    """Serve the requests of a supervisor on an inherited socket until the supervisor closes its end."""
    die_with_parent()
    # Ctrl-C at the terminal is for the supervisor, which then saves or ends its trainers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A batch system that preempts sends SIGTERM to every process. This process must stay until the supervisor has
    # released its trials, and then the supervisor ends it.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # Slurm sends this warning to every process of a job
    learn(os.environ)
    requests = socket.socket(fileno=int(arguments[0]))
    # Imported objects are never garbage, and the collector takes a quarter of the time of the imports. In a fork it
    # also takes memory, because it writes to the objects and so copies their pages; `freeze` prevents that.
    gc.disable()
    for module in arguments[1:]:
        importlib.import_module(module)
    gc.freeze()
    gc.enable()
    counters: dict[int, step_counter.StepCounter] = {}
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    parent = os.getpid()
    selector = selectors.DefaultSelector()
    selector.register(requests, selectors.EVENT_READ)
    selector.register(wake_read, selectors.EVENT_READ)
    # Most runs end so: the supervisor closes its end while it has unread reports, which resets the connection.
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if wake_read in ready:
                os.read(wake_read, 4096)
                _report_exits(requests, counters)
            if requests in ready:
                request, descriptors, _, _ = socket.recv_fds(requests, MAX_REQUEST, 2)
                if not request:
                    return
                if not descriptors:
                    _run_here(pickle.loads(request))  # noqa: S301 (from our own parent)
                    continue
                counter = step_counter.StepCounter(descriptors[1])
                os.close(descriptors[1])
                pid = os.fork()
                if pid == 0:
                    step_counter.mine = counter
                    for other in counters.values():  # each holds a descriptor
                        other.close()
                    selector.close()
                    requests.close()
                    _run(parent, pickle.loads(request), Connection(descriptors[0]))  # noqa: S301 (from our own parent)
                os.close(descriptors[0])
                counters[pid] = counter
                requests.send(pickle.dumps(("forked", pid, 0, 0)))


def _report_exits(requests: socket.socket, counters: dict[int, step_counter.StepCounter]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        counter = counters.pop(pid)
        requests.send(pickle.dumps(("exited", pid, os.waitstatus_to_exitcode(status), counter.done)))
        counter.close()


def _function_of(call: Call) -> Any:
    module, _, name = call.function.partition(":")
    return getattr(importlib.import_module(module), name)


def _run_here(call: Call) -> None:
    """Make a call in this process, so that every process forked later inherits its results."""
    try:
        _function_of(call)(**call.arguments)
    except Exception:
        print(strike_out(traceback.format_exc()), file=sys.stderr)  # noqa: T201 (the trainers' log)


def _be_killed_first() -> None:
    with contextlib.suppress(OSError, ValueError):  # another kernel than Linux, or no access to the file
        adjustment = Path("/proc/self/oom_score_adj")
        adjustment.write_text(str(min(1000, int(adjustment.read_text()) + _OOM_SCORE_ADDED)))


def _run(parent: int, call: Call, connection: Connection) -> None:
    """Make one call in a forked process, and end the process; never returns."""
    code = 1
    try:
        die_with_parent()
        if os.getppid() != parent:  # the parent ended before `die_with_parent` took effect
            return
        os.setsid()
        _be_killed_first()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ.update(call.environment)
        if call.environment.get("HF_HUB_OFFLINE") and (constants := sys.modules.get("huggingface_hub.constants")):
            constants.HF_HUB_OFFLINE = True  # type: ignore[attr-defined]  # it read the environment when it was imported
        function = _function_of(call)
        try:
            function(connection, **call.arguments)
            code = 0
        except (EOFError, BrokenPipeError):
            pass  # the supervisor has ended or has closed the pipe, so there is no receiver for an error
        except Exception as error:
            text = strike_out(f"{type(error).__name__}: {error}")
            connection.send(Raised.of(error, text=text, traceback=strike_out(traceback.format_exc())))
    except BaseException:
        print(strike_out(traceback.format_exc()), file=sys.stderr)  # noqa: T201 (the trainers' log)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # `os._exit` skips the exit handlers that the fork server's imports registered: they are for that process alone.
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
