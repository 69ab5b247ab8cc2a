from __future__ import annotations

import pytest

from tuner.reporting.live.pace import Going, left_by_runs, left_by_trials


def going(percent: float, seconds: float, *, began_at: float = 0.0) -> Going:
    return Going(percent=percent, began_at=began_at, seconds=seconds)


def test_progress_within_trials_counts_before_the_first_has_ended() -> None:
    assert left_by_trials([], [going(50, 30)], waiting=0, lanes=1) == pytest.approx(30)
    assert left_by_trials([], [going(50, 30)], waiting=2, lanes=1) == pytest.approx(150)
    assert left_by_trials([], [going(50, 30), going(25, 15)], waiting=2, lanes=2) == pytest.approx((30 + 45 + 120) / 2)


def test_it_falls_while_a_trial_trains() -> None:
    left = [left_by_trials([60, 40], [going(percent, percent / 2)], waiting=3, lanes=1) for percent in (10, 20, 90)]
    assert left == [pytest.approx(195), pytest.approx(190), pytest.approx(155)]


def test_it_falls_by_the_clock_where_a_trial_does_not_say_how_far_it_is() -> None:
    assert left_by_trials([100], [going(0, 30)], waiting=0, lanes=1) == pytest.approx(70)
    assert left_by_trials([100], [going(0, 300)], waiting=0, lanes=1) == 0


def test_of_a_resumed_trial_only_the_rest_counts() -> None:
    assert left_by_trials([], [going(80, 10, began_at=60)], waiting=0, lanes=1) == pytest.approx(10)
    assert left_by_trials([100], [going(60, 0, began_at=60)], waiting=0, lanes=1) == pytest.approx(40)


def test_the_longest_trial_is_waited_for_whatever_the_number_of_lanes() -> None:
    assert left_by_trials([], [going(10, 10), going(90, 9)], waiting=0, lanes=8) == pytest.approx(90)


def test_nothing_is_told_where_nothing_is_known() -> None:
    assert left_by_trials([], [], waiting=3, lanes=1) is None
    assert left_by_trials([], [going(1, 30)], waiting=0, lanes=1) is None


@pytest.mark.parametrize(
    ("spent", "before", "left"), [(None, None, None), (1.0, 1.0, None), (1.0, 0.5, 60.0), (4.2, 0.2, 0.0)]
)
def test_full_runs_are_left_at_the_speed_at_which_they_were_spent(
    spent: float | None, before: float | None, left: float | None
) -> None:
    assert left_by_runs(spent=spent, before=before, budget=4.0, seconds=10.0) == left
