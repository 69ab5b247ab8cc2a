"""Bargains: the decisions that device time can be spent on, and what they rest on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuner.search.thaw.outlook import Outlook


class Kind(StrEnum):
    """What a bargain does."""

    #: New trials begin.
    BEGIN = "begin"
    #: A trial that is put aside goes on.
    CONTINUE = "continue"


@dataclass(frozen=True, kw_only=True)
class Bargain:
    """A decision that device time can be spent on."""

    kind: Kind
    #: Position of the arm.
    arm: int
    #: How many trials begin; the trial that goes on.
    count: int = 0
    number: int | None = None
    #: Expected improvement of the best trial, and what it costs to have it, in full runs.
    improvement: float
    cost: float

    @property
    def rate(self) -> float:
        """Expected improvement a full run."""
        return self.improvement / self.cost

    def cooled(self, exponent: float) -> float:
        """Return the improvement over the cost to a power."""
        return self.improvement / math.pow(self.cost, exponent)


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """What is known of an arm."""

    #: Outlook of a trial that is yet to be drawn.
    new: Outlook
    #: By trial that has begun, the outlook of its final value.
    begun: dict[int, Outlook]
    #: What a trial gains from its first rung to its end.
    rise: Outlook
    #: Whether the next trial's point is known, and what it has brought at another depth.
    is_paired: bool = False


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The next decision; without a bargain, the search is over."""

    bargain: Bargain | None
    reason: str


def trials_begin(count: int) -> str:
    """Return for people that some trials begin."""
    return "a trial begins" if count == 1 else f"{count} trials begin"
