"""The market: a search over depths, decision by decision."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tuner.search.promotion import ContenderState
from tuner.search.thaw.arms import Arm, ArmTrial, Market
from tuner.search.thaw.bargains import Kind
from tuner.search.thaw.due import HEADS
from tuner.search.thaw.market import best_value, decide, prospects_of

RUNGS = (16, 32, 64, 100)
HEAD = Arm(frozen=1.0, cost=0.007, first_rung=100, words="the head alone")
HALF = Arm(frozen=0.5, cost=0.4, first_rung=16, words="half of the layers")
FULL = Arm(frozen=0.0, cost=1.0, first_rung=16, words="all layers")
#: The points that arms have in common.
ASKS = ("long", "faster", "short", "recipe")


def trial(number: int, *values: float) -> ArmTrial:
    """Return a trial with values at its first rungs."""
    told = dict(zip(RUNGS, values, strict=False))
    return ArmTrial(number=number, values=told, state=ContenderState.OVER if 100 in told else ContenderState.SHELVED)


def heads(*values: float) -> Arm:
    trials = [
        ArmTrial(number=n, values={100: value}, state=ContenderState.OVER) for n, value in enumerate(values, start=1)
    ]
    return replace(HEAD, trials=tuple(trials))


def market(*arms: Arm, recipe: float | None = 0.48, spent: float = 1.1, **more: Any) -> Market:
    values = {"perfect": 1.0, "noise": 0.022, "budget": 4.0, **more}
    return Market(arms=arms, recipe=recipe, spent=spent, **values)


#: Sixteen heads, the best ones at 0.56, as of a task near the pretraining.
NEAR = heads(*np.linspace(0.45, 0.56, HEADS).tolist())


def best(arm: Arm) -> float:
    alone = market(arm, recipe=None)
    return best_value(alone, prospects_of(alone))


# ---- one decision


def test_heads_come_first_as_they_cost_next_to_nothing() -> None:
    choice = decide(market(HEAD, HALF, FULL, spent=1.0))
    assert choice.bargain is not None
    assert (choice.bargain.kind, choice.bargain.arm, choice.bargain.count) == (Kind.BEGIN, 0, 3)
    assert choice.reason == "3 trials begin with the head alone, which costs little"


def test_heads_that_cost_much_are_not_tried_in_any_case() -> None:
    choice = decide(market(replace(HEAD, cost=0.9), HALF, spent=1.0))
    assert "which costs little" not in choice.reason


def test_then_the_cheapest_depth_that_may_bring_something_is_tried() -> None:
    choice = decide(market(NEAR, HALF, FULL))
    assert choice.bargain is not None
    assert (choice.bargain.kind, choice.bargain.arm, choice.bargain.count) == (Kind.BEGIN, 1, 1)
    assert choice.reason == "a trial begins with half of the layers, to tell what training layers brings"


RANDOM = replace(FULL, is_fitted=False, words="all layers, random head")


def test_where_trial_0_tells_that_layers_pay_a_trial_of_its_kind_is_tried_first() -> None:
    surely, perhaps = (decide(market(NEAR, HALF, FULL, RANDOM, recipe=each)) for each in (0.61, 0.56))
    assert surely.bargain is not None
    assert perhaps.bargain is not None
    assert (surely.bargain.kind, surely.bargain.arm, perhaps.bargain.arm) == (Kind.BEGIN, 3, 1)
    assert surely.reason == "a trial begins with all layers, random head, as trial 0 tells that training layers pays"
    short = decide(market(NEAR, HALF, FULL, RANDOM, recipe=0.61, budget=1.7))
    assert short.bargain is not None
    assert short.bargain.arm == 1, "the budget leaves no room for all layers"
    fitted = decide(market(NEAR, HALF, FULL, recipe=0.61))
    assert fitted.bargain is not None
    assert fitted.bargain.arm == 2, "no trial has a random head"


def test_the_trial_that_is_tried_first_goes_on_to_its_end_and_no_other_one_does_so_for_that_reason() -> None:
    begun = replace(RANDOM, trials=(trial(20, 0.6, 0.6, 0.65),))
    going_on = decide(market(NEAR, HALF, FULL, begun, recipe=0.61, spent=1.8))
    assert going_on.bargain is not None
    assert (going_on.bargain.kind, going_on.bargain.number) == (Kind.CONTINUE, 20)
    assert going_on.reason == "trial 20 goes on, as it is the best at its rung"
    half = replace(HALF, trials=(trial(21, 0.6, 0.6, 0.65, 0.66),))
    assert "best at its rung" not in decide(market(NEAR, half, FULL, begun, recipe=0.61, spent=2.2)).reason


def test_as_many_heads_begin_as_there_are_workers_but_deeper_trials_one_by_one() -> None:
    first = decide(market(HEAD, HALF, FULL, spent=1.0, workers=12)).bargain
    assert first is not None
    assert first.count == 12
    deeper = decide(market(NEAR, replace(HALF, cost=0.1), FULL, workers=12)).bargain
    assert deeper is not None
    assert (deeper.arm, deeper.count) == (1, 1)


def test_final_values_of_trials_that_begin_with_a_random_head_are_expected_to_be_further_apart() -> None:
    fitted, random = (
        prospects_of(market(NEAR, replace(FULL, is_fitted=kind), recipe=0.5))[1].new.deviation for kind in (True, False)
    )
    assert random > fitted


def test_of_trials_that_are_put_aside_the_most_promising_goes_on() -> None:
    tried = replace(HALF, trials=(trial(20, 0.60), trial(21, 0.66), trial(22, 0.58)))
    choice = decide(market(NEAR, tried, FULL, spent=1.4))
    assert choice.bargain is not None
    assert (choice.bargain.kind, choice.bargain.number) == (Kind.CONTINUE, 21)
    assert choice.reason == "trial 21 goes on, as it is the best at its rung"
    done = replace(HALF, trials=(*tried.trials, trial(23, 0.58, 0.58, 0.58, 0.58)))
    choice = decide(market(NEAR, done, spent=3.6))
    assert choice.bargain is not None
    assert (choice.bargain.kind, choice.bargain.number) == (Kind.CONTINUE, 21)
    assert choice.reason.startswith("trial 21 goes on (half of the layers), expected to improve the best trial by 0.")


def test_trials_that_train_are_left_alone() -> None:
    running = replace(trial(21, 0.66), state=ContenderState.TRAINING)
    choice = decide(market(NEAR, replace(HALF, trials=(running,)), FULL, spent=1.4))
    assert choice.bargain is None or choice.bargain.number != 21


def test_where_half_of_the_layers_bring_nothing_all_of_them_are_not_tried() -> None:
    flat = [trial(20 + n, 0.55, 0.55, 0.555, value) for n, value in enumerate((0.555, 0.56, 0.55))]
    half, full = replace(HALF, trials=tuple(flat), asks=ASKS), replace(FULL, asks=ASKS)
    choice = decide(market(NEAR, half, full, spent=2.3, noise=0.03))
    assert choice.bargain is None
    assert "a further full run is expected to improve the best trial by 0.0" in choice.reason
    assert choice.reason.endswith("less than 0.027, 0.9 of the noise")


def test_where_half_of_the_layers_bring_much_more_is_expected_of_all_of_them() -> None:
    flat = prospects_of(market(NEAR, replace(HALF, trials=(trial(20, 0.55, 0.55, 0.55, 0.55),)), FULL))[2].new
    rising = prospects_of(market(NEAR, replace(HALF, trials=(trial(20, 0.60, 0.65, 0.69, 0.72),)), FULL))[2].new
    unknown = prospects_of(market(NEAR, HALF, FULL))[2].new
    assert flat.mean == pytest.approx(unknown.mean, abs=0.01)
    assert flat.deviation < unknown.deviation
    assert rising.mean > max(flat.mean, unknown.mean)


def test_a_recipe_that_beats_all_heads_tells_of_deeper_trials_and_a_worse_one_of_nothing() -> None:
    better = prospects_of(market(NEAR, HALF, FULL, recipe=0.70))
    worse, much_worse = (prospects_of(market(NEAR, HALF, FULL, recipe=each)) for each in (0.48, 0.10))
    assert better[2].new.mean > better[1].new.mean > worse[1].new.mean
    assert worse[1].new == much_worse[1].new


def test_nothing_begins_that_the_budget_cannot_pay() -> None:
    choice = decide(market(NEAR, HALF, FULL, spent=3.99, recipe=0.7))
    assert choice.bargain is None or choice.bargain.cost <= 0.01
    assert decide(market(FULL, spent=3.5)).reason == "the budget leaves no room for another trial"


def test_a_search_says_so_where_only_trials_that_bring_nothing_fit_into_its_budget() -> None:
    tried = replace(HALF, trials=(trial(20, 0.55, 0.56, 0.56, 0.56),))
    full = replace(FULL, cost=1.4, is_fitted=False)
    choice = decide(market(NEAR, tried, full, budget=2.2, recipe=0.7, noise=0.01))
    assert choice.reason == "the budget leaves no room for another trial that is worth its price"
    assert decide(market(NEAR, tried, full, budget=4.0, recipe=0.7, noise=0.01)).bargain is not None


def test_the_best_of_many_that_noise_alone_sets_apart_is_not_believed() -> None:
    lucky = heads(*np.random.default_rng(0).normal(0.5, 0.022, 40).tolist())
    values = [each.settled for each in lucky.trials]
    assert max(values) > 0.53
    assert best(lucky) == pytest.approx(0.5, abs=0.015)
    assert best(heads(0.3, 0.5, 0.7)) == pytest.approx(0.7, abs=0.015)
    assert best(HEAD) == -math.inf


def test_random_heads_have_arms_of_their_own_which_trial_0_tells_of() -> None:
    random = replace(HALF, is_fitted=False, words="half of the layers, random head")
    for recipe, expected in ((0.30, 0.30), (0.70, 0.70)):
        prospects = prospects_of(market(NEAR, HALF, random, recipe=recipe, recipe_rise=0.25))
        assert prospects[2].new.mean == pytest.approx(expected)
        assert prospects[2].rise.mean == pytest.approx(0.25)
    finished = replace(HALF, trials=tuple(trial(20 + n, 0.55, 0.55, 0.55, 0.55) for n in range(3)))
    choice = decide(market(NEAR, finished, random, recipe=0.70, recipe_rise=0.25))
    assert choice.bargain is not None
    assert (choice.bargain.arm, choice.bargain.count) == (2, 1), "early values of random heads tell little"
    assert "with half of the layers, random head" in choice.reason
    choice = decide(market(NEAR, finished, random, recipe=0.30, recipe_rise=0.25))
    assert choice.bargain is None or choice.bargain.arm != 2


def test_before_any_trial_is_complete_no_improvement_is_told() -> None:
    trains = replace(trial(2, 0.4), state=ContenderState.TRAINING)
    begun = replace(HALF, trials=(trial(1, 0.5, 0.5), trains))
    choice = decide(market(begun, recipe=None))
    assert choice.reason.endswith("full runs, as no trial is complete")


def test_a_search_that_does_not_stop_spends_its_budget() -> None:
    flat = replace(HALF, trials=tuple(trial(20 + n, 0.55, 0.55, 0.555, 0.555) for n in range(3)), asks=ASKS)
    stopping = market(NEAR, flat, replace(FULL, asks=ASKS), spent=2.3, noise=0.03)
    assert decide(stopping).bargain is None
    assert decide(replace(stopping, stops=False)).bargain is not None


def test_two_arms_that_end_with_all_layers_trained_are_told_apart() -> None:
    gradual = replace(FULL, trials=tuple(trial(20 + n, 0.5, 0.5, 0.5, 0.5) for n in range(3)))
    assert len(prospects_of(market(gradual, replace(FULL, trials=(trial(30, 0.5),))))) == 2


def test_a_trial_that_has_its_last_value_and_is_not_told_yet_is_not_on_offer() -> None:
    ending = replace(trial(20, 0.5, 0.5, 0.5, 0.6), state=ContenderState.TRAINING)
    choice = decide(market(NEAR, replace(HALF, trials=(ending,)), FULL, spent=1.5))
    assert choice.bargain is None or choice.bargain.number != 20


def test_a_search_of_few_trials_finishes_its_leader_though_its_budget_is_spent() -> None:
    leader = replace(HALF, trials=(trial(20, 0.5, 0.6, 0.7),))
    choice = decide(market(NEAR, leader, spent=3.0, budget=2.0, is_bound=False, slots=0, stops=False))
    assert choice.bargain is not None
    assert choice.bargain.number == 20


def test_a_budget_is_kept_for_the_leader_to_come_to_its_end() -> None:
    arm = replace(HALF, trials=(trial(20, 0.75), trial(21, 0.55, 0.55, 0.55, 0.55)))
    choice = decide(market(NEAR, arm, FULL, spent=3.8, stops=False))
    assert choice.bargain is not None
    assert (choice.bargain.kind, choice.bargain.number) == (Kind.CONTINUE, 20)


@pytest.mark.parametrize("values", [(), (0.7,)], ids=["before its first value", "with the best value"])
def test_a_budget_is_kept_for_a_trial_that_trains_and_may_lead(values: tuple[float, ...]) -> None:
    training = replace(trial(21, *values), state=ContenderState.TRAINING, target=64)
    arm = replace(HALF, trials=(trial(20, 0.55, 0.55, 0.55, 0.55), training))
    # Another trial takes a cost of its own; to finish the one that trains takes 36 % of a cost.
    enough, short = (market(arm, spent=4.2 - HALF.cost * room, stops=False) for room in (1.37, 1.35))
    choice = decide(enough)
    assert choice.bargain is not None
    assert choice.bargain.kind is Kind.BEGIN
    assert decide(short).reason == "the budget leaves no room for another trial"


def test_no_budget_is_kept_for_a_trial_that_trains_and_does_not_lead() -> None:
    training = replace(trial(21, 0.3, 0.3), state=ContenderState.TRAINING, target=64)
    arm = replace(HALF, trials=(trial(20, 0.55, 0.56, 0.57, 0.57), trial(22, 0.7), training))
    choice = decide(market(NEAR, arm, spent=4.0 + 0.2 - HALF.cost * 0.9, stops=False))
    assert choice.bargain is not None
    assert (choice.bargain.kind, choice.bargain.number) == (Kind.CONTINUE, 22)


# ---- a whole search


def search(
    finals: dict[float, tuple[float, float, float]], *, recipe: float, seed: int
) -> tuple[float, float, list[str]]:
    """Search to the end, on curves that are made up.

    Args:
        finals: By frozen share, the mean of final values, their spread, and what is gained from 16 % on.
        recipe: Value of trial 0.
        seed: Decides the values.

    Returns:
        Full runs spent, those of them on anything deeper than the head, besides trial 0, and the reasons.
    """
    rng = np.random.default_rng(seed)
    arms = {1.0: HEAD, 0.5: HALF, 0.0: FULL}
    ends: dict[int, float] = {}
    spent, deep, reasons = 1.0, 0.0, []
    while len(reasons) < 200:
        choice = decide(market(*arms.values(), recipe=recipe, spent=spent))
        reasons.append(choice.reason)
        bargain = choice.bargain
        if bargain is None:
            return spent, deep, reasons
        frozen = list(arms)[bargain.arm]
        arm = arms[frozen]
        mean, spread, gain = finals[frozen]
        trials = list(arm.trials)
        advanced = []
        if bargain.kind is Kind.BEGIN:
            for _ in range(bargain.count):
                number = len(ends) + 1
                # Most of the noise is shared by the looks of a trial: they are made on the same rows.
                ends[number] = mean + spread * rng.standard_normal() + 0.02 * rng.standard_normal()
                trials.append(ArmTrial(number=number, values={}, state=ContenderState.SHELVED))
                advanced.append((len(trials) - 1, arm.first_rung))
        else:
            place = next(place for place, each in enumerate(trials) if each.number == bargain.number)
            advanced.append((place, next(rung for rung in RUNGS if rung > trials[place].reached)))
        for place, rung in advanced:
            each = trials[place]
            cost = arm.cost * (rung - each.reached) / 100
            spent, deep = spent + cost, deep + (cost if frozen < 1 else 0.0)
            value = ends[each.number] - gain * (100 - rung) / 84 + 0.01 * rng.standard_normal()
            state = ContenderState.OVER if rung == 100 else ContenderState.SHELVED
            trials[place] = replace(each, values={**each.values, rung: value}, state=state)
        arms[frozen] = replace(arm, trials=tuple(trials))
    raise AssertionError("it does not end")


@pytest.mark.parametrize("seed", range(5))
def test_a_task_that_the_head_wins_costs_little_more_than_the_recipe(seed: int) -> None:
    finals = {1.0: (0.52, 0.03, 0.0), 0.5: (0.55, 0.01, 0.0), 0.0: (0.55, 0.01, 0.0)}
    spent, deep, reasons = search(finals, recipe=0.48, seed=seed)
    assert spent < 2.5
    assert deep < 1.3
    assert "of the noise" in reasons[-1]


@pytest.mark.parametrize("seed", range(5))
def test_on_a_task_that_needs_its_layers_the_search_thaws(seed: int) -> None:
    finals = {1.0: (0.60, 0.03, 0.0), 0.5: (0.72, 0.02, 0.06), 0.0: (0.74, 0.02, 0.08)}
    spent, deep, reasons = search(finals, recipe=0.70, seed=seed)
    assert deep >= 0.4
    assert spent <= 4.0
    assert any("with all layers" in reason or "with half of the layers" in reason for reason in reasons)
