"""The best trials of a study, whose weights stay, and trial 0, whose weights stay too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.supervisor.retention import FIRST_TRIAL, kept_trials
from tuner.trial.evaluation import is_better

if TYPE_CHECKING:
    from storage import History
    from tuner.study.live_config import LiveConfig
    from tuner.supervisor.retrying import OutageRetrying


class BestTrials:
    """The complete trials whose weights are kept: the best ones, as many as the study's `keep` says, and trial 0.

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
        """Return the numbers of the trials whose weights are kept: the best first, trial 0 last if it is not one."""
        return kept_trials(self._retrying(self._history.top), self._live.current.keep)

    def would_include(self, number: int, value: float) -> bool:
        """Return whether the weights of a trial would be kept if it were complete.

        Args:
            number: The trial's number.
            value: Its value.
        """
        if number == FIRST_TRIAL:
            return True
        best = self._retrying(self._history.top, self._live.current.keep)
        if len(best) < self._live.current.keep:
            return True
        last = best[-1][1]
        return value == last or is_better(value, last, self._history.direction)
