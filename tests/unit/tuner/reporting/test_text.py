from __future__ import annotations

import pytest

from tuner.reporting.text import clock, describe, sparkline


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "?"), (0.4, "0s"), (59.6, "1m00s"), (61, "1m01s"), (3599, "59m59s"), (3660, "1h01m"), (90000, "25h00m")],
)
def test_seconds_are_written_as_people_read_them(seconds: float | None, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("values", "curve"), [([], ""), ([0.5], "▁"), ([1, 1], "▁▁"), ([0, 0.5, 1], "▁▅█"), ([1, 0], "█▁")]
)
def test_a_curve_is_drawn_between_its_own_ends(values: list[float], curve: str) -> None:
    assert sparkline(values) == curve


def test_hyperparameters_that_a_trial_has_not_are_left_out() -> None:
    assert describe({"learning_rate": 1e-3, "frozen_layers": 0.5}) == "lr 0.001 frozen 0.5"
    assert describe({}) == ""
