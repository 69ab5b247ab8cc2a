"""The rules that shelve no trial: all train to their end, or the weakest end as Optuna's percentile pruner says."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Literal

import optuna
import pytest

from tuner.search.percentile import PercentilePromotion
from tuner.search.promotion import Contender, ContenderState, NoPromotion

TRAINING, SHELVED, OVER = ContenderState.TRAINING, ContenderState.SHELVED, ContenderState.OVER
Direction = Literal["minimize", "maximize"]


def contender(number: int, values: dict[int, float], state: ContenderState, target: int = 100) -> Contender:
    return Contender(number=number, values=values, first_rung=4, target=target, state=state)


def test_without_a_rule_shelved_trials_go_on_to_their_end() -> None:
    contenders = [contender(0, {4: 1.0}, SHELVED, 4), contender(1, {4: 1.0}, OVER, 4), contender(2, {}, TRAINING, 4)]
    decision = NoPromotion().decide(contenders, trials=3, direction="minimize")
    assert {move.number: move.target for move in decision.moves} == {0: 100, 2: 100}
    assert not decision.is_settled
    assert NoPromotion().rungs() == (100,)
    assert NoPromotion().first_target(16) == PercentilePromotion().first_target(16) == 100


def test_without_a_rule_a_search_is_settled_when_every_trial_is_over() -> None:
    complete = contender(0, {100: 1.0}, OVER)
    assert NoPromotion().decide([complete], trials=1, direction="minimize").is_settled
    assert not NoPromotion().decide([complete], trials=2, direction="minimize").is_settled


@pytest.mark.filterwarnings("ignore:All-NaN slice")  # Optuna's, of a trial without any number
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("seed", range(3))
def test_the_percentile_rule_ends_the_trials_that_optunas_pruner_ends(direction: Direction, seed: int) -> None:
    rng = random.Random(seed)
    rule = PercentilePromotion(percentile=60.0)
    pruner = optuna.pruners.PercentilePruner(60.0, n_startup_trials=5, n_warmup_steps=20, n_min_trials=5)
    study = optuna.create_study(direction=direction, pruner=pruner)
    contenders: list[Contender] = []
    ended = []
    for number in range(40):
        trial = study.ask()
        level = rng.random()
        current = contender(number, {}, TRAINING)
        for percent in range(10, 101, 10):
            value = math.nan if rng.random() < 0.05 else level + rng.random() / 3
            trial.report(value, percent)
            current = replace(current, values={**current.values, percent: value})
            decision = rule.decide([*contenders, current], trials=40, direction=direction)
            assert trial.should_prune() == bool(decision.moves)
            if decision.moves:
                (move,) = decision.moves
                assert (move.number, move.rung, move.target) == (number, percent, None)
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                ended.append(move)
                break
        else:
            study.tell(trial, level)
        contenders.append(replace(current, state=OVER))
    assert 5 < len(ended) < 35
    assert all(move.places < move.rank <= move.of for move in ended)
    assert rule.decide(contenders, trials=40, direction=direction).is_settled


def test_the_percentile_rule_says_why_a_trial_ends() -> None:
    complete = [contender(number, dict.fromkeys((20, 100), number / 10), OVER) for number in range(8)]
    weak = contender(8, {20: 0.65}, TRAINING)
    (move,) = PercentilePromotion().decide([*complete, weak], trials=9, direction="minimize").moves
    assert (move.rank, move.of, move.places) == (8, 9, 6)
    assert move.reason == "0.65 at best up to 20 %, needed 0.525 to be among the best 75 % of 8 complete trials"


def test_the_percentile_rule_never_ends_an_exempt_trial() -> None:
    complete = [contender(number, dict.fromkeys((20, 100), 0.1), OVER) for number in range(8)]
    recipe = replace(contender(8, {20: 9.0}, TRAINING), is_exempt=True)
    assert not PercentilePromotion().decide([*complete, recipe], trials=9, direction="minimize").moves


def test_the_percentile_rule_lets_trials_go_on_that_halving_had_put_aside() -> None:
    shelved = contender(0, {4: 0.1}, SHELVED, 4)
    (move,) = PercentilePromotion().decide([shelved], trials=1, direction="minimize").moves
    assert (move.target, move.reason) == (100, "goes on to 100 %: it trains to its end in any case")


def test_the_percentile_rule_lets_a_trial_go_on_that_is_as_good_as_the_limit() -> None:
    complete = [contender(number, dict.fromkeys((20, 100), 0.1), OVER) for number in range(8)]
    for value, ends in ((0.1, False), (0.2, True)):
        alike = contender(8, {20: value}, TRAINING)
        assert bool(PercentilePromotion().decide([*complete, alike], trials=9, direction="minimize").moves) is ends
