"""Halving, rule by rule: which trials go on from a rung, which end, and which pass it freely."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from tuner.search.halving import HalvingPromotion, ordinal
from tuner.search.promotion import Contender, ContenderState
from tuner.trial.rungs import ladder, planned_places

TRAINING, SHELVED, OVER = ContenderState.TRAINING, ContenderState.SHELVED, ContenderState.OVER
NAN = math.nan


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
    assert best.reason == "goes on to 8 %: 0.3 at 4 % is 2nd of 6, 2 still to come, and 4 go on"
    assert worst.number == 1
    (_, ends) = rule.decide(at_four(0.3, 0.4), trials=2, direction="minimize").moves
    assert ends.reason == "0.4 at 4 %, needed 0.3: 2nd of 2, and 1 goes on"
    (_, lost) = rule.decide(at_four(0.3, NAN), trials=2, direction="minimize").moves
    assert lost.reason == "nan at 4 % is no value to rank, and 1 goes on"
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
