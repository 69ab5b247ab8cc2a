"""The rungs of a study, as one supervisor sees to them: which trials go on, which are put aside, and which end there.

Every supervisor comes to the same decisions, since they follow from the values in the database. The one that has the
lease of the plan writes them. Promotions take effect in the slots: any worker can then claim the trial.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import LeaseLost, PromotionRecord, SlotState
from storage.crash_points import reach
from tuner.search.promotion import Contender, ContenderState
from tuner.search.promotions import make_promotion
from tuner.search.rank_check import first_rung_allowed
from tuner.supervisor.judging import Judgement, Moves, end_shelved
from tuner.trial.evaluation import LAST_STEP
from tuner.trial.result import Verdict
from tuner.trial.rungs import first_rungs, lowest_rung

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from storage import PlanLease, Plans, Shelves, SlotRecord, Standing
    from tuner.reporting.events import Watcher
    from tuner.search.promotion import Decision, Promotion
    from tuner.study.live_config import LiveConfig
    from tuner.study.local import LocalStudy
    from tuner.supervisor.attempt import Attempt
    from tuner.supervisor.ledger import Ledger
    from tuner.supervisor.retrying import OutageRetrying
    from tuner.trial.result import TrialResult


@dataclass(frozen=True, kw_only=True)
class _View:
    """The trials of a study at one moment, and the decision that follows."""

    standings: Mapping[int, Standing]
    decision: Decision
    #: The first rung that a rank check has just found, with its grounds; None where it has found none.
    checked: tuple[int, str] | None


class Rungs:
    """Judges trials at their rungs. Only the main thread may call it.

    Args:
        local_study: The study as this machine can run it.
        live: Its configuration.
        shelves: Trials that are put aside.
        plans: Decisions for the whole study.
        ledger: Writes about trials that this supervisor holds.
        retrying: Repeats calls through outages.
        watch: Told of trials that end here.
    """

    def __init__(
        self,
        local_study: LocalStudy,
        live: LiveConfig,
        shelves: Shelves,
        plans: Plans,
        ledger: Ledger,
        retrying: OutageRetrying,
        *,
        watch: Watcher,
    ) -> None:
        self._local_study = local_study
        self._live = live
        self._shelves = shelves
        self._plans = plans
        self._ledger = ledger
        self._retrying = retrying
        self._watch = watch
        self._looks = local_study.looks
        surest = lowest_rung(self._looks, first_rungs(local_study.config.search.eta)[-1])
        #: The rungs among which a rank check finds the first one. All trials train to the last of them until then.
        self._first_rungs = [look for look in self._looks if look <= surest]
        self.are_used = local_study.config.has_rungs

    # ---- trials on this machine

    def begin(self, attempt: Attempt) -> int:
        """Return the percent of its schedule up to which a trial may train now, and at which it is judged next.

        Raises:
            LeaseLost: Another worker has the trial.
        """
        hyperparameters = attempt.open_trial.hyperparameters
        if not self.are_used or hyperparameters is None:
            return LAST_STEP
        if attempt.slot.target is not None:
            return attempt.slot.target
        first = self._local_study.first_rung(hyperparameters)
        target = LAST_STEP if attempt.number == 0 else self._promotion(self._first_rung()).first_target(first)
        found = self._retrying(self._shelves.begin, attempt.lease, first_rung=first, target=target)
        if found is None:
            raise LeaseLost(f"trial {attempt.number} is another worker's")
        return found

    def judge(self, attempt: Attempt, step: int, value: float) -> Judgement:
        """Return the verdict about a trial that has reported its value at a step.

        Raises:
            LeaseLost: Another worker has the trial.
        """
        if not self.are_used or attempt.number == 0 or step not in self._looks[:-1]:
            return Judgement(verdict=Verdict.GO_ON)
        view = self._decide()
        own = next((move for move in view.decision.moves if move.number == attempt.number), None)
        if own is not None and own.target is None:
            return Judgement(verdict=Verdict.PRUNED, reason=own.reason)
        target = self._retrying(self._shelves.target, attempt.lease)
        if target is None:
            raise LeaseLost(f"trial {attempt.number} is another worker's")
        if target > step:
            return Judgement(verdict=Verdict.GO_ON)
        return Judgement(verdict=Verdict.SHELVED, reason=f"{value:.4g} at {step} %")

    # ---- the whole study

    def look(self, *, idle: bool) -> Moves:
        """Make the decisions that can be made now, and end trials that are put aside and do not go on."""
        if not self.are_used:
            return Moves()
        view = self._decide()
        moves = view.decision.moves
        return Moves(
            started=sum(move.target is not None for move in moves),
            ended=tuple(
                move.number
                for move in moves
                if move.target is None
                and end_shelved(view.standings[move.number], move.reason, self._ledger, self._watch)
            ),
        )

    def before_training(self, attempt: Attempt) -> TrialResult | None:
        """Return None: a trial that a worker has claimed is trained."""
        return None

    def is_over(self) -> bool:
        """Return True: every trial has its slot from the beginning."""
        return True

    # ---- decisions

    def _content(self) -> Mapping[str, Any]:
        """Return what is decided for the whole study."""
        return self._retrying(self._plans.content) if len(self._first_rungs) > 1 else {}

    def _first_rung(self) -> int:
        return int(self._content().get("first_rung", self._first_rungs[-1]))

    def _promotion(self, first_rung: int) -> Promotion:
        return make_promotion(self._live.current, first_rung)

    def _decide(self) -> _View:
        """Return the decision that follows from the values now, once it is written or another supervisor writes it."""
        view = self._view(self._content())
        if view.checked is None and not any(move.target is not None for move in view.decision.moves):
            return view
        lease = self._retrying(self._plans.take, self._ledger.owner, self._ledger.lease_s)
        if lease is None:
            return view
        reach("deciding")
        # Read again: another supervisor may have decided in between.
        view = self._view(lease.content)
        self._retrying(self._write, lease, view)
        reach("promoted")
        return view

    def _write(self, lease: PlanLease, view: _View) -> None:
        content, decided = None, None
        if view.checked is not None:
            first_rung, decided = view.checked
            content = {**lease.content, "first_rung": first_rung}
        promotions = [
            PromotionRecord(
                slot=view.standings[move.number].slot.slot,
                trial_number=move.number,
                rung=move.rung,
                target=move.target,
                reason=move.reason,
            )
            for move in view.decision.moves
            if move.target is not None
        ]
        self._plans.commit(lease, content=content, decided=decided, promotions=promotions)

    def _view(self, content: Mapping[str, Any]) -> _View:
        found = self._retrying(self._shelves.standings, self._looks)
        standings = {each.slot.trial_number: each for each in found if each.slot.trial_number is not None}
        first_rung, checked = int(content.get("first_rung", self._first_rungs[-1])), None
        if len(self._first_rungs) > 1 and "first_rung" not in content:
            check = first_rung_allowed([each.values for each in standings.values()], self._first_rungs)
            if check.is_decided:
                first_rung, checked = check.first_rung, (check.first_rung, check.reason)
        promotion = self._promotion(first_rung)
        contenders = [_contender(each, promotion.rungs()) for each in standings.values() if _is_known(each.slot)]
        decision = promotion.decide(contenders, trials=len(found), direction=self._live.current.metric.direction)
        return _View(standings=standings, decision=decision, checked=checked)


def _is_known(slot: SlotRecord) -> bool:
    """Return whether it is known where a trial may first be put aside, or that it is over."""
    return slot.target is not None or slot.state is SlotState.FINISHED


def _contender(standing: Standing, rungs: Sequence[int]) -> Contender:
    slot = standing.slot
    assert slot.trial_number is not None
    states = {SlotState.FINISHED: ContenderState.OVER, SlotState.SHELVED: ContenderState.SHELVED}
    return Contender(
        number=slot.trial_number,
        values=standing.values,
        first_rung=slot.first_rung or rungs[0],
        target=slot.target or rungs[0],
        state=states.get(slot.state, ContenderState.TRAINING),
        is_exempt=slot.trial_number == 0,
    )
