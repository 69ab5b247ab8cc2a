"""The trials of a study whose weights stay: the best ones, trial 0, those that were tested or are to be confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import History
from tuner.study.chosen import numbers_kept
from tuner.study.retention import FIRST_TRIAL
from tuner.trial.evaluation import is_better
from tuner.trial.result import TWIN

if TYPE_CHECKING:
    from storage import Database, StudyRecord
    from tuner.study.live_config import LiveConfig
    from tuner.supervisor.retrying import OutageRetrying


class BestTrials:
    """The complete trials whose weights are kept: the best ones, as many as the study's `keep` says, trial 0, those for
    which the test split was opened, and the leaders of a study that is to be confirmed.

    Every call reads the database anew.

    Args:
        database: Where the study is.
        record: The study.
        live: Its configuration, with `keep` and `confirm`.
        retrying: Repeats reads through outages.
    """

    def __init__(self, database: Database, record: StudyRecord, live: LiveConfig, retrying: OutageRetrying) -> None:
        self._database = database
        self._record = record
        self._history = History(database, record)
        self._live = live
        self._retrying = retrying

    def numbers(self) -> list[int]:
        """Return the numbers of the trials whose weights are kept, the best first."""
        config = self._live.current
        leaders = None if config.confirm is None else config.confirm.top
        return self._retrying(numbers_kept, self._database, self._record, keep=config.keep, leaders=leaders)

    def _twins(self) -> frozenset[int]:
        return self._retrying(self._history.labelled, TWIN)

    def would_include(self, number: int, value: float) -> bool:
        """Return whether the weights of a trial would be kept if it were complete.

        Args:
            number: The trial's number.
            value: Its value.
        """
        if number == FIRST_TRIAL or self._live.current.confirm is not None:
            return True  # who leads is known once the others have ended
        twins = self._twins()
        ranking = [each for each in self._retrying(self._history.top) if each[0] not in twins]
        best = ranking[: self._live.current.keep]
        if len(best) < self._live.current.keep:
            return True
        last = best[-1][1]
        return value == last or is_better(value, last, self._history.direction)
