"""A search over depths, as one supervisor sees to it: which trials begin, which go on, and when the search ends.

Every supervisor comes to the same decision, since it follows from the values in the database. The one that has the
lease of the plan writes it: slots for trials that begin, a target for a trial that goes on, or the end of the search.
It decides only while a lane is idle and no trial waits for one, so that each decision knows all values there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import BeginRecord, LeaseLost, PromotionRecord
from storage.crash_points import reach
from tuner.reporting.events import Decided
from tuner.search.thaw.bargains import Kind
from tuner.search.thaw.first_asks import ArmDraws
from tuner.search.thaw.market import OVER, decide
from tuner.study.arms import ArmKey, nearest_arm
from tuner.study.full_runs import prices_of
from tuner.study.search_over import SearchOver
from tuner.supervisor.judging import Judgement, Moves, end_shelved
from tuner.supervisor.situation import Situation
from tuner.trial.evaluation import LAST_STEP
from tuner.trial.result import TWIN, Outcome, TrialResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from storage import History, PlanLease, Plans, Shelves, StudyRecord, Workers
    from tuner.reporting.events import Watcher
    from tuner.search.thaw.bargains import Choice
    from tuner.study.live_config import LiveConfig
    from tuner.study.local import LocalStudy
    from tuner.supervisor.attempt import Attempt
    from tuner.supervisor.ledger import Ledger
    from tuner.supervisor.retrying import OutageRetrying


class StudyReads:
    """What a search over depths reads of its study, beside the plan. Reads wait through outages.

    Args:
        record: The study.
        history: Its trials.
        shelves: Its slots and the values of their trials.
        workers: Its lanes on all machines.
        retrying: Repeats reads through outages.
    """

    def __init__(
        self,
        record: StudyRecord,
        history: History,
        shelves: Shelves,
        workers: Workers,
        retrying: OutageRetrying,
    ) -> None:
        self._record = record
        self._history = history
        self._shelves = shelves
        self._workers = workers
        self._retrying = retrying

    def situation(self, local_study: LocalStudy, live: LiveConfig) -> Situation:
        """Return the study as it is now."""
        return Situation(
            local_study=local_study,
            draws=ArmDraws.of_study(local_study.space, self._record.facts),
            config=live.current,
            standings=self._retrying(self._shelves.standings, local_study.looks),
            times=self._retrying(self._history.device_times),
            prices=self._retrying(prices_of, self._history, self._record),
            twins=self._retrying(self._history.labelled, TWIN),
            lanes=max(1, len(self._retrying(self._workers.alive))),
        )


class Thaw:
    """Judges the trials of a search over depths. Only the main thread may call it.

    Args:
        local_study: The study as this machine can run it.
        live: Its configuration.
        reads: What it reads of the study.
        shelves: Trials that are put aside.
        plans: Decisions for the whole study.
        ledger: Writes about trials that this supervisor holds.
        watch: Told of trials that end here.
    """

    are_used = True

    def __init__(
        self,
        local_study: LocalStudy,
        live: LiveConfig,
        reads: StudyReads,
        shelves: Shelves,
        plans: Plans,
        ledger: Ledger,
        watch: Watcher,
    ) -> None:
        self._local_study = local_study
        self._live = live
        self._reads = reads
        self._shelves = shelves
        self._plans = plans
        self._ledger = ledger
        self._retrying = ledger.retrying
        self._watch = watch

    # ---- trials on this machine

    def begin(self, attempt: Attempt) -> int:
        """Return the percent of its schedule up to which a trial may train now, and at which it is judged next.

        Raises:
            LeaseLost: Another worker has the trial.
        """
        hyperparameters = attempt.open_trial.hyperparameters
        if hyperparameters is None:
            return LAST_STEP
        if attempt.slot.target is not None:
            return attempt.slot.target
        key = nearest_arm(self._local_study.arms, ArmKey.of(hyperparameters))
        first = self._local_study.first_rung(hyperparameters)
        target = LAST_STEP if attempt.number == 0 or key.frozen_share >= 1.0 else first
        found = self._retrying(self._shelves.begin, attempt.lease, first_rung=first, target=target, arm=key.name)
        if found is None:
            raise LeaseLost(f"trial {attempt.number} is another worker's")
        return found

    def before_training(self, attempt: Attempt) -> TrialResult | None:
        """Return the end of a trial that is not to be trained on, as the search is over; None for one that is."""
        over = self._over(self._content())
        if over is None:
            return None
        return TrialResult(state=Outcome.PRUNED, value=attempt.last_value, reason=over.reason)

    def judge(self, attempt: Attempt, step: int, value: float) -> Judgement:
        """Return the verdict about a trial that has reported its value at a step.

        Raises:
            LeaseLost: Another worker has the trial.
        """
        if attempt.number == 0 or step not in self._local_study.looks[:-1]:
            return Judgement(verdict=Verdict.GO_ON)
        target = self._target(attempt)
        if step >= target:
            self._decide(self._situation())
            target = self._target(attempt)
        if target > step:
            return Judgement(verdict=Verdict.GO_ON)
        return Judgement(verdict=Verdict.SHELVED, reason=f"{value:.4g} at {step} %")

    def _target(self, attempt: Attempt) -> int:
        target = self._retrying(self._shelves.target, attempt.lease)
        if target is None:
            raise LeaseLost(f"trial {attempt.number} is another worker's")
        return target

    # ---- the whole study

    def is_over(self) -> bool:
        """Return whether no trial is to begin beside those that have slots."""
        return self._over(self._content()) is not None

    def look(self, *, idle: bool) -> Moves:
        """Make the decisions that can be made now, and end trials that are put aside and do not go on.

        Args:
            idle: Whether a lane here waits for a trial.
        """
        over, started = self._over(self._content()), 0
        runs = self._live.current.budget.runs
        if over is None and (idle or runs is not None):
            situation = self._situation()
            if runs is not None and situation.spent >= runs + OVER:
                over = self._end_as_spent()
            if idle and over is None:
                started = self._decide(situation)
        over = over or (None if started else self._over(self._content()))
        if over is None:
            return Moves(started=started)
        situation = self._situation()
        # An edit may have made slots after the search had ended: no trial is to begin in them.
        if situation.unplanned and (lease := self._take()) is not None:
            self._retrying(self._plans.commit, lease, drops_empty=True)
        return Moves(ended=self._end_shelved(situation, over), cut=over.reason if over.cuts else None)

    def _end_shelved(self, situation: Situation, over: SearchOver) -> tuple[int, ...]:
        if self._live.current.keep_shelved:
            return ()
        found = []
        for standing in situation.shelved:
            if end_shelved(standing, over.reason, self._ledger, self._watch):
                assert standing.slot.trial_number is not None
                found.append(standing.slot.trial_number)
        return tuple(found)

    # ---- decisions

    def _situation(self) -> Situation:
        return self._reads.situation(self._local_study, self._live)

    def _content(self) -> Mapping[str, Any]:
        return self._retrying(self._plans.content)

    def _over(self, content: Mapping[str, Any]) -> SearchOver | None:
        return SearchOver.parse(content, self._live.current.to_dict())

    def _end_as_spent(self) -> SearchOver | None:
        """End the search, as its full runs are spent; return None where another supervisor decides just now."""
        lease = self._take()
        if lease is None:
            return None
        situation = self._situation()
        reason = f"the budget of {situation.budget:g} full runs is spent"
        over = SearchOver(reason=reason, cuts=True)
        return over if self._end_search(lease, situation, over) else None

    def _decide(self, seen: Situation) -> int:
        """Make the next decision, if one is due; return how many trials begin or go on by it.

        Args:
            seen: The study as it was a moment ago.
        """
        if seen.waiting:
            return 0
        lease = self._take()
        if lease is None:
            return 0
        # Read again: another supervisor may have decided in between.
        over, situation = self._over(lease.content), self._situation()
        if over is not None or situation.waiting:
            self._retrying(self._plans.commit, lease)
            return 0
        choice = decide(situation.market)
        if choice.bargain is None:
            # What still trains may change the answer.
            if situation.unsettled:
                self._retrying(self._plans.commit, lease)
            else:
                self._end_search(lease, situation, SearchOver(reason=choice.reason, cuts=False))
            return 0
        return self._begin_or_go_on(lease, situation, choice)

    def _begin_or_go_on(self, lease: PlanLease, situation: Situation, choice: Choice) -> int:
        bargain = choice.bargain
        assert bargain is not None
        begins, promotions = None, []
        if bargain.kind is Kind.BEGIN:
            begins = BeginRecord(
                arm=self._local_study.arms[bargain.arm].name,
                count=bargain.count,
                reason=choice.reason,
            )
        else:
            assert bargain.number is not None
            standing = situation.standing(bargain.number)
            promotions.append(
                PromotionRecord(
                    slot=standing.slot.slot,
                    trial_number=bargain.number,
                    rung=max(standing.values),
                    target=situation.next_target(standing),
                    reason=choice.reason,
                )
            )
        moved = self._retrying(self._plans.commit, lease, promotions=promotions, begins=begins)
        reach("planned")
        if moved:
            self._tell(situation, choice.reason)
        return moved or 0

    def _tell(self, situation: Situation, reason: str) -> None:
        """Tell people of a decision."""
        self._watch(Decided(text=f"search: {reason}", spent=situation.market.spent, runs=situation.budget))

    def _take(self) -> PlanLease | None:
        lease = self._retrying(self._plans.take, self._ledger.owner, self._ledger.lease_s)
        if lease is not None:
            reach("planning")
        return lease

    def _end_search(self, lease: PlanLease, situation: Situation, over: SearchOver) -> bool:
        """Write the end of the search; return False where the lease is lost."""
        content = {**lease.content, **over.to_content(self._live.current.to_dict())}
        text = f"the search ends: {over.reason}"
        done = self._retrying(self._plans.commit, lease, content=content, decided=text, drops_empty=True)
        reach("over")
        if done is not None:
            self._tell(situation, text)
        return done is not None
