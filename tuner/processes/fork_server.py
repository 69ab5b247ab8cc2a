"""The fork server: imports the libraries once, then forks a fresh process for each call.

Started as `python -P -m tuner.processes.fork_server FD MODULE...`. A forked trainer begins with the imports of its
parent and with nothing else: no setting and no tensor of one trial can reach the next. The parent never computes
anything, so that it has no threads when it forks and no GPU is opened before a child has chosen its own.
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

from tuner.errors import ConfigError
from tuner.processes import step_counter as steps
from tuner.processes.messages import Call, Raised
from tuner.security.known_secrets import learn, strike_out

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Bytes of a request; a packet socket carries no more at once.
MAX_REQUEST = 1 << 17
_PR_SET_PDEATHSIG = 1
#: How much sooner than its parent and its supervisor the kernel kills a trainer where memory runs out, in thousandths
#: of all memory that it counts as larger: whatever else it might choose would end more than one trial's attempt.
_SOONER = 100


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it ends, however it ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(arguments: Sequence[str]) -> None:
    """Serve requests on an inherited socket until its other end is closed."""
    die_with_parent()
    # The terminal's Ctrl-C is for the supervisor, which decides what becomes of its trainers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Who stops a whole process group means to preempt it: the supervisor ends us when its trials are in their slots.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # Slurm's warning, which reaches every process of a job
    learn(os.environ)
    requests = socket.socket(fileno=int(arguments[0]))
    # Nobody drops what imports make: looking for garbage among it takes a quarter of their time, and in a fork also
    # memory, as counting references writes to every page.
    gc.disable()
    for module in arguments[1:]:
        importlib.import_module(module)
    gc.freeze()
    gc.enable()
    counts: dict[int, steps.StepCounter] = {}
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    parent = os.getpid()
    selector = selectors.DefaultSelector()
    selector.register(requests, selectors.EVENT_READ)
    selector.register(wake_read, selectors.EVENT_READ)
    # An end that closes with reports unread resets the connection: that is how most runs end.
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if wake_read in ready:
                os.read(wake_read, 4096)
                _report_exits(requests, counts)
            if requests in ready:
                request, descriptors, _, _ = socket.recv_fds(requests, MAX_REQUEST, 1)
                if not request:
                    return
                if not descriptors:
                    _make_here(pickle.loads(request))  # noqa: S301 (from our own parent)
                    continue
                count = steps.StepCounter()
                pid = os.fork()
                if pid == 0:
                    steps.mine = count
                    selector.close()
                    requests.close()
                    _run(parent, pickle.loads(request), Connection(descriptors[0]))  # noqa: S301 (from our own parent)
                os.close(descriptors[0])
                counts[pid] = count
                requests.send(pickle.dumps(("forked", pid, 0, 0)))


def _report_exits(requests: socket.socket, counts: dict[int, steps.StepCounter]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        count = counts.pop(pid)
        requests.send(pickle.dumps(("exited", pid, os.waitstatus_to_exitcode(status), count.done)))
        count.close()


def _function_of(call: Call) -> Any:
    module, _, name = call.function.partition(":")
    return getattr(importlib.import_module(module), name)


def _make_here(call: Call) -> None:
    """Make a call in this process, for what all that are forked from it then have."""
    try:
        _function_of(call)(**call.arguments)
    except Exception:
        print(strike_out(traceback.format_exc()), file=sys.stderr)  # noqa: T201 (the trainers' log)


def _let_be_killed_first() -> None:
    with contextlib.suppress(OSError, ValueError):  # no kernel of ours, or one that hides it
        adjustment = Path("/proc/self/oom_score_adj")
        adjustment.write_text(str(min(1000, int(adjustment.read_text()) + _SOONER)))


def _run(parent: int, call: Call, connection: Connection) -> None:
    """Make one call in a forked process; never returns."""
    code = 1
    try:
        die_with_parent()
        if os.getppid() != parent:  # it ended before we asked to end with it
            return
        os.setsid()
        _let_be_killed_first()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ.update(call.environment)
        if call.environment.get("HF_HUB_OFFLINE") and (constants := sys.modules.get("huggingface_hub.constants")):
            constants.HF_HUB_OFFLINE = True  # type: ignore[attr-defined]  # it read the environment of its import
        function = _function_of(call)
        try:
            function(connection, **call.arguments)
            code = 0
        except (EOFError, BrokenPipeError):
            pass  # the supervisor is gone or has given this call up: nobody is left to tell
        except Exception as error:
            config = None
            if isinstance(error, ConfigError):
                config = (type(error).__name__, error.source, error.key, error.reason)
            text = strike_out(f"{type(error).__name__}: {error}")
            connection.send(Raised(config=config, text=text, traceback=strike_out(traceback.format_exc())))
    except BaseException:
        print(strike_out(traceback.format_exc()), file=sys.stderr)  # noqa: T201 (the trainers' log)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Without the interpreter's own end: what the parent registered to run at exit is the parent's.
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
