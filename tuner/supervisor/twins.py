"""Twins: a trial with the values of one that is complete is not trained again, as it would come to the same result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.trial.evaluation import Evaluation, is_better
from tuner.trial.result import TWIN, Outcome, TrialResult

if TYPE_CHECKING:
    from storage import History
    from tuner.search.optuna_trials import OptunaTrials
    from tuner.study.local import LocalStudy
    from tuner.supervisor.attempt import Attempt
    from tuner.supervisor.ledger import Ledger
    from tuner.supervisor.retrying import OutageRetrying


class Twins:
    """Finds complete trials with the values of a new one. All trials of a study have the same seed.

    Args:
        local_study: The study as this machine can run it.
        trials: Its trials in Optuna's tables.
        history: Its trials with all that they have reported.
        ledger: Writes about trials that this supervisor holds.
        retrying: Repeats reads through outages.
    """

    def __init__(
        self,
        local_study: LocalStudy,
        trials: OptunaTrials,
        history: History,
        ledger: Ledger,
        retrying: OutageRetrying,
    ) -> None:
        prepared = local_study.prepared
        #: Training of a user's own, a model that draws numbers no seed decides, or another seed may give other results.
        self._are_alike = prepared is not None and prepared.anatomy.repeatable and local_study.confirmation is None
        #: Trial 0 is never stopped early: it is no twin of a trial that may be.
        self._excluded = () if local_study.config.early_stopping is None else (0,)
        self._direction = local_study.config.metric.direction
        self._trials = trials
        self._history = history
        self._ledger = ledger
        self._retrying = retrying

    def take_over(self, attempt: Attempt) -> TrialResult | None:
        """Report the evaluations of a trial's twin as its own, and return its end; None where it has no twin.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it.
        """
        # Trial 0 is the unit of all prices, and its weights are what the winner is compared with.
        if not self._are_alike or attempt.number == 0 or attempt.slot.checkpoints.keys:
            return None
        if attempt.open_trial.hyperparameters is None:
            return None
        number = self._retrying(self._trials.twin, attempt.open_trial, self._excluded)
        if number is None:
            return None
        twin = self._retrying(self._history.trial, number)
        evaluations = [Evaluation.from_dict(entry) for entry in twin.evaluations]
        if not evaluations or twin.value is None or twin.effective is None:  # those of another program
            return None
        self._ledger.record(attempt.lease, attempt.open_trial, twin.effective)
        for evaluation in evaluations:
            if evaluation.step not in attempt.curve:
                self._ledger.report(attempt.lease, attempt.open_trial, evaluation)
                attempt.curve[evaluation.step] = evaluation.to_dict()
        best = evaluations[0]
        for evaluation in evaluations:
            best = evaluation if is_better(evaluation.value, best.value, self._direction) else best
        return TrialResult(
            state=Outcome.COMPLETE,
            value=twin.value,
            final_value=evaluations[-1].value,
            best_step=best.step,
            reason=f"{TWIN}: as trial {number}, which has the same values and the same seed; it was not trained again",
        )
