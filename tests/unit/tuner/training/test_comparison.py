"""Whether one model is better than another one, told by the rows of one split."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tuner.training.comparison import LEVEL, Method, compare_rows, compare_values


def bits(*counts: tuple[bool, int]) -> np.ndarray:
    return np.concatenate([np.full(count, value) for value, count in counts])


def test_rows_that_one_model_alone_gets_right_decide_as_in_mcnemars_exact_test() -> None:
    # 60 rows both, 12 the first alone, 3 the second alone, 25 none.
    first, second = bits((True, 72), (False, 28)), bits((True, 60), (False, 12), (True, 3), (False, 25))
    found = compare_rows(first, second)
    assert (found.method, found.first_alone, found.second_alone) == (Method.MCNEMAR, 12, 3)
    assert found.difference == pytest.approx(0.09)
    # Twice the probability of 12 or more heads in 15 throws of a fair coin.
    assert found.p_value == pytest.approx(2 * (455 + 105 + 15 + 1) / 2**15)
    assert found.interval is not None
    assert 0 < found.interval[0] < 0.09 < found.interval[1] < 0.25


@pytest.mark.parametrize("unequal", [1, 5, 6, 20, 61])
def test_the_interval_leaves_out_0_where_the_test_says_that_the_models_differ_and_only_there(unequal: int) -> None:
    for gained in range(unequal + 1):
        lost = unequal - gained
        first = bits((True, gained), (False, lost), (True, 40))
        second = bits((False, gained), (True, lost), (True, 40))
        found = compare_rows(first, second)
        assert found.interval is not None
        assert found.p_value is not None
        low, high = found.interval
        assert low <= found.difference <= high
        assert (low > 0 or high < 0) == (found.p_value <= LEVEL), (gained, lost)


def test_models_that_get_the_same_rows_right_may_still_differ_on_other_rows() -> None:
    same = bits((True, 70), (False, 30))
    found = compare_rows(same, same)
    assert (found.difference, found.p_value) == (0.0, 1.0)
    assert found.interval is not None
    # With three in a hundred rows that differ, no such row is among a hundred in one of twenty draws.
    assert found.interval[1] == pytest.approx(0.0362, abs=1e-3)


def test_equal_models_are_told_apart_in_one_of_twenty_cases_at_most() -> None:
    rng = np.random.default_rng(0)
    told = []
    for _ in range(400):
        shared = rng.random(200) < 0.6
        first, second = (np.where(rng.random(200) < 0.3, rng.random(200) < 0.6, shared) for _ in range(2))
        found = compare_rows(first, second)
        assert found.interval is not None
        told.append(found.interval[0] > 0 or found.interval[1] < 0)
    assert sum(told) / len(told) <= LEVEL


@pytest.mark.parametrize(("gained", "lost"), [(0.03, 0.0), (0.09, 0.06), (0.1, 0.02), (0.3, 0.1)])
def test_the_interval_holds_the_truth_as_often_as_it_says(gained: float, lost: float) -> None:
    rng, held = np.random.default_rng(0), []
    for _ in range(300):
        alone, other, _both = rng.multinomial(500, [gained, lost, 1 - gained - lost])
        first = bits((True, alone), (False, 500 - alone))
        second = bits((False, alone), (True, other), (False, 500 - alone - other))
        interval = compare_rows(first, second).interval
        assert interval is not None
        held.append(interval[0] <= gained - lost <= interval[1])
    assert np.mean(held) >= 0.94


def test_another_metric_is_compared_on_the_same_draws_of_rows() -> None:
    rng = np.random.default_rng(1)
    hard = rng.normal(size=300)  # what the models share would hide a difference between unpaired draws
    first, second = hard + 0.1 + 0.2 * rng.normal(size=300), hard + 0.2 * rng.normal(size=300)
    found = compare_values(lambda rows: float(first[rows].mean()), lambda rows: float(second[rows].mean()), 300)
    assert (found.method, found.p_value, found.first_alone) == (Method.BOOTSTRAP, None, None)
    assert found.difference == pytest.approx((first - second).mean())
    assert found.interval is not None
    expected = stats.t.interval(0.95, 299, (first - second).mean(), stats.sem(first - second))
    assert found.interval == pytest.approx(expected, abs=0.006)


def test_draws_of_rows_on_which_a_metric_has_no_value_are_left_out() -> None:
    def rarely(rows: np.ndarray) -> float:
        return float("nan") if 0 not in rows else 0.5

    found = compare_values(rarely, lambda rows: 0.25, 10)
    assert found.interval == (0.25, 0.25)
    never = compare_values(lambda rows: float("nan"), lambda rows: 0.25, 10)
    assert never.interval is None
