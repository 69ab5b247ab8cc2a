"""Crashes: trainers that ended before their trials did, by their own fault or not, and how many in a row."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

from tuner.errors import TrainerDied
from tuner.processes.trainers import describe_exit

#: Crashes without an evaluation between them, beyond those that two bad trials may have, after which a run ends.
_MAX_IN_A_ROW = 6
#: Signals that a process brings upon itself. Any other was sent to it: by a person, a scheduler, the kernel.
_OWN = {
    signal.SIGABRT,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGILL,
    signal.SIGSEGV,
    signal.SIGSYS,
    signal.SIGTRAP,
}
#: Exit codes of a process that was killed, and of a shell or launcher after its child was killed.
_KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)


@dataclass(frozen=True, kw_only=True)
class Crash:
    """How a trainer ended before its trial did."""

    reason: str
    #: Whether it was the trial's own doing, so that it may happen again at the same place.
    own: bool = False
    #: Whether the trial had not done a single step.
    before_any_step: bool = False
    #: Which memory ran out, where that was the cause.
    memory: Literal["device", "host"] | None = None


class Crashes:
    """The crashes of a run since its last evaluation."""

    def __init__(self) -> None:
        self._in_a_row = 0
        #: Whether a trainer of this run has made an evaluation: that this machine can train.
        self.can_train = False

    def evaluated(self) -> None:
        """Note that a trainer has made an evaluation."""
        self._in_a_row, self.can_train = 0, True

    def count(self, reason: str, *, max_restarts: int) -> None:
        """Count one more.

        Args:
            reason: How the trainer ended.
            max_restarts: Crashes after which a trial is given up.

        Raises:
            TrainerDied: There were too many in a row: then the machine is at fault, not a trial.
        """
        self._in_a_row += 1
        if self._in_a_row > _MAX_IN_A_ROW + 2 * max_restarts:
            raise TrainerDied(
                f"{self._in_a_row} trainers in a row ended before their first evaluation, the last: "
                f"{reason}; trainers.log may say why"
            )


def was_killed(code: int | None) -> bool:
    """Return whether an exit code is that of a process that was killed, as the kernel does where memory runs out."""
    return code in _KILLED


def describe_crash(code: int | None, optimiser_steps: int, *, out_of_memory: bool | None) -> Crash:
    """Describe the end of a trainer that closed its pipe before its trial was over.

    Args:
        code: Its exit code, negative for a signal; None if unknown.
        optimiser_steps: Optimiser steps that the trial had done.
        out_of_memory: Whether the kernel has just killed a process of ours for want of memory; None if it does not say.
    """
    where = f"after optimiser step {optimiser_steps}" if optimiser_steps else "before its first optimiser step"
    words = f"its trainer ended without a word: {describe_exit(code)}"
    if was_killed(code):
        if out_of_memory:
            reason = f"out of memory: the kernel killed its trainer {where}"
            return Crash(reason=reason, own=True, before_any_step=not optimiser_steps, memory="host")
        return Crash(reason=words if out_of_memory is not None else f"{words}, perhaps for want of memory")
    if code is not None and (code >= 0 or -code in _OWN):
        reason = f"its trainer ended without a word {where}: {describe_exit(code)}"
        return Crash(reason=reason, own=True, before_any_step=not optimiser_steps)
    return Crash(reason=words)
