"""How far trials may train: the question that a supervisor asks at every rung, and what it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from storage import LeaseLost, SlotState, TrialState
from storage.crash_points import reach
from tuner.reporting.events import TrialEnded
from tuner.trial.result import Outcome, TrialResult, Verdict

if TYPE_CHECKING:
    from storage import Standing
    from tuner.reporting.events import Watcher
    from tuner.supervisor.attempt import Attempt
    from tuner.supervisor.ledger import Ledger


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict about a trial at a rung, and the line that says why."""

    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Moves:
    """What a look at the whole study has decided."""

    #: How many trials may go on, or are to begin.
    started: int = 0
    #: Trials that were put aside and have ended. Their files in the store are needed no longer.
    ended: tuple[int, ...] = ()
    #: Why the trials that run end now, if they do.
    cut: str | None = None

    def __bool__(self) -> bool:
        return bool(self.started or self.ended)


class Judge(Protocol):
    """Judges trials at their rungs, as one supervisor sees them. Only the main thread may call it."""

    #: Whether trials are judged here, and not by a pruner.
    are_used: bool

    def begin(self, attempt: Attempt) -> int:
        """Return the percent of its schedule up to which a trial may train now, and at which it is judged next.

        Raises:
            LeaseLost: Another worker has the trial.
        """

    def before_training(self, attempt: Attempt) -> TrialResult | None:
        """Return the end of a trial that is not to be trained on, as the search is over; None for one that is."""

    def judge(self, attempt: Attempt, step: int, value: float) -> Judgement:
        """Return the verdict about a trial that has reported its value at a step.

        Raises:
            LeaseLost: Another worker has the trial.
        """

    def look(self, *, idle: bool) -> Moves:
        """Make the decisions that can be made now, and end trials that are put aside and do not go on.

        Args:
            idle: Whether a lane here waits for a trial.
        """

    def is_over(self) -> bool:
        """Return whether no trial is to begin beside those that have slots."""


def end_shelved(standing: Standing, reason: str, ledger: Ledger, watch: Watcher) -> bool:
    """End a trial that is put aside and does not go on; return whether it was.

    Args:
        standing: The trial.
        reason: Why, for people.
        ledger: Writes about it.
        watch: Told of its end.
    """
    slot = standing.slot
    if slot.state is not SlotState.SHELVED:
        return False  # its own worker ends it
    lease = ledger.claim_shelved(slot)
    if lease is None:
        return False
    reach("ending")
    step = max(standing.values, default=0)
    value = standing.values.get(step)
    try:
        open_trial = ledger.begin(lease)
        if open_trial is None:
            ledger.finish(lease)
            return True
        result = TrialResult(state=Outcome.PRUNED, value=value, reason=reason)
        ledger.tell(lease, open_trial, result, open_trial.curve)
    except LeaseLost:
        return False
    watch(
        TrialEnded(
            number=open_trial.number,
            state=TrialState.PRUNED,
            value=value,
            reason=result.reason,
            seconds=0.0,
            finished=ledger.finished(),
            hyperparameters=None if open_trial.hyperparameters is None else open_trial.hyperparameters.to_dict(),
            effective=open_trial.effective,
            curve=[entry for _, entry in sorted(open_trial.curve.items())],
        )
    )
    return True
