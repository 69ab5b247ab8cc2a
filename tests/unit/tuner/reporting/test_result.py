"""The result of a search in sentences: a gain within the noise is no win."""

from __future__ import annotations

from typing import Any

import pytest

from tuner.reporting.result import result_sentences, scored


def best(value: float, recipe: float | None, **more: Any) -> dict[str, Any]:
    """Return the view of the best trial of a study with 300 validation rows."""
    return {
        "study": "reviews",
        "parent": None,
        "confirmation": None,
        "trial": 7,
        "metric": "accuracy",
        "direction": "maximize",
        "value": value,
        "recipe": {"trial": 0, "value": recipe, "family": "bert", "changes": []},
        "validation": {
            "rows": 300,
            "right": round(value * 300),
            "recipe_right": None if recipe is None else round(recipe * 300),
            "noise": 0.043,
            "expected": None,
        },
        "verdict": None,
        "test": {"rows": 1000, "state": "locked"},
        **more,
    }


def test_a_gain_within_the_noise_is_said_to_be_that_with_counts() -> None:
    told = result_sentences(best(250 / 300, 243 / 300), 0.5)
    assert told[1] == (
        "It is better than trial 0 (accuracy 0.8100, 243 of 300 right) by 0.0233 on these rows: within the noise, "
        "which is about 0.043 for 300 rows."
    )
    assert not any("beats" in each for each in told)


def test_the_trial_that_a_confirmation_puts_first_is_said_to_be_that() -> None:
    told = result_sentences(best(250 / 300, 243 / 300, confirmation="reviews.confirm-1"), None)
    assert told[0] == "A confirmation puts it first: with other seeds it was ahead, in study reviews.confirm-1."
    told = result_sentences(best(0.9, 0.8, confirmation="c", verdict={"sentences": ["Trial 7 is better."]}), 0.5)
    assert told == ["A confirmation puts it first: with other seeds it was ahead, in study c.", "Trial 7 is better."]


def test_a_gain_beyond_the_noise_beats_and_its_score_is_still_too_good() -> None:
    told = result_sentences(best(270 / 300, 243 / 300), None)
    assert told == [
        "It beats trial 0 (accuracy 0.8100, 243 of 300 right) by 0.0900 on these rows; the noise is about 0.043 for "
        "300 rows.",
        "These are validation scores, by which the best trial was chosen: they are somewhat too good. `tuner test "
        "reviews` tells by 1,000 rows that no trial has seen.",
    ]


@pytest.mark.parametrize(
    ("view", "sentence"),
    [
        (best(0.8, 0.8), "That is the value of trial 0 (accuracy 0.8000, 240 of 300 right)."),
        (best(0.8, 0.8, trial=0), "No trial beat trial 0 (accuracy 0.8000, 240 of 300 right)."),
        (best(0.7, 0.8), "Trial 0 has accuracy 0.8000, 240 of 300 right."),
    ],
)
def test_a_best_trial_that_is_no_better_than_trial_0_is_not_said_to_be(view: dict[str, Any], sentence: str) -> None:
    assert sentence in result_sentences(view, None)


def test_a_loss_gains_downwards() -> None:
    loss: dict[str, Any] = {"metric": "loss", "direction": "minimize"}
    seen = {"rows": 300, "right": None, "recipe_right": None, "noise": 0.008, "expected": None}
    told = result_sentences(best(0.41, 0.412, validation=seen, **loss), None)
    assert told[0].startswith("It is better than trial 0 (loss 0.4120) by 0.0020 on these rows: within the noise")


def test_a_study_without_a_test_split_says_so() -> None:
    told = result_sentences(best(0.9, 0.8, test={"rows": None, "state": "none"}), None)
    assert told[-1].endswith("they are somewhat too good. The study has no test split that could tell more.")


def test_a_verdict_takes_the_place_of_what_validation_tells() -> None:
    told = result_sentences(best(0.9, 0.8, verdict={"sentences": ["Trial 7 is better.", "It is spent."]}), 0.5)
    assert told == ["Trial 7 is better.", "It is spent."]


def test_a_study_that_is_no_better_than_guessing_says_only_that() -> None:
    assert len(result_sentences(best(0.5, 0.5), 0.5)) == 1


def test_where_nothing_is_known_of_the_rows_nothing_is_said_of_them() -> None:
    seen = {"rows": None, "right": None, "recipe_right": None, "noise": None, "expected": None}
    told = result_sentences(best(0.9, 0.8, validation=seen, test={"rows": None, "state": "none"}), None)
    assert told == ["It is better than trial 0 (accuracy 0.8000) by 0.1000."]
    assert scored("accuracy", 0.8, None, None) == "accuracy 0.8000"


def test_what_is_expected_on_other_rows_is_told_where_rows_tell() -> None:
    view = best(0.9, 0.8)
    told = result_sentences({**view, "validation": {**view["validation"], "expected": 0.88}}, None)
    assert told[-1].startswith(
        "These are validation scores, by which the best trial was chosen: 0.8800 is expected of it on other rows, "
        "0.0200 less. "
    )
