"""Sends the progress of a call to the process that waits for its result."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tuner.processes.messages import Progressed

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

#: Least seconds between two messages about one stage.
INTERVAL_S = 0.25


class ProgressSender:
    """Sends progress through a pipe: the first call of each stage at once, and later ones a few times a second.

    Args:
        connection: The pipe.
        clock: Returns seconds.
    """

    def __init__(self, connection: Connection, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._clock = clock
        self._stage: str | None = None
        self._sent_at = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report that a stage has come so far.

        Args:
            stage: The stage that runs.
            done: The amount done.
            total: The whole amount; 0 where it is not known.
        """
        now = self._clock()
        if stage == self._stage and now - self._sent_at < INTERVAL_S:
            return
        self._stage, self._sent_at = stage, now
        self._connection.send(Progressed(stage=stage, done=done, total=total))
