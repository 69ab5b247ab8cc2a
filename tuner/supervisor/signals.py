"""Signals: the first one asks a supervisor to stop, the second one leaves at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from tuner.errors import SIGNAL_EXIT_CODES


@contextmanager
def taken_over(note: Callable[[signal.Signals], None], wake: int) -> Iterator[None]:
    """Note the first signal, and have something become readable; leave the process at once on the second.

    Args:
        note: Told of the first signal, in a signal handler.
        wake: A descriptor that a byte is written to.
    """
    arrived, arrives = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(arrives, False)
    seen = False

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal seen
        if not seen:
            seen = True
            note(signal.Signals(number))

    def forward() -> None:
        # A thread: handlers run once the main thread is back in Python, and it may be waiting for the database.
        if os.read(arrived, 1):
            os.write(wake, b"s")
        if second := os.read(arrived, 1):
            os._exit(128 + second[0])  # trainers die with us, their leases expire

    wakeup = signal.set_wakeup_fd(arrives, warn_on_full_buffer=False)
    previous = {number: signal.signal(number, handle) for number in SIGNAL_EXIT_CODES}
    forwarder = threading.Thread(target=forward, name="signals", daemon=True)
    forwarder.start()
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        os.close(arrives)  # which ends the thread
        forwarder.join()
        os.close(arrived)
