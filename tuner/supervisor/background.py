"""Background: jobs that wait for disks and networks, each in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from tuner.supervisor.call_queue import CallQueue

T = TypeVar("T")


class Outcome(Generic[T]):
    """What came of a job."""

    def __init__(self, job: Callable[[], T]) -> None:
        #: What it raised.
        self.error: BaseException | None = None
        self._result: list[T] = []
        try:
            self._result.append(job())
        except BaseException as error:
            self.error = error

    def result(self) -> T:
        """Return what it returned, or raise what it raised."""
        if self.error is not None:
            raise self.error
        return self._result[0]


class Background:
    """Runs jobs. Only the main thread may call it.

    There are few of them, a checkpoint's at a time for each trial. Their threads do not keep the process: one that
    hangs ends with it, and leaves what a crash would leave.

    Args:
        news: Brings what came of a job to the main thread.
    """

    def __init__(self, call_queue: CallQueue) -> None:
        self._call_queue = call_queue
        self._threads: set[threading.Thread] = set()

    def start(self, job: Callable[[], T], then: Callable[[Outcome[T]], None]) -> None:
        """Run a job; then have the main thread take what came of it."""

        def run() -> None:
            outcome = Outcome(job)
            self._call_queue.post(lambda: then(outcome))

        self._threads = {thread for thread in self._threads if thread.is_alive()}
        thread = threading.Thread(target=run, name="store", daemon=True)
        self._threads.add(thread)
        thread.start()

    def wait(self, seconds: float) -> None:
        """Wait for what still runs, but no longer."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
