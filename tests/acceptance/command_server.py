"""Forks the command from a process that has imported it.

`python -P command_server.py SOCKET` serves `forked_command.ForkedCommand`. A forked command has arguments, a folder,
an environment, files and a process group of its own, and runs the entry point of the installed one. It has not imported
its modules itself: that is the one difference. Torch and the libraries that read the environment as they are imported
are not in this process; `tuner` imports them in processes that it starts.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
from typing import Any

#: Most modules of these packages are imported by each command only where it needs them.
_PACKAGES = ("storage", "search_spaces", "tuner.cli", "tuner.reporting", "tuner.search", "tuner.service")
_MODULES = (
    "tuner.supervisor.supervisor",
    "alembic.command",
    "alembic.migration",
    "optuna.storages._rdb.models",
    "optuna.storages._rdb.storage",
    "rich.console",
    "rich.live",
    "rich.table",
)
#: They keep from the environment what they find in it when they are imported.
_NOT_HERE = ("torch", "transformers", "huggingface_hub", "datasets")
#: Bytes; a packet socket carries no more at once.
MAX_REQUEST = 1 << 17


def main() -> None:
    """Serve requests until the tests close their end; return in a forked process, which then becomes the command."""
    gc.disable()
    for package in _PACKAGES:
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)
    for name in _MODULES:
        importlib.import_module(name)
    imported = [name for name in _NOT_HERE if name in sys.modules]
    assert not imported, f"{imported} would keep the environment of this process"
    gc.freeze()  # a command would go through all of it at its end, and copy each page that it touches
    gc.enable()
    requests = socket.socket(fileno=int(sys.argv[1]))
    #: The process of each command that runs, by its descriptor: its number, and the pipe that takes its exit code.
    running: dict[int, tuple[int, int]] = {}
    poll = select.poll()
    poll.register(requests, select.POLLIN)
    while True:
        for ready, _ in poll.poll():
            if ready in running:
                poll.unregister(ready)
                _tell_end(ready, *running.pop(ready))
                continue
            request, files, _, _ = socket.recv_fds(requests, MAX_REQUEST, 4)
            if not request:
                for pid, _ in running.values():
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(pid, signal.SIGKILL)
                sys.exit()
            *files, told = files
            pid = os.fork()
            if pid == 0:
                _become(json.loads(request), files)
                return
            for file in files:
                os.close(file)
            process = os.pidfd_open(pid)
            running[process] = pid, told
            poll.register(process, select.POLLIN)
            os.write(told, f"{pid}\n".encode())


def _tell_end(process: int, pid: int, told: int) -> None:
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(BrokenPipeError):  # the test has ended without a look at it
        os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os.close(told)
    os.close(process)


def _become(request: dict[str, Any], files: list[int]) -> None:
    os.setpgid(0, 0)
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(len(files), max(map(int, os.listdir("/proc/self/fd"))) + 1)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = request["arguments"]
    # As in the installed command, which is a script in that folder.
    sys.path.insert(0, os.path.dirname(sys.argv[0]))


if __name__ == "__main__":
    main()
    from tuner.cli.entry import main as command

    command()
