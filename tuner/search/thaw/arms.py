"""Arms: the depths of a study, each with trials of its own, as the market sees them. A higher value is better here."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from tuner.search.promotion import ContenderState
from tuner.trial.rungs import LAST_RUNG

#: The gain of an arm is that of all layers times the share of the layers that it trains, to this power: measured, half
#: of the layers bring nearly as much as all.
POWER = 0.3


@dataclass(frozen=True, kw_only=True)
class ArmTrial:
    """A trial on the market."""

    number: int
    #: By percent of its schedule, its value there.
    values: Mapping[int, float]
    state: ContenderState
    #: What it costs from beginning to end, in full runs; None where it costs what the next trial of its arm does.
    cost: float | None = None
    #: The percent up to which it is let to train.
    target: int = 0

    @property
    def reached(self) -> int:
        """The latest percent at which it has a value; 0 before the first one."""
        return max(self.values, default=0)

    @property
    def is_complete(self) -> bool:
        """Whether it was trained to its end."""
        return LAST_RUNG in self.values

    @property
    def settled(self) -> float:
        """What it is taken to be worth: the mean of its best value and its last one.

        A trial is worth its best value, but the best of several looks is overstated.
        """
        return (max(self.values.values()) + self.values[self.reached]) / 2


@dataclass(frozen=True, kw_only=True)
class Arm:
    """The trials of one depth, and what they cost."""

    #: Share of the layers that is frozen.
    frozen: float
    #: Cost of its next trial from beginning to end, in full runs.
    cost: float
    #: The percent at which its trials are put aside first; 100 where they are never.
    first_rung: int
    #: Whether its trials begin with a fitted head. Early values of fitted and random heads tell different things, so
    #: that each has arms of its own. The head alone begins with a random one.
    is_fitted: bool = True
    #: The arm for people.
    words: str = ""
    trials: tuple[ArmTrial, ...] = ()
    #: The points that its first trials have, in order. What two of them have in common is told by equality alone.
    asks: tuple[Hashable, ...] = ()

    @property
    def part(self) -> float:
        """The part of what training all layers gains that it has."""
        return math.pow(1 - self.frozen, POWER)

    @property
    def is_head_alone(self) -> bool:
        """Whether no layer is trained."""
        return self.frozen >= 1.0


@dataclass(frozen=True, kw_only=True)
class Market:
    """All that a decision rests on."""

    #: The cheapest first.
    arms: tuple[Arm, ...]
    #: Value of trial 0, the published recipe with a random head, at its end; None where it has none.
    recipe: float | None
    #: The point of trial 0, to be compared with those of the arms.
    recipe_ask: Hashable = None
    #: What trial 0 has gained from its first rung to its end.
    recipe_rise: float = 0.0
    #: The value beyond which none can be.
    perfect: float
    #: Standard error of a value, from the number of rows that it was measured on.
    noise: float
    #: Full runs that may be spent in all.
    budget: float
    #: Full runs that are spent, those promised to trials that train included.
    spent: float
    #: Trials that can train at once.
    workers: int = 1
    #: Whether the search ends where no further trial is worth its price; otherwise it spends the budget.
    stops: bool = True
    #: Whether no more than the budget may be spent. Otherwise the trials that may begin do so in any case, and the
    #: budget only says how far it is worth to train them.
    is_bound: bool = True
    #: Trials that may still begin; None where their number has no bound.
    slots: int | None = None
    #: What a trial's place among them costs beside its training, in full runs.
    slot_price: float = 0.0
