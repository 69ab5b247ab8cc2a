from __future__ import annotations

import pytest

from tuner.study.budget import duration, overdrawn

BOUNDLESS = {"trials": 4, "time": None, "device_hours": None}


@pytest.mark.parametrize(
    ("budget", "wall_s", "device_s", "spent"),
    [
        (BOUNDLESS, 1e9, 1e9, None),
        ({"trials": 4}, 1e9, 1e9, None),
        ({**BOUNDLESS, "time": 60.0}, 59.9, 1e9, None),
        (
            {**BOUNDLESS, "time": 60.0},
            60.0,
            0.0,
            "the budget's time of 1m is spent; `tuner edit s --time TIME` raises it, then `tuner resume s` goes on",
        ),
        ({**BOUNDLESS, "device_hours": 0.5}, 1e9, 1799.9, None),
        (
            {**BOUNDLESS, "device_hours": 0.5},
            0.0,
            1800.0,
            "the budget's 0.5 device hours are spent; "
            "`tuner edit s --device-hours H` raises it, then `tuner resume s` goes on",
        ),
    ],
)
def test_a_budget_is_spent_when_its_bound_is_reached(
    budget: dict[str, float | None], wall_s: float, device_s: float, spent: str | None
) -> None:
    assert overdrawn("s", budget, wall_s=wall_s, device_s=device_s) == spent


@pytest.mark.parametrize(
    ("seconds", "text"), [(90.0, "90s"), (60.0, "1m"), (5400.0, "90m"), (7200.0, "2h"), (0.5, "0.5s")]
)
def test_a_duration_reads_as_a_study_file_has_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text
