"""The best trials of a study, whose weights stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.trial.evaluation import is_better

if TYPE_CHECKING:
    from storage import History
    from tuner.study.live_config import LiveConfig
    from tuner.supervisor.retrying import OutageRetrying


class BestTrials:
    """The complete trials whose weights are kept: the best ones, as many as the study's `keep` says.

    Every call reads the database anew.

    Args:
        history: The study's trials.
        live: The study's configuration, with `keep`.
        retrying: Repeats reads through outages.
    """

    def __init__(self, history: History, live: LiveConfig, retrying: OutageRetrying) -> None:
        self._history = history
        self._live = live
        self._retrying = retrying

    def numbers(self) -> list[int]:
        """Return the numbers of the trials whose weights are kept, the best first."""
        return [number for number, _ in self._top()]

    def would_include(self, value: float) -> bool:
        """Return whether the weights of a trial with this value would be kept."""
        best = self._top()
        if len(best) < self._live.current.keep:
            return True
        last = best[-1][1]
        return value == last or is_better(value, last, self._history.direction)

    def _top(self) -> list[tuple[int, float]]:
        return self._retrying(self._history.top, self._live.current.keep)
