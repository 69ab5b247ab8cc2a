"""The situation of a search over depths: the trials, what they cost, and what they reach, as the market sees them."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from statistics import median_low
from typing import TYPE_CHECKING

from search_spaces import FITTED, Hyperparameters
from storage import SlotState
from tuner.search.promotion import ContenderState
from tuner.search.thaw.arms import Arm, ArmTrial, Market
from tuner.search.thaw.costs import LEAST, ArmCosts
from tuner.search.thaw.first_asks import point_key
from tuner.study.arm_costs import planned_cost
from tuner.study.noise import standard_error
from tuner.trial.rungs import LAST_RUNG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage import DeviceTime, Standing
    from tuner.search.thaw.first_asks import ArmDraws, FirstAsk
    from tuner.study.arms import ArmKey
    from tuner.study.config import StudyConfig
    from tuner.study.full_runs import Prices
    from tuner.study.local import LocalStudy

#: Full runs that a search of so many trials is taken to be worth beside trial 0, a trial: what halving spends on them.
RUNS_A_TRIAL = 1 / 9


@dataclass(frozen=True, kw_only=True)
class Situation:
    """A study at one moment.

    Args:
        local_study: The study as this machine can run it.
        draws: What the points of its trials are drawn from.
        config: Its configuration, as it is now.
        standings: All slots, with the values of their trials at the looks.
        times: The device time of each trial.
        prices: What a full run takes.
        lanes: Trials that can train at once, on all machines.
        twins: Numbers of trials that have taken over the values of another one: they cost and tell nothing.
    """

    local_study: LocalStudy
    draws: ArmDraws
    config: StudyConfig
    standings: Sequence[Standing]
    times: Sequence[DeviceTime]
    prices: Prices
    lanes: int
    twins: frozenset[int] = frozenset()

    # ---- slots

    @property
    def waiting(self) -> int:
        """How many slots a worker may claim now."""
        return sum(_is_claimable(each) for each in self.standings)

    @property
    def unsettled(self) -> int:
        """How many trials run, wait for a worker, or are still to begin as it was decided."""
        return sum(each.slot.state not in _SETTLED and not _is_unplanned(each) for each in self.standings)

    @property
    def unplanned(self) -> int:
        """How many slots wait for a decision that a trial begins in them."""
        return sum(_is_unplanned(each) for each in self.standings)

    @property
    def shelved(self) -> list[Standing]:
        """The trials that are put aside."""
        return [each for each in self.standings if each.slot.state is SlotState.SHELVED]

    def standing(self, number: int) -> Standing:
        """Return the standing of a trial that has begun."""
        return next(each for each in self.standings if each.slot.trial_number == number)

    def next_target(self, standing: Standing) -> int:
        """Return the next percent at which a trial may be put aside, beyond those that it has reached."""
        reached = max(standing.values, default=0)
        first = standing.slot.first_rung or 0
        return next(look for look in self.local_study.looks if look > reached and look >= first)

    # ---- prices

    @cached_property
    def _runs(self) -> dict[int, float]:
        """Full runs that each trial has taken, by number; empty where no price is known."""
        found = {each.trial: self.prices.runs(each.kind, each.device_s) for each in self.times}
        return {number: runs for number, runs in found.items() if runs is not None}

    @property
    def spent(self) -> float:
        """Full runs that all trials have taken so far; 0 where no price is known."""
        return math.fsum(self._runs.values())

    @property
    def budget(self) -> float:
        """Full runs that the search is to spend."""
        budget = self.config.budget
        if budget.runs is not None:
            return budget.runs
        assert budget.trials is not None
        return 1.0 + budget.trials * RUNS_A_TRIAL

    # ---- the market

    @cached_property
    def market(self) -> Market:
        """What a decision rests on."""
        by_arm: dict[str, list[Standing]] = defaultdict(list)
        for each in self.standings:
            is_first = each.slot.trial_number == 0 or each.slot.slot == 0
            if each.slot.arm is not None and not is_first and each.slot.trial_number not in self.twins:
                by_arm[each.slot.arm].append(each)
        arms = tuple(self._arm(key, by_arm[key.name]) for key in self.local_study.arms)
        first = next((each for each in self.standings if each.slot.trial_number == 0), None)
        recipe, rise = self._recipe(first)
        trials = self.config.budget.trials
        left = None if trials is None else max(0, trials - len(self.standings) + self.unplanned)
        is_bound = self.config.budget.runs is not None
        return Market(
            arms=arms,
            recipe=recipe,
            recipe_rise=rise,
            recipe_ask=point_key(self.draws.recipe_point),
            perfect=1.0 if self._sign > 0 else 0.0,
            noise=self._noise(arms, recipe),
            budget=self.budget,
            spent=self._promised(arms, first),
            workers=self.lanes,
            stops=self.config.stops,
            is_bound=is_bound,
            slots=left,
            slot_price=0.0 if is_bound or trials is None else self.budget / trials,
        )

    @property
    def _sign(self) -> float:
        return 1.0 if self.config.metric.direction == "maximize" else -1.0

    def _arm(self, key: ArmKey, standings: Sequence[Standing]) -> Arm:
        is_head = key.frozen_share >= 1.0
        rungs = [each.slot.first_rung for each in standings if each.slot.first_rung is not None]
        standings = sorted(standings, key=lambda each: each.slot.slot)
        asks = self.draws.first(key.fixed(self.local_study.space))
        costs = self._costs(key, standings, asks)
        planned = LAST_RUNG if is_head else self._planned_rung(key)
        first_rung = LAST_RUNG if is_head else median_low(rungs) if rungs else planned
        trials = tuple(self._trial(each, costs.at(place), first_rung) for place, each in enumerate(standings))
        return Arm(
            frozen=key.frozen_share,
            cost=costs.at(len(standings)),
            first_rung=first_rung,
            is_fitted=self._is_fitted(key),
            words=key.words(self.local_study.arms),
            trials=trials,
            asks=tuple(ask.key for ask in asks),
        )

    def _is_fitted(self, key: ArmKey) -> bool:
        """Return whether the trials of an arm begin otherwise than trial 0, whose value then tells little of theirs."""
        return key.frozen_share >= 1.0 or key.head_init == FITTED

    def _planned_rung(self, key: ArmKey) -> int:
        point = {**self.local_study.first_point(), **key.fixed(self.local_study.space)}
        return self.local_study.first_rung(Hyperparameters.from_values(point, free=True))

    def _trial(self, standing: Standing, expected: float, first_rung: int) -> ArmTrial:
        """Return a trial as the market sees it.

        Args:
            standing: The trial.
            expected: What it is expected to cost, before it has told.
            first_rung: The percent up to which it trains where none is decided yet.
        """
        slot, number = standing.slot, _number(standing)
        values = {step: self._sign * value for step, value in standing.values.items() if math.isfinite(value)}
        # A trial without a finite value has diverged, or did not fit: it is worth no more than the worst one. It is not
        # complete, so that its step is not the last one.
        step = max(standing.values, default=slot.first_rung or 1)
        lost = {} if self._worst is None else {min(step, LAST_RUNG - 1): self._worst}
        runs, cost = self._runs.get(number), expected
        if runs is not None and standing.values and slot.state in _SETTLED:
            cost = max(LEAST, runs * LAST_RUNG / step)
        if slot.state is SlotState.FINISHED:
            return ArmTrial(number=number, values=values or lost, state=ContenderState.OVER, cost=cost)
        # One that has reported its last value trains until its end is told.
        at_rung = slot.target is not None and slot.target < LAST_RUNG and slot.target in standing.values
        is_aside = slot.state is SlotState.SHELVED or at_rung
        values = values or (lost if standing.values else {})
        if is_aside:
            return ArmTrial(number=number, values=values, state=ContenderState.SHELVED, cost=cost)
        # Before its first rung a value says nothing.
        values = {step: value for step, value in values.items() if step >= (slot.first_rung or 0)}
        target = first_rung if slot.target is None else slot.target
        return ArmTrial(number=number, values=values, state=ContenderState.TRAINING, cost=cost, target=target)

    @cached_property
    def _worst(self) -> float | None:
        values = [self._sign * v for each in self.standings for v in each.values.values() if math.isfinite(v)]
        return min(values, default=None)

    def _costs(self, key: ArmKey, standings: Sequence[Standing], asks: Sequence[FirstAsk]) -> ArmCosts:
        """Return what the trials of an arm cost. One that trains has taken more than it did up to its last value.

        Args:
            key: The arm.
            standings: Its trials, in order.
            asks: The points of the first ones.
        """
        local = self.local_study
        planned = ArmCosts.planned(
            planned_cost(local, key),
            [ask.point for ask in asks],
            space=local.space,
            first_point=local.first_point(),
        )
        runs = ((place, each, self._runs.get(_number(each))) for place, each in enumerate(standings))
        return planned.learned(
            (place, max(each.values) / LAST_RUNG, taken)
            for place, each, taken in runs
            if taken is not None and each.values and each.slot.state in _SETTLED
        )

    def _recipe(self, first: Standing | None) -> tuple[float | None, float]:
        """Return the value of trial 0, and what it has gained since its first rung."""
        if first is None or LAST_RUNG not in first.values:
            return None, 0.0
        values = {step: self._sign * value for step, value in sorted(first.values.items()) if math.isfinite(value)}
        if not values:
            return None, 0.0
        best, rung = max(values.values()), first.slot.first_rung or 0
        return best, max(0.0, best - next(value for step, value in values.items() if step >= min(rung, max(values))))

    def _promised(self, arms: Sequence[Arm], first: Standing | None) -> float:
        """Return the full runs that are spent, those included that trials which train are let to spend."""
        total = self._runs.get(0, 0.0) + self._spent_elsewhere()
        if first is None or first.slot.state is not SlotState.FINISHED:
            total = max(total, 1.0)
        for arm in arms:
            for each in arm.trials:
                assert each.cost is not None
                cost = each.cost
                runs = self._runs.get(each.number, cost * each.reached / LAST_RUNG)
                if each.state is ContenderState.TRAINING:
                    runs = max(runs, cost * each.target / LAST_RUNG)
                total += runs
        return total

    def _spent_elsewhere(self) -> float:
        """Return the full runs of the trials whose arm an edit of the search space has removed."""
        names = {key.name for key in self.local_study.arms}
        numbers = [each.slot.trial_number for each in self.standings if each.slot.arm not in names]
        return math.fsum(self._runs.get(number, 0.0) for number in numbers if number)

    def _noise(self, arms: Sequence[Arm], recipe: float | None) -> float:
        """Return the standard error of a value on the validation rows."""
        complete = [trial.settled for arm in arms for trial in arm.trials if trial.is_complete]
        best = max([*complete, *([] if recipe is None else [recipe])], default=0.5)
        prepared = self.local_study.prepared
        assert prepared is not None
        return standard_error(best, prepared.sizes["validation"], self.config.metric.direction)


#: States of trials that no lane trains, nor is to.
_SETTLED = (SlotState.FINISHED, SlotState.SHELVED)


def _number(standing: Standing) -> int:
    """Return the number of a trial; before it has one, a negative number of its own."""
    slot = standing.slot
    return -slot.slot if slot.trial_number is None else slot.trial_number


def _is_unplanned(standing: Standing) -> bool:
    slot = standing.slot
    return slot.state is SlotState.EMPTY and slot.arm is None and slot.slot > 0


def _is_claimable(standing: Standing) -> bool:
    slot = standing.slot
    if slot.state is SlotState.EMPTY:
        return slot.arm is not None or slot.slot == 0
    return slot.state in (SlotState.INTERRUPTED, SlotState.PAUSED) or (
        slot.state is SlotState.RUNNING and not slot.held
    )
