"""Arms: the depths of a study, each with trials of its own. Values of two arms are ranked together nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ArmTrialState(StrEnum):
    """How far a trial is, as the market sees it."""

    #: A worker trains it, or will without a further decision.
    TRAINING = "training"
    #: It has trained as far as it may, and waits.
    SHELVED = "shelved"
    #: It is complete, pruned or failed.
    OVER = "over"


@dataclass(frozen=True, kw_only=True)
class ArmTrial:
    """A trial on the market."""

    number: int
    #: By percent of its schedule, the value there. A higher one is better.
    values: Mapping[int, float]
    state: ArmTrialState
    #: Percents at which it may be put aside, rising; the last is 100.
    rungs: tuple[int, ...]

    @property
    def reached(self) -> int:
        """The latest percent at which it has a value; 0 before the first one."""
        return max(self.values, default=0)

    @property
    def is_complete(self) -> bool:
        """Whether it was trained to its end."""
        return 100 in self.values


@dataclass(frozen=True, kw_only=True)
class Arm:
    """The trials of one depth."""

    #: Share of the layers that is frozen.
    frozen: float
    #: Cost of one of its trials from beginning to end, in full runs.
    cost: float
    trials: tuple[ArmTrial, ...] = ()
    #: Rungs of a trial that is yet to be drawn, as far as they are known.
    rungs: tuple[int, ...] = (100,)


@dataclass(frozen=True, kw_only=True)
class Market:
    """All that the next decision rests on."""

    #: The arms, the cheapest first.
    arms: tuple[Arm, ...]
    #: Value of trial 0 at its end, the published recipe; None while it is not known.
    recipe: float | None
    #: Value that guessing would have.
    guess: float
    #: Standard error of a value, of the rows that it was measured on.
    noise: float
    #: Full runs that may be spent, and those that are spent or promised to trials that train.
    budget: float
    spent: float
    #: Trials that can train at once.
    workers: int = 1
    #: Values that no arm has: of trial 0.
    others: Mapping[int, float] = field(default_factory=dict)
