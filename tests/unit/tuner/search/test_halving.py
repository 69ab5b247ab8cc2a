"""Halving: early decisions are those that waiting for all values would give, in any order, and none is revoked."""

from __future__ import annotations

import itertools
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.search.halving import HalvingPromotion, ordinal
from tuner.search.promotion import Contender, ContenderState, Decision, Move
from tuner.trial.rungs import ladder, planned_places

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
    contenders = [contender(number, {4: float(number)}, state=SHELVED) for number in range(known)]
    if begun:
        contenders += [contender(number, {}) for number in range(known, count)]
    moves = rule.decide(contenders, trials=count, direction="minimize").moves
    decided = {move.number: 4 if move.target is None else move.target for move in moves}
    assert decided == {number: seen.pop() for number, seen in agreed.items() if len(seen) == 1}


# ---- one rule each


def contender(
    number: int,
    values: Mapping[int, float],
    *,
    state: ContenderState = TRAINING,
    target: int = 4,
    first: int = 4,
    exempt: bool = False,
) -> Contender:
    return Contender(number=number, values=values, first_rung=first, target=target, state=state, is_exempt=exempt)


def moved(contenders: Sequence[Contender], *, trials: int = 0, **options: bool) -> dict[int, int | None]:
    decision = HalvingPromotion(**options).decide(contenders, trials=trials, direction="minimize")
    return {move.number: move.target for move in decision.moves}


def at_four(*values: float) -> list[Contender]:
    return [contender(number, {4: value}, state=SHELVED) for number, value in enumerate(values)]


def test_rungs_are_a_factor_apart_and_end_at_a_hundred() -> None:
    assert HalvingPromotion().rungs() == (4, 8, 16, 32, 64, 100)
    assert ladder(2, 3) == (2, 6, 18, 54, 100)
    assert ladder(25, 4) == (25, 100)


def test_places_are_rounded_to_the_nearest_number_and_never_none() -> None:
    assert [planned_places(70, 3, level) for level in range(5)] == [23, 8, 3, 1, 1]
    assert [planned_places(7, 2, level) for level in range(4)] == [4, 2, 1, 1]


def test_a_new_trial_trains_to_the_rung_that_its_own_minimum_allows() -> None:
    assert [HalvingPromotion().first_target(minimum) for minimum in (1, 4, 5, 65, 100)] == [4, 4, 8, 100, 100]


def test_the_better_half_goes_on_and_the_others_end() -> None:
    assert moved(at_four(0.3, 0.1, 0.4, 0.2)) == {0: None, 1: 8, 2: None, 3: 8}


def test_where_larger_is_better_the_larger_values_go_on() -> None:
    decision = HalvingPromotion().decide(at_four(0.3, 0.1, 0.4, 0.2), trials=4, direction="maximize")
    assert [move.target for move in decision.moves] == [8, None, 8, None]


def test_equal_values_are_ranked_by_number() -> None:
    assert moved(list(reversed(at_four(0.5, 0.5, 0.5, 0.5)))) == {0: 8, 1: 8, 2: None, 3: None}


def test_of_trials_that_are_out_the_shelf_may_be_kept() -> None:
    assert moved(at_four(0.3, 0.1, 0.4, 0.2), keep_shelved=True) == {1: 8, 3: 8}


def test_a_trial_that_diverged_at_its_rung_ends_even_where_a_place_is_free() -> None:
    assert moved([*at_four(0.3), contender(1, {4: NAN})], keep_shelved=True) == {0: 8, 1: None}


def test_places_of_failed_trials_go_to_others() -> None:
    failed = [contender(number, {}, state=OVER) for number in (2, 3)]
    assert moved([*at_four(0.3, 0.1), *failed]) == {0: 8, 1: 8}


def test_a_trial_that_fails_after_its_promotion_gives_its_place_at_the_rung_to_none() -> None:
    contenders = at_four(0.1, 0.2, 0.3, 0.4)
    contenders[0] = replace(contenders[0], state=OVER, target=8)
    assert moved(contenders) == {1: 8, 2: None, 3: None}


def test_a_trial_that_a_smaller_budget_ended_keeps_its_rank_and_its_place_lapses() -> None:
    contenders = [replace(each, state=OVER) if each.number == 1 else each for each in at_four(0.1, 0.2, 0.3, 0.4)]
    assert moved(contenders, keep_shelved=True) == {0: 8}


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


def test_an_exempt_trial_that_was_put_aside_by_another_rule_goes_on_to_its_end() -> None:
    decision = HalvingPromotion().decide(
        [contender(0, {4: 9.0}, state=SHELVED, exempt=True), contender(1, {4: 0.1})], trials=2, direction="minimize"
    )
    assert [(move.number, move.target) for move in decision.moves] == [(0, 100), (1, 8)]


def test_an_exempt_trial_that_has_lost_takes_no_place_where_it_has_a_value_again() -> None:
    exempt = contender(0, {4: 9.0, 16: 0.0}, target=100, exempt=True)
    best = [contender(number, {4: 0.1, 8: 0.1, 16: 0.1 * number}, state=SHELVED, target=16) for number in (1, 2)]
    lost = [contender(number, {4: 1.0}, state=OVER) for number in range(3, 8)]
    assert moved([exempt, *best, *lost]) == {1: 32, 2: None}


def test_a_trial_with_a_later_first_rung_passes_freely_and_the_others_share_the_places_of_their_own_number() -> None:
    late = [contender(number, {}, target=16, first=16) for number in range(4, 8)]
    # Of eight trials, four would go on at 4 %. Four are ranked there, and two go on.
    assert moved([*at_four(0.1, 0.2, 0.3, 0.4), *late]) == {0: 8, 1: 8, 2: None, 3: None}


def test_a_trial_whose_target_is_below_its_first_rung_goes_on_to_it() -> None:
    assert moved([contender(0, {4: 0.1}, state=SHELVED, first=16)], trials=4) == {0: 16}


def test_trials_on_their_way_to_a_later_first_rung_give_no_place_to_others_before_it() -> None:
    late = [contender(number, {}, first=16) for number in range(4)]
    best = [contender(number, {4: 0.1, 8: 0.1}, state=SHELVED, target=8) for number in (4, 5)]
    lost = [contender(number, {4: 1.0}, state=OVER) for number in (6, 7)]
    assert moved([*late, *best, *lost]) == {0: 16, 1: 16, 2: 16, 3: 16, 4: 16, 5: None}


@pytest.mark.parametrize("target", [6, 8])
def test_a_trial_put_aside_where_the_rungs_were_others_goes_on_to_the_next_rung(target: int) -> None:
    stranded = contender(0, {2: 0.3, 6: 0.3}, state=SHELVED, target=target)
    assert moved([stranded], trials=4) == {0: 8 if target == 6 else 16}


def test_a_trial_beyond_a_rung_without_a_value_there_holds_no_other_trial_up() -> None:
    beyond = contender(2, {10: 0.3}, target=100)
    assert moved([*at_four(0.1, 0.2), beyond]) == {0: 8, 1: None}


def test_a_trial_put_aside_at_a_rung_without_a_value_there_holds_no_other_trial_up() -> None:
    stranded = contender(2, {4: 0.3}, state=SHELVED, target=8)
    others = [contender(number, {4: 0.1, 8: 0.1 * number}, state=SHELVED, target=8) for number in range(2)]
    lost = [contender(number, {4: 1.0}, state=OVER) for number in range(3, 8)]
    assert moved([*others, stranded, *lost]) == {0: 16, 1: 16, 2: 16}


def test_a_trial_that_was_let_go_on_before_the_budget_grew_is_ranked_at_the_rungs_that_it_reaches() -> None:
    early = contender(0, {4: 9.0, 8: 0.0}, state=SHELVED, target=8)  # one of two, at the time
    best = [contender(number, {4: 0.1, 8: 0.1}, state=SHELVED, target=8) for number in range(1, 5)]
    lost = [contender(number, {4: 1.0}, state=OVER) for number in range(5, 8)]
    assert moved([early, *best, *lost]) == {0: 16, 1: 16, 2: None, 3: None, 4: None}


def test_no_more_are_waited_for_at_a_rung_than_can_come_to_it() -> None:
    # Of four places at 4 %, three are taken. Three trials may still get the fourth, so one more comes to 8 %.
    there = [contender(number, {4: 0.1, 8: 0.1 * number}, state=SHELVED, target=8) for number in range(3)]
    behind = [contender(number, {4: 0.2}, state=SHELVED) for number in range(3, 6)]
    running = [contender(6, {})]
    over = [contender(7, {}, state=OVER)]
    assert moved([*there, *behind, *running, *over]) == {0: 16, 2: None, 4: None, 5: None}


def test_a_trial_that_may_train_beyond_its_rung_already_is_left_alone() -> None:
    contenders = at_four(0.1, 0.2, 0.3, 0.4)
    contenders[3] = replace(contenders[3], target=8, state=TRAINING)
    assert moved(contenders) == {0: 8, 1: 8, 2: None}


def test_a_decision_says_what_it_rests_on() -> None:
    contenders = [*at_four(0.3, 0.1, 0.4), *(contender(number, {}, state=OVER) for number in (3, 4))]
    rule = HalvingPromotion()
    best, worst = rule.decide([*contenders, *at_four(0, 0, 0, 0, 0, 0.5)[5:]], trials=8, direction="minimize").moves[:2]
    assert (best.number, best.rung, best.target) == (0, 4, 8)
    assert (best.rank, best.of, best.to_come, best.places) == (2, 6, 2, 4)
    assert best.reason == "goes on to 8 %: 2nd of 6 at 4 %, 2 still to come; 4 go on"
    assert worst.number == 1
    (_, ends) = rule.decide(at_four(0.3, 0.4), trials=2, direction="minimize").moves
    assert ends.reason == "ends: 2nd of 2 at 4 %; 1 goes on"
    (_, lost) = rule.decide(at_four(0.3, NAN), trials=2, direction="minimize").moves
    assert lost.reason == "ends: nan is no value to rank at 4 %; 1 goes on"
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th")
    ]


def test_a_search_is_settled_only_when_no_value_can_come() -> None:
    def settled(contenders: Sequence[Contender], trials: int) -> bool:
        rule = HalvingPromotion(keep_shelved=True)
        return rule.decide(contenders, trials=trials, direction="minimize").is_settled

    lost = contender(1, {4: 0.2}, state=SHELVED)
    complete = contender(0, dict.fromkeys(HalvingPromotion().rungs(), 0.1), state=OVER, target=100)
    assert settled([complete, lost], 2)
    assert not settled([complete, lost], 3)
    assert not settled([complete, replace(lost, state=TRAINING)], 2)
    assert not settled(at_four(0.1, 0.2), 2)


@pytest.mark.parametrize(("options", "error"), [({"eta": 1}, "eta"), ({"first_rung": 100}, "first_rung")])
def test_a_rule_that_cannot_be_is_refused(options: Mapping[str, int], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        HalvingPromotion(**options)  # type: ignore[arg-type]


def test_a_contender_has_percents() -> None:
    with pytest.raises(ValueError, match="target of trial 3 is 0"):
        contender(3, {}, target=0)


def test_a_thousand_trials_are_decided_upon_in_milliseconds() -> None:
    rng = random.Random(1)
    contenders = [contender(number, {4: rng.random()}, state=SHELVED) for number in range(1000)]
    spent = []
    for _ in range(5):
        began = time.process_time()
        HalvingPromotion().decide(contenders, trials=1000, direction="minimize")
        spent.append(time.process_time() - began)
    assert min(spent) < 0.03  # some 5 ms; a pass over all pairs would take 100


def test_trials_that_are_all_too_short_for_the_first_rungs_are_halved_from_their_own_first_one() -> None:
    short = [contender(number, {16: 0.1 * number}, state=SHELVED, target=16, first=16) for number in range(8)]
    assert moved(short) == {**dict.fromkeys(range(4), 32), **dict.fromkeys(range(4, 8))}
