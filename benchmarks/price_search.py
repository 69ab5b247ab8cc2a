"""Replays our search on a table, in simulated time: `decide` of the product on values of a table, by several workers.

Nothing is trained. A trial that trains from one percent of its schedule to another occupies a worker for so long; the
unit is a full run. Pausing and going on cost nothing. A trial that diverges ends at its first loss that is not finite.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from price_asks import Asks
from price_tables import Table

from tuner.search.halving import HalvingPromotion
from tuner.search.promotion import Contender, ContenderState
from tuner.search.rank_check import RankCheck, first_rung_allowed


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A way to search."""

    trials: int
    eta: int
    #: The first rung, in percent; with a check, the lower of the two between which it decides.
    first_rung: int
    #: Whether the first trials train to the next rung, and both rungs' rankings decide which is the first later on.
    is_checked: bool = False
    #: Whether trial 0 trains to its end, as a study's recipe does.
    has_recipe: bool = False

    def __str__(self) -> str:
        rung = f"{self.first_rung} or {self.eta * self.first_rung} %" if self.is_checked else f"{self.first_rung} %"
        recipe = ", trial 0 to its end" if self.has_recipe else ""
        return f"halving {self.trials}, eta {self.eta}, first rung {rung}{recipe}"

    def halving(self, check: RankCheck | None) -> HalvingPromotion:
        """Return the product's rule, before or after the check."""
        first = self.first_rung
        if self.is_checked:
            first = self.eta * self.first_rung if check is None else check.first_rung
        return HalvingPromotion(eta=self.eta, first_rung=first)


@dataclass(frozen=True, kw_only=True)
class Found:
    """The outcome of a search."""

    #: Final loss of the best complete trial; infinite where there is none.
    loss: float
    #: Training in full runs, that of the returned model included.
    cost: float
    #: Time until the last trial was over, in full runs.
    time: float
    #: By configuration, the percent up to which it was let train.
    targets: dict[int, int] = field(default_factory=dict)


class Replay:
    """One search on one table.

    Args:
        table: The curves.
        rule: How to search.
        asks: Chooses configurations.
        drawn: All configurations of the table, in the order of a search at random.
        workers: How many trials train at once.
    """

    def __init__(self, table: Table, rule: Rule, asks: Asks, drawn: Sequence[int], workers: int) -> None:
        self._table = table
        self._rule = rule
        self._asks = asks
        self._left = list(drawn)
        self._free = workers
        self._check: RankCheck | None = None
        self._halving = rule.halving(None)
        self._contenders: dict[int, Contender] = {}
        self._configurations: list[int] = []
        #: By trial, the point that it has reached.
        self._reached: dict[int, int] = {}
        #: Points at which workers finish, with the trial and the percent that it trains to.
        self._events: list[tuple[int, int, int, int]] = []
        self._running: set[int] = set()
        self._sequence = itertools.count()
        self._now = 0

    def run(self) -> Found:
        """Run the search to its end."""
        self._occupy()
        while self._events:
            self._now, _, number, percent = heapq.heappop(self._events)
            self._running.discard(number)
            self._free += 1
            self._arrive(number, percent)
            self._occupy()
        table, numbered = self._table, self._contenders.items()
        complete = [number for number, each in numbered if 100 in each.values]
        return Found(
            loss=min((float(table.final[self._configurations[number]]) for number in complete), default=math.inf),
            cost=sum(self._reached.values()) / table.length,
            time=self._now / table.length,
            targets={self._configurations[number]: each.target for number, each in numbered},
        )

    def _occupy(self) -> None:
        """Give work to free workers: trials that may go on first, then new ones."""
        while self._free:
            waiting = [
                number
                for number, each in self._contenders.items()
                if each.state is ContenderState.TRAINING and number not in self._running
            ]
            if waiting:
                self._train(min(waiting))
            elif len(self._contenders) < self._rule.trials:
                self._train(self._begin())
            else:
                return

    def _begin(self) -> int:
        number, first = len(self._contenders), self._halving.first_rung
        told = {}
        for each in self._contenders.values():
            if first in each.values:
                told[self._configurations[each.number]] = each.values[first]
            elif each.state is ContenderState.OVER:
                told[self._configurations[each.number]] = math.inf
        pending = [one for one in self._configurations if one not in told]
        configuration = self._asks.ask(told, pending, self._left)
        self._left.remove(configuration)
        self._configurations.append(configuration)
        self._reached[number] = 0
        is_exempt = self._rule.has_recipe and number == 0
        self._contenders[number] = Contender(
            number=number,
            values={},
            # As in the product: a trial that trains further for the sake of the rank check could be put aside earlier.
            first_rung=self._rule.first_rung,
            target=100 if is_exempt else first,
            state=ContenderState.TRAINING,
            is_exempt=is_exempt,
        )
        return number

    def _train(self, number: int) -> None:
        """Let a worker train a trial to the next percent at which it is evaluated."""
        contender, table = self._contenders[number], self._table
        looks = sorted({self._rule.first_rung, *self._halving.rungs()})
        percent = next(look for look in looks if table.point(look) > self._reached[number])
        configuration = self._configurations[number]
        point = min(table.point(min(percent, contender.target)), table.ends[configuration])
        took = point - self._reached[number]
        self._reached[number] = point
        self._free -= 1
        self._running.add(number)
        heapq.heappush(self._events, (self._now + took, next(self._sequence), number, percent))

    def _arrive(self, number: int, percent: int) -> None:
        contender = self._contenders[number]
        value = float(self._table.curves[self._configurations[number], self._reached[number]])
        if math.isfinite(value):
            values = {**contender.values, percent: value}
            state = ContenderState.OVER if percent == 100 else ContenderState.TRAINING
            self._contenders[number] = replace(contender, values=values, state=state)
        else:
            self._contenders[number] = replace(contender, state=ContenderState.OVER)
        self._decide()
        contender = self._contenders[number]
        if contender.state is ContenderState.TRAINING and contender.target == percent:
            self._contenders[number] = replace(contender, state=ContenderState.SHELVED)

    def _decide(self) -> None:
        if self._rule.is_checked and self._check is None:
            lower, higher = self._rule.first_rung, self._rule.first_rung * self._rule.eta
            check = first_rung_allowed([each.values for each in self._contenders.values()], (lower, higher))
            if check.is_decided:
                self._check, self._halving = check, self._rule.halving(check)
        contenders = list(self._contenders.values())
        for move in self._halving.decide(contenders, trials=self._rule.trials, direction="minimize").moves:
            moved = self._contenders[move.number]
            if move.target is None:
                self._contenders[move.number] = replace(moved, state=ContenderState.OVER)
            else:
                self._contenders[move.number] = replace(moved, target=move.target, state=ContenderState.TRAINING)


def batch(table: Table, rule: Rule, drawn: Sequence[int]) -> Found:
    """Search as the definition says, rung by rung, without a check or a recipe: to hold `Replay` against it."""
    targets, reached = {}, {}
    members = list(drawn[: rule.trials])
    rungs = rule.halving(None).rungs()
    for level, rung in enumerate(rungs):
        for one in members:
            targets[one], reached[one] = rung, min(table.point(rung), table.ends[one])
        sound = [one for one in members if math.isfinite(table.value(one, rung))]
        places = max(1, math.floor(rule.trials / rule.eta ** (level + 1) + 0.5))
        members = sorted(sound, key=lambda one: (table.value(one, rung), list(drawn).index(one)))[:places]
    complete = [one for one, target in targets.items() if target == 100 and math.isfinite(table.final[one])]
    loss = min((float(table.final[one]) for one in complete), default=math.inf)
    return Found(loss=loss, cost=sum(reached.values()) / table.length, time=math.nan, targets=targets)
