"""The killer: does to supervisors and their database what machines, people and networks do, at random from a seed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from servers import MariaDBServer, PostgresServer


@dataclass(kw_only=True)
class Machine:
    """One place where a supervisor runs, and is started again whenever it has ended with work left."""

    number: int
    command: list[str]
    folder: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    codes: list[int] = field(default_factory=list)

    def start(self) -> None:
        """Start the supervisor, in a process group and a working folder of its own."""
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env={**self.environment, "HOME": str(self.folder), "TUNER_CACHE": str(self.folder / "cache")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    @property
    def runs(self) -> bool:
        """Whether the supervisor has not ended; notes its exit code once it has."""
        assert self.process is not None
        if self.process.poll() is None:
            return True
        self.codes.append(self.process.returncode)
        return False

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor alone."""
        assert self.process is not None
        if self.process.poll() is None:
            os.kill(self.process.pid, number)

    def trainers(self) -> list[psutil.Process]:
        """Return the trainers that run."""
        assert self.process is not None
        try:
            fork_server = psutil.Process(self.process.pid).children()
            return [trainer for parent in fork_server for trainer in parent.children()]
        except psutil.NoSuchProcess:
            return []

    def said(self) -> str:
        """Return what the supervisors here have said."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


class Killer:
    """Disturbs machines and their database, a number of times.

    Args:
        seed: Decides what happens to whom, when and for how long.
        machines: The machines.
        server: The database server.
        lease_s: Seconds of a lease: what is stopped is stopped for less, or for more.
        pause: Waits for so many seconds, or until the study is over; returns whether it is.
    """

    def __init__(
        self,
        seed: int,
        machines: list[Machine],
        server: PostgresServer | MariaDBServer,
        *,
        lease_s: float,
        pause: Callable[[float], bool],
    ) -> None:
        self._random = random.Random(seed)
        self._machines = machines
        self._server = server
        self._lease_s = lease_s
        self._pause = pause
        #: What was done, in order.
        self.done: list[str] = []
        self._timers: list[threading.Timer] = []

    def run(self, times: int) -> None:
        """Disturb so many times, a second or more apart, or until the study is over."""
        actions = (self._kill, self._kill, self._terminate, self._stop, self._stop, self._kill_trainer, self._restart)
        for _ in range(times):
            if self._pause(self._random.uniform(0.8, 2.5)):
                return
            machine = self._random.choice(self._machines)
            action = self._random.choice(actions)
            self.done.append(f"{action.__name__.strip('_')} {machine.number}")
            action(machine)
            for each in self._machines:
                if not each.runs:
                    each.start()

    def _kill(self, machine: Machine) -> None:
        machine.send(signal.SIGKILL)
        assert machine.process is not None
        machine.process.wait()

    def _terminate(self, machine: Machine) -> None:
        machine.send(self._random.choice((signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)))
        assert machine.process is not None
        machine.process.wait()

    def _stop(self, machine: Machine) -> None:
        machine.send(signal.SIGSTOP)
        timer = threading.Timer(self._random.uniform(0.2, 2.5) * self._lease_s, machine.send, (signal.SIGCONT,))
        timer.start()
        if self._random.random() < 0.5:
            timer.join()
        self._timers.append(timer)

    def _kill_trainer(self, machine: Machine) -> None:
        for trainer in machine.trainers()[:1]:
            trainer.send_signal(self._random.choice((signal.SIGKILL, signal.SIGSEGV)))

    def _restart(self, _: Machine) -> None:
        self._server.kill()
        self._pause(self._random.choice((0.3, 1.5, 1.5 * self._lease_s)))
        self._server.start()

    def close(self) -> None:
        """Let everything that is stopped go on."""
        for timer in self._timers:
            timer.join()
