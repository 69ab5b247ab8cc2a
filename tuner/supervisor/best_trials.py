"""The trials of a study whose weights stay: the best ones, trial 0, and those for which its test split was opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.study.verdict import opened_trials
from tuner.supervisor.retention import FIRST_TRIAL, kept_trials
from tuner.trial.evaluation import is_better
from tuner.trial.result import TWIN

if TYPE_CHECKING:
    from storage import History, Plans
    from tuner.study.live_config import LiveConfig
    from tuner.supervisor.retrying import OutageRetrying


class BestTrials:
    """The complete trials whose weights are kept: the best ones, as many as the study's `keep` says, trial 0, and those
    for which the test split was opened.

    Every call reads the database anew.

    Args:
        history: The study's trials.
        test_split: The part of the plan with the test split.
        live: The study's configuration, with `keep`.
        retrying: Repeats reads through outages.
    """

    def __init__(self, history: History, test_split: Plans, live: LiveConfig, retrying: OutageRetrying) -> None:
        self._history = history
        self._test_split = test_split
        self._live = live
        self._retrying = retrying

    def numbers(self) -> list[int]:
        """Return the numbers of the trials whose weights are kept, the best first."""
        tested = opened_trials(self._retrying(self._test_split.content))
        return kept_trials(
            self._retrying(self._history.top), self._live.current.keep, tested=tested, twins=self._twins()
        )

    def _twins(self) -> frozenset[int]:
        return self._retrying(self._history.labelled, TWIN)

    def would_include(self, number: int, value: float) -> bool:
        """Return whether the weights of a trial would be kept if it were complete.

        Args:
            number: The trial's number.
            value: Its value.
        """
        if number == FIRST_TRIAL:
            return True
        twins = self._twins()
        ranking = [each for each in self._retrying(self._history.top) if each[0] not in twins]
        best = ranking[: self._live.current.keep]
        if len(best) < self._live.current.keep:
            return True
        last = best[-1][1]
        return value == last or is_better(value, last, self._history.direction)
