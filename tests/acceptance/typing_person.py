"""A person at a terminal, who waits for words of the command and types an answer."""

from __future__ import annotations

import contextlib
import os
import pty
import select
from collections.abc import Sequence

from acceptance_support import DEADLINE_S, Tuner


def answer(tuner: Tuner, *arguments: str, answers: Sequence[tuple[bytes, str | None]]) -> int:
    """Run the command at a terminal, type an answer after each of its words in their order; return the exit code."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tuner.folder)
        os.execve(tuner.command[0], [*tuner.command, *arguments], dict(tuner.environment))
    said = b""
    try:
        for words, typed in answers:
            while words not in said:
                said += _heard(terminal, said)
            said = said.partition(words)[2]
            if typed is not None:
                os.write(terminal, f"{typed}\n".encode())
        with contextlib.suppress(OSError):  # how Linux says that the other end is closed
            while _heard(terminal, said):
                pass
    finally:
        os.close(terminal)  # which ends a command that still waits for an answer
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code


def _heard(terminal: int, said: bytes) -> bytes:
    """Return what the command says next."""
    ready, _, _ = select.select([terminal], [], [], DEADLINE_S)
    assert ready, said
    return os.read(terminal, 4096)
