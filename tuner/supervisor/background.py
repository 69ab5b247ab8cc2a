"""Background: calls that wait for disks and networks, each in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from tuner.supervisor.call_queue import CallQueue

T = TypeVar("T")


class Outcome(Generic[T]):
    """The result or the error of a call."""

    def __init__(self, call: Callable[[], T]) -> None:
        #: The error that it raised.
        self.error: BaseException | None = None
        self._result: list[T] = []
        try:
            self._result.append(call())
        except BaseException as error:
            self.error = error

    def result(self) -> T:
        """Return its result, or raise its error."""
        if self.error is not None:
            raise self.error
        return self._result[0]


class Background:
    """Runs calls in threads. Only the main thread may use it.

    There are few at a time, at most one for each trial. The threads are daemons: one that hangs does not keep the
    process alive, and leaves the same traces as a crash.

    Args:
        call_queue: Brings results to the main thread.
    """

    def __init__(self, call_queue: CallQueue) -> None:
        self._call_queue = call_queue
        self._threads: set[threading.Thread] = set()

    def start(self, call: Callable[[], T], then: Callable[[Outcome[T]], None]) -> None:
        """Run a call in a thread; then have the main thread take its outcome."""

        def run() -> None:
            outcome = Outcome(call)
            self._call_queue.post(lambda: then(outcome))

        self._threads = {thread for thread in self._threads if thread.is_alive()}
        thread = threading.Thread(target=run, name="store", daemon=True)
        self._threads.add(thread)
        thread.start()

    def wait(self, seconds: float) -> None:
        """Wait so long, at most, for calls that still run."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
