"""By how much the score of a winner is overstated."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.study.optimism import expected_score


@pytest.mark.parametrize(
    ("spread", "shared"), [(0.0, 0.0), (0.0, 0.8), (0.02, 0.8), (0.08, 0.8)], ids=["equal", "alike", "near", "apart"]
)
def test_what_is_expected_of_a_winner_is_what_it_reaches_on_other_rows(spread: float, shared: float) -> None:
    rng = np.random.default_rng(0)
    raw, expected = [], []
    for _ in range(60):
        true = 0.75 + spread * rng.standard_normal(12)
        # Models that are alike get mostly the same rows right.
        common = rng.random(200)
        drawn = np.where(rng.random((12, 200)) < shared, common, rng.random((12, 200)))
        right = drawn < true[:, None]
        winner = int(right.mean(axis=1).argmax())
        raw.append(right[winner].mean() - true[winner])
        expected.append(expected_score(right, draws=200) - true[winner])
    error = np.std(expected) / np.sqrt(len(expected))
    assert abs(np.mean(expected)) < 3 * error + 0.004
    if spread < 0.05:
        assert np.mean(raw) > 3 * np.std(raw) / np.sqrt(len(raw)), "the raw value is overstated"
        assert abs(np.mean(expected)) < np.mean(raw) / 2


def test_a_single_trial_is_not_overstated() -> None:
    right = np.random.default_rng(0).random((1, 300)) < 0.7
    assert expected_score(right) == pytest.approx(right.mean(), abs=0.002)
