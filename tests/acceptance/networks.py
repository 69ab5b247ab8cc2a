"""A network of its own for a command, cut off and joined again: a namespace of the kernel's with one line to here."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from typing import Self

import pytest


def needs(*programs: str, why: str, root: bool = True) -> None:
    """Skip a test where this machine cannot have what it needs; where CI runs, that is an error.

    Args:
        programs: What must be installed.
        why: What needs them.
        root: Whether only root may do it.
    """
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and os.environ.get("CI"):
        raise RuntimeError(f"{why} needs {', '.join(missing)}")
    if missing:
        pytest.skip(f"{why} needs {', '.join(missing)}; apt-get install them")
    if root and os.geteuid() != 0:
        pytest.skip(f"{why} needs root")


class Namespace:
    """A network namespace, from which this machine is reached at `here`.

    Raises:
        RuntimeError: The kernel refuses, and says why.
    """

    def __init__(self) -> None:
        self._number = random.randrange(1 << 14)
        self.name = f"tuner{self._number}"
        second, third = divmod(self._number, 1 << 8)
        self._network = f"10.{200 + second % 50}.{third}"
        #: The address of this machine, as it is seen from inside.
        self.here = f"{self._network}.1"

    @property
    def command(self) -> tuple[str, ...]:
        """What runs a command inside: put before it."""
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """Let nothing out any more, silently; connections that are open hear nothing either."""
        _run(*self.command, "iptables", "-A", "OUTPUT", "-d", self.here, "-j", "DROP")
        _run(*self.command, "iptables", "-A", "INPUT", "-s", self.here, "-j", "DROP")

    def heal(self) -> None:
        """Let everything pass again."""
        _run(*self.command, "iptables", "-F")

    def __enter__(self) -> Self:
        outer, inner = f"tout{self._number}", f"tin{self._number}"
        _run("ip", "netns", "add", self.name)
        try:
            _run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", self.name)
            _run("ip", "address", "add", f"{self.here}/24", "dev", outer)
            _run("ip", "link", "set", outer, "up")
            _run(*self.command, "ip", "address", "add", f"{self._network}.2/24", "dev", inner)
            _run(*self.command, "ip", "link", "set", inner, "up")
            _run(*self.command, "ip", "link", "set", "lo", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        _run("ip", "netns", "delete", self.name)  # and with it both ends of the line


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
