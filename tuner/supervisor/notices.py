"""Lines for a person, from any thread."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING

from tuner.reporting.events import Notice

if TYPE_CHECKING:
    from tuner.reporting.events import Watcher
    from tuner.supervisor.call_queue import CallQueue


class Notices:
    """A queue of lines, which the main thread shows. `put` is safe from any thread.

    Args:
        watch: Shows them. The main thread alone calls it: a terminal that is stopped must not stop the heartbeat.
        call_queue: Wakes the main thread.
    """

    def __init__(self, watch: Watcher, call_queue: CallQueue) -> None:
        self._watch = watch
        self._call_queue = call_queue
        self._texts: queue.SimpleQueue[str] = queue.SimpleQueue()

    def put(self, text: str) -> None:
        """Have a line shown."""
        self._texts.put(text)
        self._call_queue.post(self.show)

    def show(self) -> None:
        """Show the lines that have come; in another thread than the main one, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            return
        with contextlib.suppress(queue.Empty):
            while True:
                self._watch(Notice(text=self._texts.get_nowait()))
