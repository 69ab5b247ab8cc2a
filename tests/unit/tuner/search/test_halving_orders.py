"""Halving: early decisions are those that waiting for all values would give, in any order, and none is revoked."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.search.halving import HalvingPromotion
from tuner.search.promotion import Contender, ContenderState, Decision, Move
from tuner.trial.rungs import planned_places

TRAINING, SHELVED, OVER = ContenderState.TRAINING, ContenderState.SHELVED, ContenderState.OVER
NAN = math.nan


# ---- trials of which all is known beforehand, and the definition


@dataclass(frozen=True)
class Curve:
    """A trial's values, as they would be if it trained to its end."""

    number: int
    values: Mapping[int, float]
    first_rung: int
    #: It fails after this percent, and has no value beyond it.
    fails_after: int = 100
    is_exempt: bool = False

    def at(self, rung: int) -> float | None:
        return self.values[rung] if rung <= self.fails_after and math.isfinite(self.values[rung]) else None


def defined(curves: Sequence[Curve], rule: HalvingPromotion) -> dict[int, int]:
    """The definition: wait until a rung is complete, and take the best. Returns how far each trial may train."""
    rungs = rule.rungs()
    firsts = {
        each.number: next(level for level, rung in enumerate(rungs) if rung >= each.first_rung) for each in curves
    }
    targets = {each.number: max(each.first_rung, rungs[0]) for each in curves}
    members = list(curves)
    for level, (rung, further) in enumerate(itertools.pairwise(rungs)):
        free = [each for each in members if each.first_rung > rung]
        # One in eta goes on from a trial's own first rung, one in eta ** 2 from its second one, and so on.
        shares = [Fraction(1, rule.eta ** (level + 1 - first)) for first in firsts.values() if first <= level]
        places = max(1, math.floor(sum(shares) + Fraction(1, 2)))
        ranked = sorted(
            (each for each in members if each not in free and each.at(rung) is not None),
            key=lambda each: (each.at(rung), each.number),
        )
        for each in ranked[:places]:
            targets[each.number] = further
        members = ranked[:places] + free
    return {each.number: 100 if each.is_exempt else targets[each.number] for each in curves}


# ---- a search in which trials report in any order


@dataclass
class Search:
    """A search that a random order drives, and that notes each decision ever made."""

    rule: HalvingPromotion
    curves: Sequence[Curve]
    rng: random.Random
    trials: int
    begun: dict[int, Contender] = field(default_factory=dict)
    made: dict[tuple[int, int], int | None] = field(default_factory=dict)

    def decide(self) -> Decision:
        """Return the decisions that can be made now, checked against all that were made before."""
        contenders = list(self.begun.values())
        self.rng.shuffle(contenders)
        decision = self.rule.decide(contenders, trials=self.trials, direction="minimize")
        proposed = {(move.number, move.rung): move.target for move in decision.moves}
        for key, target in self.made.items():
            contender = self.begun[key[0]]
            if contender.state is not OVER and contender.target == key[1]:
                assert proposed.get(key) == target, f"{key} was decided, and no longer is"
        for key, target in proposed.items():
            assert self.made.setdefault(key, target) == target
        return decision

    def apply(self, move: Move) -> None:
        contender = self.begun[move.number]
        assert contender.state is not OVER
        if move.target is None:
            self.begun[move.number] = replace(contender, state=OVER)
        else:
            assert move.target > contender.target
            self.begun[move.number] = replace(contender, state=TRAINING, target=move.target)

    def happen(self) -> bool:
        """Let one thing happen to one trial; return whether anything could."""
        able = [each for each in self.begun.values() if each.state is TRAINING]
        left = [each for each in self.curves[: self.trials] if each.number not in self.begun]
        if not able and not left:
            return False
        if left and (not able or self.rng.random() < 0.4):
            curve = self.rng.choice(left)
            target = 100 if curve.is_exempt else self.rule.first_target(curve.first_rung)
            self.begun[curve.number] = Contender(
                number=curve.number,
                values={},
                first_rung=curve.first_rung,
                target=target,
                state=TRAINING,
                is_exempt=curve.is_exempt,
            )
            return True
        contender = self.rng.choice(able)
        curve = next(each for each in self.curves if each.number == contender.number)
        todo = [rung for rung in self.rule.rungs() if rung not in contender.values and rung <= contender.target]
        if not todo:
            state = OVER if contender.target == 100 else SHELVED
            self.begun[contender.number] = replace(contender, state=state)
        elif todo[0] > curve.fails_after:
            self.begun[contender.number] = replace(contender, state=OVER)
        else:
            values = {**contender.values, todo[0]: curve.values[todo[0]]}
            self.begun[contender.number] = replace(contender, values=values)
        return True

    def run(self, *, eager: float) -> None:
        """Run to the end. Each decision is carried out at once with a probability, or else made again later."""
        while True:
            moves = self.decide().moves
            carried_out = [move for move in moves if self.rng.random() < eager]
            for move in carried_out:
                self.apply(move)
            if not self.happen() and not moves:
                return

    def targets(self) -> dict[int, int]:
        return {number: each.target for number, each in sorted(self.begun.items())}


def some_curves(rng: random.Random, rule: HalvingPromotion, count: int) -> list[Curve]:
    rungs = rule.rungs()
    found = []
    for number in range(count):
        values = {rung: rng.choice([rng.random(), rng.random(), float(rng.randrange(3))]) for rung in rungs}
        if rng.random() < 0.1:
            values |= {rung: NAN for rung in rungs if rung >= rng.choice(rungs)}
        found.append(
            Curve(
                number=number,
                values=values,
                first_rung=rng.choice([rungs[0]] * 4 + list(rungs)),
                fails_after=rng.choice([100] * 5 + [0, *rungs]),
                is_exempt=number == 0 and rng.random() < 0.5,
            )
        )
    return found


rules = st.builds(
    HalvingPromotion,
    eta=st.sampled_from([2, 3, 4]),
    first_rung=st.sampled_from([1, 2, 4, 10]),
    keep_shelved=st.booleans(),
)


@settings(deadline=None, max_examples=70)
@given(rule=rules, count=st.integers(1, 24), seed=st.integers(0, 2**32), eager=st.sampled_from([0.2, 0.7, 1.0]))
def test_trials_that_report_in_any_order_go_on_as_if_each_rung_had_been_waited_for(
    rule: HalvingPromotion, count: int, seed: int, eager: float
) -> None:
    rng = random.Random(seed)
    curves = some_curves(rng, rule, count)
    search = Search(rule, curves, rng, trials=count)
    search.run(eager=eager)
    assert search.targets() == defined(curves, rule)
    assert search.decide().is_settled
    if not rule.keep_shelved:
        assert all(each.state is OVER for each in search.begun.values())


@settings(deadline=None, max_examples=30)
@given(rule=rules, few=st.integers(1, 12), more=st.integers(1, 12), seed=st.integers(0, 2**32))
def test_a_larger_number_of_trials_takes_nothing_back_and_lets_shelved_trials_go_on(
    rule: HalvingPromotion, few: int, more: int, seed: int
) -> None:
    rng = random.Random(seed)
    curves = some_curves(rng, rule, few + more)
    search = Search(rule, curves, rng, trials=few)
    for _ in range(rng.randrange(200)):
        for move in search.decide().moves:
            search.apply(move)
        search.happen()
    before = search.targets()
    search.trials, search.made = few + more, {}
    search.run(eager=1.0)
    assert search.decide().is_settled
    after = search.targets()
    assert all(after[number] >= target for number, target in before.items())
    if rule.keep_shelved:
        rung, further = rule.rungs()[:2]
        level = [each for each in curves if each.first_rung <= rung and each.at(rung) is not None]
        best = sorted(level, key=lambda each: (each.values[rung], each.number))
        places = planned_places(sum(each.first_rung <= rung for each in curves), rule.eta, 0)
        assert all(after[each.number] >= further for each in best[:places])


def completions(known: int, count: int) -> Iterator[tuple[float | str | None, ...]]:
    """Each way in which the others may come out beside known values of 0, 1, 2, ...: between them, failed, or free."""
    options: list[float | str | None] = [place - 0.5 for place in range(known + 1)]
    yield from itertools.product([*options, None, "free"], repeat=count - known)


@pytest.mark.parametrize(("count", "known"), [(4, 1), (4, 2), (4, 3), (5, 3), (6, 4), (6, 6)])
@pytest.mark.parametrize("begun", [True, False])
def test_a_trial_is_decided_upon_exactly_when_every_way_in_which_the_others_may_come_out_agrees(
    count: int, known: int, begun: bool
) -> None:
    rule = HalvingPromotion(eta=2, first_rung=4)

    def curve(number: int, value: float | str | None) -> Curve:
        first, fails = (8, 100) if value == "free" else (4, 0 if value is None else 100)
        at = 0.0 if isinstance(value, str) or value is None else value
        return Curve(number, dict.fromkeys(rule.rungs(), at), first, fails)

    agreed: dict[int, set[int]] = {number: set() for number in range(known)}
    for others in completions(known, count):
        if begun and "free" in others:  # it is known of a trial that has begun
            continue
        curves = [curve(number, value) for number, value in enumerate([*map(float, range(known)), *others])]
        targets = defined(curves, rule)
        for number, seen in agreed.items():
            seen.add(min(8, targets[number]))
    contenders = [
        Contender(number=number, values={4: float(number)}, first_rung=4, target=4, state=SHELVED)
        for number in range(known)
    ]
    if begun:
        contenders += [
            Contender(number=number, values={}, first_rung=4, target=4, state=TRAINING)
            for number in range(known, count)
        ]
    moves = rule.decide(contenders, trials=count, direction="minimize").moves
    decided = {move.number: 4 if move.target is None else move.target for move in moves}
    assert decided == {number: seen.pop() for number, seen in agreed.items() if len(seen) == 1}


def test_an_exempt_trial_is_never_held_up_and_others_move_as_if_it_were_not_exempt() -> None:
    rng = random.Random(3)
    rule = HalvingPromotion()
    for _ in range(12):
        curves = [replace(each, is_exempt=False) for each in some_curves(rng, rule, 16)]
        exempt = [replace(each, is_exempt=each.number == 0) for each in curves]
        plain, free = (Search(rule, each, rng, trials=16) for each in (curves, exempt))
        plain.run(eager=1.0)
        free.run(eager=1.0)
        assert free.targets() == {**plain.targets(), 0: 100}
