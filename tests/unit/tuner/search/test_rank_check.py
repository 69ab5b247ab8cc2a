"""The check that a lower first rung ranks trials as the next one does."""

from __future__ import annotations

import math
import random

import pytest
from scipy.stats import spearmanr

from tuner.search.rank_check import NEEDED, RankCheck, first_rung_allowed, spearman


def pairs(count: int, noise: float) -> list[tuple[float, float]]:
    rng = random.Random(1)
    return [(value := rng.random(), value + noise * rng.random()) for _ in range(count)]


def check(pairs: list[tuple[float, float]]) -> RankCheck:
    return first_rung_allowed([{2: one, 4: other} for one, other in pairs], (2, 4))


def test_where_both_rungs_rank_alike_the_lower_one_is_the_first() -> None:
    found = check(pairs(NEEDED, 0.0))
    assert (found.first_rung, found.is_decided, found.count) == (2, True, NEEDED)
    assert found.rho == pytest.approx(1.0)
    assert found.reason == "the first rung is 2 %: between 2 % and 4 % of 16 trials, rank correlation 1.00"


def test_where_they_rank_otherwise_the_higher_one_stays() -> None:
    found = check([(one, -other) for one, other in pairs(NEEDED, 0.1)])
    assert (found.first_rung, found.is_decided) == (4, True)
    assert found.rho is not None
    assert found.rho < -0.8
    assert found.reason.startswith("the first rung is 4 %: between 2 % and 4 % of 16 trials, rank correlation -")
    assert found.reason.endswith("0.8 is needed")


def test_the_correlation_decides_from_its_limit_on() -> None:
    # One exchange of ranks 4 apart, and others of neighbours, among 16: 1 - 6 * sum of squares / (16 * 255).
    ranks = [float(number) for number in range(16)]
    for squares, first in ((136, 2), (138, 4)):
        order = list(ranks)
        for one, other in ((0, 8), (15, 13)) if squares == 136 else ((0, 8), (15, 13), (10, 11)):
            order[one], order[other] = order[other], order[one]
        assert sum((rank - place) ** 2 for place, rank in enumerate(order)) == squares
        found = check(list(zip(ranks, order, strict=True)))
        assert found.rho == pytest.approx(1 - 6 * squares / 4080)
        assert found.first_rung == first


@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_trials_without_two_numbers_are_not_counted(lost: float) -> None:
    found = check([*pairs(NEEDED - 1, 0.0), (0.5, lost), (lost, 0.5)])
    assert (found.first_rung, found.is_decided, found.rho, found.count) == (4, False, None, 15)
    assert found.reason == "4 % stays the first rung until 16 trials have a value at 2 % too; 15 have"


def test_values_that_are_all_equal_allow_nothing() -> None:
    found = check([(0.5, other) for _, other in pairs(NEEDED, 0.1)])
    assert (found.first_rung, found.is_decided, found.rho) == (4, True, None)


RISING = [float(number) for number in range(NEEDED)]


@pytest.mark.parametrize(
    ("at_1", "at_2", "first", "compared"),
    [
        (RISING, RISING, 1, "between 1 % and 2 %"),
        (RISING[::-1], RISING, 2, "between 1 % and 2 %"),
        (RISING, RISING[::-1], 4, "between 2 % and 4 %"),
        # Only a rung that is ranked like the next one can say what the one below it is worth.
        (RISING[::-1], RISING[::-1], 4, "between 2 % and 4 %"),
        ([math.nan, *RISING[1:]], RISING, 2, "between 2 % and 4 %"),
    ],
)
def test_the_first_rung_is_the_lowest_down_to_which_each_ranks_as_the_next_one(
    at_1: list[float], at_2: list[float], first: int, compared: str
) -> None:
    values = [{1: one, 2: two, 4: four} for one, two, four in zip(at_1, at_2, RISING, strict=True)]
    found = first_rung_allowed([*values, {1: 0.5}, {}], (1, 2, 4))
    assert (found.first_rung, found.is_decided) == (first, True)
    assert found.reason.startswith(f"the first rung is {first} %: {compared} of 16 trials")


@pytest.mark.parametrize("seed", range(10))
def test_the_rank_correlation_is_scipys_also_with_equal_values(seed: int) -> None:
    rng = random.Random(seed)
    one = [float(rng.randrange(6)) for _ in range(20)]
    other = [value + rng.randrange(6) for value in one]
    assert spearman(one, other) == pytest.approx(spearmanr(one, other).statistic)
