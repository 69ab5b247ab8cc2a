from __future__ import annotations

from typing import Any

import pytest

from tuner.reporting.result import verdict_word
from tuner.reporting.summary import Next, found_lines, next_lines, state_lines

RECIPE = {"learning_rate": 5e-5, "batch_size": 32, "weight_decay": 0.01, "lr_scheduler_type": "linear"}
BEST = {"learning_rate": 1.4e-4, "batch_size": 64, "weight_decay": 0.01, "lr_scheduler_type": "constant_with_warmup"}


def best(value: float = 0.8333, recipe: float | None = 0.81, **more: Any) -> dict[str, Any]:
    return {
        "study": "reviews",
        "parent": None,
        "confirmation": None,
        "trial": 15,
        "metric": "accuracy",
        "direction": "maximize",
        "value": value,
        "hyperparameters": BEST,
        "effective": {"layers": 6},
        "recipe": {"trial": 0, "value": recipe, "family": "bert", "changes": []},
        "validation": {"rows": 300, "right": 250, "recipe_right": 243, "noise": 0.043, "expected": None},
        "verdict": None,
        "test": {"rows": 1000, "state": "locked"},
        **more,
    }


def status(state: str = "finished", **more: Any) -> dict[str, Any]:
    return {
        "study": "reviews",
        "state": state,
        "reason": None,
        "search": None,
        "trials": {"total": 16, "complete": 10, "pruned": 6, "failed": 0, "running": 0, "paused": 0},
        "budget": {"spent_s": 340.0},
        "spent": {"runs": 3.9, "device_s": 340.0, "projected": False},
        **more,
    }


def test_the_best_stands_beside_the_recipe_with_the_settings_that_differ() -> None:
    lines = found_lines(best(), RECIPE, None)
    assert lines[:4] == [
        "                accuracy   on 300 rows     settings that differ",
        "  recipe     0    0.8100   243 right       lr 5.0e-5  batch 32  linear",
        "  best      15    0.8333   250 right       lr 1.4e-4  batch 64  constant",
        "  Verdict: no clear winner.",
    ]
    assert "within the noise" in lines[4]
    assert lines[-1] == "           Trial 0 is the published recipe."


def test_frozen_layers_are_counted_as_everywhere() -> None:
    found = found_lines(best(hyperparameters={**BEST, "frozen_layers": 0.5}), {**RECIPE, "frozen_layers": 0.0}, None)
    assert found[1].endswith("linear  frz 0")
    assert found[2].endswith("constant  frz 3/6")


def test_on_a_terminal_no_line_but_a_single_word_is_wider_than_it() -> None:
    lines = found_lines(best(), {**RECIPE, "dropout": 0.1}, None, width=60)
    assert max(len(line) for line in lines) <= 60
    assert " ".join(" ".join(lines).split()).count("Trial 0 is the published recipe.") == 1
    assert not any("\0" in line for line in lines)


def test_where_trial_0_is_the_best_or_has_no_value_its_settings_are_all_shown() -> None:
    lines = found_lines(best(0.81, trial=0, hyperparameters=RECIPE), RECIPE, None)
    assert lines[1].endswith("lr 5.0e-5  batch 32  decay 0.01  linear")
    assert lines[2] == "  Verdict: no trial is better than the recipe."
    lines = found_lines(best(recipe=None), None, None)
    assert len([line for line in lines if "right" in line and line.startswith("  ")]) == 1


@pytest.mark.parametrize(
    ("value", "expected", "word"),
    [
        (0.83, None, "no clear winner."),
        (0.81, None, "a tie."),
        (0.9, None, "better than the recipe on these rows."),
        (0.9, 0.89, "better than the recipe on these rows."),
        (0.86, 0.84, "ahead on these rows, and no clear winner on others."),
        (0.7, None, None),
    ],
)
def test_the_verdict_claims_no_more_than_the_rows_tell(value: float, expected: float | None, word: str | None) -> None:
    seen = {"rows": 300, "right": 250, "recipe_right": 243, "noise": 0.043, "expected": expected}
    assert verdict_word(best(value, validation=seen), None) == word


def test_no_verdict_is_made_of_what_is_no_better_than_guessing_or_is_told_by_the_test_split() -> None:
    assert verdict_word(best(), 0.9) is None
    assert verdict_word(best(verdict={"sentences": ["Trial 15 is better."]}), 0.5) is None
    assert verdict_word(best(parent="other"), 0.5) is None


@pytest.mark.parametrize(
    ("found", "first"),
    [
        (status(), "Study reviews is finished: 16 of 16 trials (10 complete, 6 pruned, 0 failed)."),
        (
            status("paused", reason="the budget of time is spent"),
            "Study reviews is paused after 16 of 16 trials (10 complete, 6 pruned, 0 failed): the budget of time is "
            "spent.",
        ),
        (status("interrupted"), "Study reviews goes on: 16 of 16 trials (10 complete, 6 pruned, 0 failed)."),
    ],
)
def test_a_study_says_how_it_stands_and_what_it_has_spent(found: dict[str, Any], first: str) -> None:
    assert state_lines(found) == [first, "Spent: 3.9 runs (5m40s of device time) in 5m40s."]


def test_commands_stand_beside_what_they_are_for() -> None:
    commands = [Next(word="Settle it", command="tuner test s"), Next(word="Take it", command="tuner export s m")]
    assert next_lines(commands) == ["  Settle it  tuner test s", "  Take it    tuner export s m"]
