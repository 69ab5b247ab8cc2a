"""Percentile pruning as a pure function of the values at rungs: the rule of Optuna's `PercentilePruner`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuner.search.promotion import (
    Contender,
    ContenderState,
    Decision,
    Move,
    can_go_on,
    decision,
    to_the_end,
)
from tuner.trial.rungs import LAST_RUNG


@dataclass(frozen=True, kw_only=True)
class PercentilePromotion:
    """Ends a trial that is worse than a percentile of the complete trials at the same rung; shelves none.

    A trial is judged at the latest rung where it has a value: its best value up to there is held against the complete
    trials' values there. Asked once after each value of a trial, the rule answers as Optuna's does. Asked more often,
    it may end a trial between two of its evaluations, when other trials have become complete meanwhile.
    """

    #: Percentage of trials that are kept, the best ones.
    percentile: float = 75.0
    #: Complete trials before the first trial is ended.
    startup: int = 5
    #: Percent of its schedule before which no trial is ended.
    warm_up: int = 20
    #: Complete trials with a value at a rung that ending a trial there needs.
    least: int = 5
    #: Percents at which trials are judged.
    looks: tuple[int, ...] = tuple(range(10, 101, 10))

    def rungs(self) -> tuple[int, ...]:
        """Return the percents at which trials are judged, and 100."""
        return tuple(sorted({*self.looks, LAST_RUNG}))

    def first_target(self, minimum: int) -> int:
        """Return the end of the schedule: no trial is put aside."""
        return LAST_RUNG

    def decide(self, contenders: Sequence[Contender], *, trials: int, direction: str) -> Decision:
        """Return the ends of trials that are among the weakest, and let those go on that an earlier rule put aside."""
        rungs = frozenset(self.rungs())
        # A trial that was pruned or failed has no value at its end.
        complete = [each for each in contenders if each.state is ContenderState.OVER and LAST_RUNG in each.values]
        moves = []
        for each in contenders:
            if each.state is ContenderState.OVER:
                continue
            move = None if each.is_exempt else self._end(each, rungs, complete, direction)
            if move is not None:
                moves.append(move)
            elif can_go_on(each):
                moves.append(to_the_end(each))
        return decision(contenders, moves, trials=trials)

    def _end(
        self, contender: Contender, rungs: frozenset[int], complete: Sequence[Contender], direction: str
    ) -> Move | None:
        """Return the end of a trial; None where it goes on."""
        own = {percent: value for percent, value in contender.values.items() if percent in rungs}
        rung = max(own, default=0)
        if len(complete) < max(1, self.startup) or rung < max(1, self.warm_up):
            return None
        others = [each.values[rung] for each in complete if rung in each.values]
        sign = -1.0 if direction == "maximize" else 1.0
        best = min((sign * value for value in own.values() if not math.isnan(value)), default=math.nan)
        limit = self._limit([sign * value for value in others])
        if not (math.isnan(best) or best > limit):
            return None
        # A trial without any number is behind all that have one.
        rank = 1 + sum(math.isnan(best) or sign * value < best for value in others)
        places = sum(sign * value <= limit for value in others)
        return Move(
            number=contender.number,
            rung=rung,
            target=None,
            rank=rank,
            of=len(others) + 1,
            to_come=0,
            places=places,
            reason=f"{sign * best:.4g} at best up to {rung} %, needed {sign * limit:.4g} to be among the best "
            f"{self.percentile:g} % of {len(others)} complete trials",
        )

    def _limit(self, values: Sequence[float]) -> float:
        """Return the value, smaller being better, beyond which a trial ends; NaN where none does."""
        sound = [value for value in values if not math.isnan(value)]
        if len(values) < self.least or not sound:
            return math.nan
        with np.errstate(invalid="ignore"):  # between infinities there is no percentile, and no trial ends
            return float(np.percentile(np.array(sound), self.percentile))
