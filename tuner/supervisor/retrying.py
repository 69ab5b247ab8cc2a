"""Retrying: calls that an outage of the database interrupts are repeated, until it passes or time is up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential, wait_random

from storage import describe_outage

P = ParamSpec("P")
R = TypeVar("R")

#: Seconds between two tries: at first, and at most.
_FIRST_S, _LONGEST_S = 0.1, 2.0
#: Seconds after which a person is told once more that an outage lasts.
REMIND_S = 300.0


class OutageRetrying:
    """Repeats calls through outages of the database. Safe to share between threads.

    Args:
        notice: Told in a line when an outage begins and when it is over.
        meanwhile: Called before each wait, by the thread that waits.
    """

    def __init__(self, notice: Callable[[str], None], *, meanwhile: Callable[[], None] = lambda: None) -> None:
        self._notice = notice
        self._meanwhile = meanwhile
        self._hurry = threading.Event()
        self._deadline: float | None = None
        self._lock = threading.Lock()
        #: When the outage began that was announced and is not over yet, and when it was last spoken of.
        self._since: float | None = None
        self._told = 0.0

    def end_in(self, seconds: float) -> None:
        """Stop repeating calls after this many seconds from now; an earlier deadline stays."""
        deadline = time.monotonic() + seconds
        self._deadline = deadline if self._deadline is None else min(self._deadline, deadline)
        self._hurry.set()

    def __call__(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Make a call, again and again while the database is away.

        A call may have taken effect before the outage was noticed: it must be safe to repeat.
        """
        retrying = Retrying(
            retry=retry_if_exception(lambda error: describe_outage(error) is not None),
            wait=wait_exponential(multiplier=_FIRST_S, max=_LONGEST_S) + wait_random(0, _FIRST_S),
            stop=self._is_over,
            sleep=self._sleep,
            before_sleep=self._announce,
            reraise=True,
        )
        result = retrying(call, *args, **kwargs)
        with self._lock:
            over, self._since = self._since is not None, None
        if over:
            self._notice("the database answers again")
        return result

    def _is_over(self, _: RetryCallState) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _sleep(self, seconds: float) -> None:
        self._meanwhile()
        if self._deadline is not None:
            time.sleep(max(0.0, min(seconds, self._deadline - time.monotonic())))
        else:
            self._hurry.wait(seconds)  # a signal must not wait for the next try

    def _announce(self, state: RetryCallState) -> None:
        assert state.outcome is not None
        error, now = state.outcome.exception(), time.monotonic()
        if error is None:
            return
        with self._lock:
            begins = self._since is None
            if not begins and now - self._told < REMIND_S:
                return
            self._since = now if self._since is None else self._since
            self._told, lasted = now, now - self._since
        word = "does not answer" if begins else f"has not answered for {lasted / 60:.0f} minutes"
        self._notice(f"the database {word}, training goes on: {describe_outage(error)}")
