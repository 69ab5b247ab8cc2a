"""A backoff: how long to wait before an action that failed is tried again, longer after each failure."""

from __future__ import annotations


class Backoff:
    """When something that fails may be tried again.

    Args:
        first_s: Seconds to wait after the first failure.
        longest_s: Seconds to wait at most; until then each wait is twice the one before.
    """

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s
        #: When it may be tried again, on the clock of those who call.
        self._until = float("-inf")

    def is_over(self, now: float) -> bool:
        """Return whether it may be tried."""
        return now >= self._until

    def failed(self, now: float) -> None:
        """Wait longer than the last time. Of several that were tried at once, the first to fail counts."""
        if not self.is_over(now):
            return
        self._until = now + self._next_s
        self._next_s = min(2 * self._next_s, self._longest_s)

    def worked(self) -> None:
        """Wait no more, and after the next failure as after the first."""
        self._next_s, self._until = self._first_s, float("-inf")
