"""Synchronous successive halving with pause and resume, decided as early as its outcome is certain.

Successive halving: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
AISTATS 2016. At each rung the trials are ranked by their value there, and the best one in `eta` goes on to the next.
The places at each rung are planned from the number of trials, so that which trials go on depends on values alone, and
not on the order in which machines report them. (The asynchronous variant, ASHA, promotes a trial that is among the best
so far.)

Waiting for all values of a rung would leave devices idle. So a trial goes on as soon as it keeps its place even if all
values to come are better. It is out as soon as every place belongs to a trial that is better.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

from tuner.search.promotion import Contender, ContenderState, Decision, Move, can_go_on, decision, to_the_end, unranked
from tuner.trial.rungs import LAST_RUNG, ladder, lowest_rung, planned_places


@dataclass(frozen=True, kw_only=True)
class HalvingPromotion:
    """Successive halving over rungs that are `eta` times apart.

    The rules, beside "the best one in `eta` goes on":

    - A trial whose own first rung comes later passes the rungs before it freely, and is ranked from its own on. So does
      a trial that went past a rung without a value there, which happens where the rungs of a running study are edited.
    - A rung's places are planned for the trials that are ranked there: one in `eta` at a trial's own first rung, one in
      `eta ** 2` at its second one, and so on, summed over the trials. A study whose trials are all too short for the
      first rungs is halved from the first rung that they have.
    - A trial that diverged or failed before a rung is ranked last there and never goes on. The places stay as planned:
      others have them, at this rung and at those above. The rung that it had come from is not decided again.
    - A trial that is over keeps its rank at each rung where it has a value. If that gives it a place (after the budget
      grew, trials that were pruned before can be among the best again), the place lapses.
    - An exempt trial trains to its end. It is ranked until a rung where it has no place, and not at those above: all
      others go on and end as they would if it were not exempt.
    - A trial that was let go on, and would not be by the plan of a larger budget or by an edited rule, stays in the
      race: it is ranked at the rungs that it reaches.
    - Equal values are ranked by the trials' numbers.

    Raises:
        ValueError: `eta` is below 2, or the first rung is no percent below 100.
    """

    eta: int = 2
    #: The lowest rung, in percent.
    first_rung: int = 4
    #: Whether trials that are out stay shelved rather than end. They can then go on if the number of trials grows, and
    #: need disk space until then.
    keep_shelved: bool = False

    def __post_init__(self) -> None:
        if self.eta < 2:
            raise ValueError(f"eta is {self.eta!r}; halving needs at least 2")
        if not 1 <= self.first_rung < LAST_RUNG:
            raise ValueError(f"first_rung is {self.first_rung!r}; it is a percent, 1 to {LAST_RUNG - 1}")

    @cached_property
    def _ladder(self) -> tuple[int, ...]:
        return ladder(self.first_rung, self.eta)

    def rungs(self) -> tuple[int, ...]:
        """Return the percents at which trials are ranked, and 100."""
        return self._ladder

    def first_target(self, minimum: int) -> int:
        """Return the first rung of a new trial."""
        return lowest_rung(self._ladder, minimum)

    def decide(self, contenders: Sequence[Contender], *, trials: int, direction: str) -> Decision:
        """Return the promotions and the ends that are certain; see `Promotion.decide`."""
        moves = [move for each in contenders if can_go_on(each) and (move := self._passing(each)) is not None]
        for level in self._levels(contenders, max(trials, len(contenders)), direction):
            moves += level.moves(keep_shelved=self.keep_shelved)
        return decision(contenders, moves, trials=trials)

    def _passing(self, contender: Contender) -> Move | None:
        """Return the move of a trial that is not ranked where it is; None where its rung decides."""
        if contender.is_exempt:
            return to_the_end(contender)
        first, target = self.first_target(contender.first_rung), contender.target
        if target < first:
            return unranked(contender, target=first, reason=f"goes on to {first} %, its first rung")
        is_rung = target in self._ladder
        if is_rung and (contender.state is ContenderState.TRAINING or target in contender.values):
            return None
        further = lowest_rung(self._ladder, target + 1)
        why = "it has no value there" if is_rung else "no rung"
        return unranked(contender, target=further, reason=f"goes on to {further} %: {target} % is not judged, {why}")

    def _levels(self, contenders: Sequence[Contender], trials: int, direction: str) -> Iterator[_Level]:
        """Yield all rungs but the last, from the lowest up, each with the trials that have come to it for certain."""
        sign = -1.0 if direction == "maximize" else 1.0
        to_begin = trials - len(contenders)
        weights = {each.number: self._weight(each) for each in contenders}
        # Beside those that won a place below, only trials that may train beyond a rung matter to the rungs above it.
        beyond = [(each, max(each.values, default=0)) for each in contenders]
        members, seats = {each.number: each for each in contenders}, 0
        for index, (rung, further) in enumerate(zip(self._ladder, self._ladder[1:], strict=False)):
            free = {each.number: each for each, reached in beyond if _passes(each, reached, rung)}
            ranked, out, pending = _ranked([each for each in members.values() if each.number not in free], rung, sign)
            weight = sum(weights[each.number] for each in contenders if each.number not in free)
            level = _Level(
                rung=rung,
                further=further,
                # A trial that has not begun is ranked at the lowest rung, or has its first rung here, or passes.
                places=planned_places(weight + to_begin, self.eta, index),
                most_places=planned_places(weight + to_begin * self.eta**index, self.eta, index),
                ranked=ranked,
                out=out,
                # Trials that have not begun may come by the rungs below, or have their first rung here.
                to_come=pending + seats + to_begin,
            )
            yield level
            undecided = pending + seats + min(len(ranked), level.most_places) - level.certain
            seats = min(level.most_places - level.certain, undecided)
            beyond = [(each, reached) for each, reached in beyond if max(each.target, each.first_rung, reached) > rung]
            passing = [each for number, each in free.items() if number in members or not each.is_exempt]
            let_on = [each for each, reached in beyond if max(each.target, reached) > rung and not each.is_exempt]
            members = {each.number: each for each in (*ranked[: level.certain], *passing, *let_on)}

    def _weight(self, contender: Contender) -> int:
        """Return how many trials whose first rung is the lowest one have as many places together as this trial."""
        return int(self.eta ** self._ladder.index(self.first_target(contender.first_rung)))


def _passes(contender: Contender, reached: int, rung: int) -> bool:
    """Return whether a trial passes a rung freely.

    Args:
        contender: The trial.
        reached: The latest percent at which it has a value. Of a trial that is past a rung without a value there, none
            will come.
        rung: The rung.
    """
    if contender.first_rung > rung:
        return True
    if rung in contender.values:
        return False
    return reached > rung or (contender.target >= rung and contender.state is ContenderState.SHELVED)


def _ranked(
    contenders: Sequence[Contender], rung: int, sign: float
) -> tuple[tuple[Contender, ...], tuple[Contender, ...], int]:
    """Return those with a value at a rung, the best first; those that can have none; and how many may still get one."""
    found, out, pending = [], [], 0
    for each in contenders:
        value = each.values.get(rung)
        if value is not None and math.isfinite(value):
            found.append((sign * value, each.number, each))
        elif value is not None or each.state is ContenderState.OVER:
            out.append(each)
        else:
            pending += 1
    found.sort(key=_by_value_and_number)
    return tuple(each for _, _, each in found), tuple(out), pending


_by_value_and_number = itemgetter(0, 1)


@dataclass(frozen=True, kw_only=True)
class _Level:
    """One rung: the trials that have come to it, as far as they are known."""

    rung: int
    #: The next rung.
    further: int
    #: How many go on at least, and at most. The two are equal once all trials have begun.
    places: int
    most_places: int
    #: Those with a value at the rung, the best first.
    ranked: tuple[Contender, ...]
    #: Those that diverged or ended before it.
    out: tuple[Contender, ...]
    #: How many more may get a value at the rung, at most.
    to_come: int

    @property
    def certain(self) -> int:
        """How many of the best go on, whichever values are still to come."""
        return min(max(0, self.places - self.to_come), len(self.ranked))

    def moves(self, *, keep_shelved: bool) -> Iterator[Move]:
        """Yield the decisions about the trials that train to this rung."""
        for rank, each in enumerate(self.ranked, start=1):
            if not self._waits(each):
                continue
            if rank <= self.certain:
                yield self._move(each, rank, self.further)
            elif rank > self.most_places and not keep_shelved:
                yield self._move(each, rank, None)
        for rank, each in enumerate(self.out, start=len(self.ranked) + 1):
            if self._waits(each):
                yield self._move(each, rank, None)

    def _waits(self, contender: Contender) -> bool:
        """Return whether this rung decides about a trial."""
        return can_go_on(contender) and contender.target == self.rung and not contender.is_exempt

    @property
    def _bar(self) -> float | None:
        """The value that the last place takes at least; None where fewer trials than places have one."""
        ranked = self.ranked[: self.most_places]
        return ranked[-1].values[self.rung] if len(ranked) == self.most_places and ranked else None

    def _move(self, contender: Contender, rank: int, target: int | None) -> Move:
        known = len(self.ranked) + len(self.out)
        later = f", {self.to_come} still to come" if self.to_come else ""
        value = contender.values[self.rung]
        go = "goes" if self.places == 1 else "go"
        if not math.isfinite(value):
            place = " is no value to rank"
        elif target is None and self._bar is not None:
            place = f", needed {self._bar:.4g}: {ordinal(rank)} of {known}"
        else:
            place = f" is {ordinal(rank)} of {known}"
        grounds = f"{value:.4g} at {self.rung} %{place}{later}, and {self.places} {go} on"
        return Move(
            number=contender.number,
            rung=self.rung,
            target=target,
            rank=rank,
            of=known,
            to_come=self.to_come,
            places=self.places,
            reason=grounds if target is None else f"goes on to {target} %: {grounds}",
        )


def ordinal(number: int) -> str:
    """Return a rank in words of digits, such as 1st, 2nd or 11th."""
    teens = 10 < number % 100 < 14
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
