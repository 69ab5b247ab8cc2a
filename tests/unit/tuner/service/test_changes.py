from __future__ import annotations

from typing import Any

import pytest

from tuner.service.changes import budget_words, changed_lines


def study(**budget: Any) -> dict[str, Any]:
    return {"budget": {"trials": None, "runs": None, "time": None, "trial_time": None, **budget}}


@pytest.mark.parametrize(
    ("was", "after", "words"),
    [
        (study(trials=6), study(runs=2.0), "budget: runs 2 in place of trials 6"),
        (study(runs=2.5), study(trials=6), "budget: trials 6 in place of runs 2.5"),
        (study(trials=2), study(trials=3), "budget: trials 3 in place of trials 2"),
        (study(trials=6, runs=2.0), study(runs=2.0), "budget: runs 2 in place of trials 6, runs 2"),
        (study(trials=6, time=15.0), study(trials=6, time=3600.0), "budget: time 1h in place of time 15s"),
        (study(trials=6, time=15.0), study(trials=6), "budget: no bound in place of time 15s"),
        (study(trials=6, time=15.0), study(trials=6, time=15.0), None),
    ],
)
def test_what_of_a_budget_is_replaced_is_named_beside_what_counts_now(
    was: dict[str, Any], after: dict[str, Any], words: str | None
) -> None:
    assert budget_words(was, after) == words


@pytest.mark.parametrize(
    ("part", "before", "value", "line"),
    [
        ("time", 15.0, 3600.0, "budget.time: 15s -> 1h"),
        ("trial_time", 90.0, None, "budget.trial_time: 90s -> none"),
        ("runs", 1.5, 3.0, "budget.runs: 1.5 -> 3"),
        ("trials", 2, 3, "budget.trials: 2 -> 3"),
    ],
)
def test_a_value_is_shown_as_people_write_it(part: str, before: Any, value: Any, line: str) -> None:
    assert changed_lines(study(**{part: before}), study(**{part: value})) == [line]
