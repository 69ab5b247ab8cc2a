"""A queue of calls that other threads have the main thread make, and a descriptor that wakes it."""

from __future__ import annotations

import contextlib
import os
import queue
from collections.abc import Callable


class CallQueue:
    """Calls for the main thread, which makes them once each round of its loop. `post` is safe from any thread."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._read, self.wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when there is something."""
        return self._read

    def post(self, call: Callable[[], None]) -> None:
        """Have the main thread make a call."""
        self._calls.put(call)
        with contextlib.suppress(BlockingIOError):  # the pipe is full: it wakes the main thread already
            os.write(self.wake, b"n")

    def take(self) -> None:
        """Make the calls that have come, in order."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._read, 4096)
        while not self._calls.empty():
            self._calls.get()()
