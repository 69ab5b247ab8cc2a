"""How far each trial of a search may train: the question, its answer, and the rule that lets all train to their end.

A rule is a pure function of the values that trials have reported. Every machine that asks it comes to the same answer,
so a study's database keeps values and decisions, and no state of a pruner. `tuner.search.halving` and
`tuner.search.percentile` have the rules that end trials early.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from tuner.trial.rungs import LAST_RUNG


class ContenderState(Enum):
    """Whether a trial can still train."""

    #: It runs, or waits for a worker that trains it up to its target.
    TRAINING = "training"
    #: It has reached its target and was put aside, with a checkpoint from which it can go on exactly.
    SHELVED = "shelved"
    #: It is complete, was pruned or has failed, and never trains again.
    OVER = "over"


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A trial that has begun, as a rule sees it.

    Raises:
        ValueError: The first rung or the target is no percent.
    """

    number: int
    #: The study's metric by percent of the trial's schedule. Percents that are no rungs are not ranked.
    values: Mapping[int, float]
    #: The percent at which the trial may first be put aside. Of a schedule with a long warm-up it comes later.
    first_rung: int
    #: The percent up to which the trial may train now.
    target: int
    state: ContenderState
    #: Whether it trains to its end in any case, as trial 0 does.
    is_exempt: bool = False

    def __post_init__(self) -> None:
        for name in ("first_rung", "target"):
            if not 1 <= getattr(self, name) <= LAST_RUNG:
                raise ValueError(
                    f"{name} of trial {self.number} is {getattr(self, name)!r}; it is a percent, 1 to {LAST_RUNG}"
                )


@dataclass(frozen=True, kw_only=True)
class Move:
    """A decision about one trial, with the facts that it rests on."""

    number: int
    #: The percent at which the trial was judged.
    rung: int
    #: The percent up to which it may train from now on; None where it ends, as pruned.
    target: int | None
    #: Its rank among those with a known value at the rung; 1 is the best, 0 a trial that was not ranked.
    rank: int
    #: How many had a known result at the rung, those that failed before it included.
    of: int
    #: How many more may still come to the rung. The decision holds for any values of theirs.
    to_come: int
    #: How many go on from the rung.
    places: int
    #: What is decided and why, in one line for people; of a trial that ends, why.
    reason: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """All that can be decided from the values that are known now."""

    #: By trial number.
    moves: tuple[Move, ...]
    #: Whether the search is over: no trial trains, none is left to begin, and none is to be moved. Trials that are
    #: still shelved stay where they are unless the budget grows.
    is_settled: bool


class Promotion(Protocol):
    """A rule that says how far trials may train."""

    def rungs(self) -> tuple[int, ...]:
        """Return the percents at which the rule looks at values, in order; the last is 100."""
        ...

    def first_target(self, minimum: int) -> int:
        """Return the percent up to which a new trial may train.

        Args:
            minimum: The percent before which a value of this trial says nothing.
        """
        ...

    def decide(self, contenders: Sequence[Contender], *, trials: int, direction: str) -> Decision:
        """Return the decisions that follow from the known values, each trial's at most one step ahead.

        A decision is never revoked: further values, and a larger number of trials, only add decisions.

        Args:
            contenders: The trials that have begun, in any order.
            trials: How many trials the study has in all, those that have not begun included.
            direction: `minimize` or `maximize`: which values are better.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class NoPromotion:
    """Every trial trains to its end."""

    def rungs(self) -> tuple[int, ...]:
        """Return the end of the schedule alone."""
        return (LAST_RUNG,)

    def first_target(self, minimum: int) -> int:
        """Return the end of the schedule."""
        return LAST_RUNG

    def decide(self, contenders: Sequence[Contender], *, trials: int, direction: str) -> Decision:
        """Let trials go on that an earlier rule of the study has put aside."""
        return decision(contenders, [to_the_end(each) for each in contenders if can_go_on(each)], trials=trials)


def can_go_on(contender: Contender) -> bool:
    """Return whether a trial can train, and may not yet train to its end."""
    return contender.state is not ContenderState.OVER and contender.target < LAST_RUNG


def to_the_end(contender: Contender) -> Move:
    """Return the move of a trial that no rung holds up."""
    return unranked(contender, target=LAST_RUNG, reason=f"goes on to {LAST_RUNG} %: it trains to its end in any case")


def unranked(contender: Contender, *, target: int, reason: str) -> Move:
    """Return the move of a trial that goes on without having been ranked."""
    return Move(
        number=contender.number,
        rung=contender.target,
        target=target,
        rank=0,
        of=0,
        to_come=0,
        places=0,
        reason=reason,
    )


def decision(contenders: Sequence[Contender], moves: Sequence[Move], *, trials: int) -> Decision:
    """Return moves as a decision, which also says whether any value can still come."""
    idle = not any(each.state is ContenderState.TRAINING for each in contenders)
    return Decision(
        moves=tuple(sorted(moves, key=lambda move: move.number)),
        is_settled=not moves and idle and trials <= len(contenders),
    )
