"""Outlooks: what a final value may be, and what some more of them may bring."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.search.thaw.outlook import Outlook, best_of, combined, expected_maximum, record_improvement


def drawn(count: int, size: int = 200_000) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((size, count))


@pytest.mark.parametrize(("mean", "best"), [(0.7, 0.7), (0.7, 0.8), (0.7, 0.6), (0.7, 1.2)])
def test_the_expected_improvement_is_that_of_draws(mean: float, best: float) -> None:
    draws = mean + 0.1 * drawn(1)[:, 0]
    expected = np.maximum(draws - best, 0).mean()
    assert Outlook(mean=mean, deviation=0.1).improvement(best) == pytest.approx(expected, abs=5e-4)


def test_without_doubt_the_improvement_is_the_difference() -> None:
    assert Outlook(mean=0.7, deviation=0.0).improvement(0.6) == pytest.approx(0.1)
    assert Outlook(mean=0.7, deviation=0.0).improvement(0.8) == 0.0


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 9, 20])
def test_the_expected_maximum_is_that_of_draws(count: int) -> None:
    assert expected_maximum(count) == pytest.approx(drawn(count, 100_000).max(axis=1).mean(), abs=0.02)


@pytest.mark.parametrize("residual", [0.01, 0.06, 0.099])
def test_the_best_of_some_that_are_chosen_by_an_early_value_is_that_of_draws(residual: float) -> None:
    rng = np.random.default_rng(1)
    early = 0.7 + np.sqrt(0.1**2 - residual**2) * rng.standard_normal((100_000, 4))
    final = early.max(axis=1) + residual * rng.standard_normal(100_000)
    found = best_of(4, Outlook(mean=0.7, deviation=0.1), residual)
    assert found.mean == pytest.approx(final.mean(), abs=2e-3)
    assert found.deviation == pytest.approx(final.std(), rel=0.1)


def test_where_early_values_tell_nothing_the_best_of_them_is_any() -> None:
    assert best_of(8, Outlook(mean=0.7, deviation=0.1), 0.5) == Outlook(mean=0.7, deviation=0.1)


def test_a_measurement_counts_by_how_exact_it_is() -> None:
    prior = Outlook(mean=0.5, deviation=0.1)
    found = combined(prior, 0.7, 0.1)
    assert (found.mean, found.deviation) == (pytest.approx(0.6), pytest.approx(0.1 / 2**0.5))
    assert combined(prior, 0.7, 0.0) == Outlook(mean=0.7, deviation=0.0)
    assert combined(Outlook(mean=0.5, deviation=0.0), 0.7, 0.1).mean == 0.5


@pytest.mark.parametrize(("known", "count"), [(8, 8), (16, 4), (40, 8)])
def test_a_record_is_broken_as_often_and_as_far_as_by_draws(known: int, count: int) -> None:
    rng = np.random.default_rng(2)
    values = rng.exponential(0.05, (4000, known + count))
    before = values[:, :known].max(axis=1)
    truth = np.maximum(values[:, known:].max(axis=1) - before, 0).mean()
    found = [record_improvement([*row[:known]], count, row[:known].max()) for row in values[:1000]]
    assert np.mean(found) == pytest.approx(truth, rel=0.15)


def test_a_bound_that_is_far_ahead_is_hardly_reached() -> None:
    values = [0.50, 0.52, 0.53, 0.55, 0.56]
    at, ahead, far = (record_improvement(values, 8, best) for best in (0.56, 0.58, 0.7))
    assert at > ahead > far > 0
    assert far < 0.05 * at
    assert record_improvement(values, 8, 0.5) == pytest.approx(0.06 + at), "one that is there exceeds it already"


def test_values_that_are_all_equal_promise_no_more() -> None:
    assert record_improvement([0.5, 0.5, 0.5], 8, 0.5) == 0.0
