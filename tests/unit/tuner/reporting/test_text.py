from __future__ import annotations

import pytest

from tuner.reporting.text import (
    beside_guess,
    clock,
    describe,
    no_better_than_guess,
    recipe_words,
    size,
    sparkline,
    spent_words,
    stored_recipe_words,
)
from tuner.study.recipe_changes import RecipeChange


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


def test_a_curve_on_a_scale_of_others_stays_within_it_and_marks_what_is_no_number() -> None:
    assert sparkline([0.5, float("nan"), 2.0, -1.0], (0.0, 1.0)) == "▅?█▁"
    assert sparkline([0.0, 0.5, 1.0], (0.0, 1.0), heights="_-#") == "_-#"


def test_hyperparameters_that_a_trial_has_not_are_left_out() -> None:
    assert describe({"learning_rate": 1e-3, "frozen_layers": 0.5}) == "lr 0.001 frozen 0.5"
    assert describe({}) == ""


def test_a_value_stands_beside_the_one_that_guessing_reaches() -> None:
    assert beside_guess("accuracy", 0.81, 0.50333) == "accuracy 0.8100 (guessing the largest class: 0.5033)"
    assert beside_guess("accuracy", 0.81, None) == "accuracy 0.8100"


@pytest.mark.parametrize(
    ("value", "guess", "direction", "said"),
    [
        (0.9, 0.9, "maximize", True),
        (0.8, 0.9, "maximize", True),
        (0.91, 0.9, "maximize", False),
        (0.7, 0.6, "minimize", True),
        (0.5, 0.6, "minimize", False),
        (0.5, None, "maximize", False),
    ],
)
def test_a_search_that_beats_no_guess_is_said_to_be_of_no_use(
    value: float, guess: float | None, direction: str, said: bool
) -> None:
    sentence = no_better_than_guess(value, guess, direction)
    assert (sentence is not None) == said
    if guess is not None and sentence is not None:
        assert sentence.startswith(f"No trial beats guessing the largest class ({guess:.4f}): ")


CHANGES = [
    RecipeChange(name="num_train_epochs", published=5, used=3.0),
    RecipeChange(name="lr_scheduler_type", published="linear", used="cosine"),
]


def test_trial_0_is_the_published_recipe_and_where_the_space_has_changed_it_that_is_said() -> None:
    assert recipe_words([], "bert") == "the published recipe"
    assert recipe_words(CHANGES, "bert") == (
        "the published recipe, changed by your space: epochs 3 (published 5), "
        "lr_scheduler_type cosine (published linear)"
    )


def test_values_that_are_published_for_no_family_are_called_generic() -> None:
    assert recipe_words([], "generic") == "the generic recipe"
    assert recipe_words(CHANGES[:1], "generic") == "the generic recipe, changed by your space: epochs 3 (generic 5)"


def test_the_facts_of_a_study_tell_what_its_trial_0_is() -> None:
    point = {
        "learning_rate": 5e-5,
        "batch_size": 32,
        "num_train_epochs": 2,
        "dropout": 0.1,
        "weight_decay": 0,
        "lr_scheduler_type": "linear",
        "frozen_layers": 0,
    }
    facts = {"family": "bert", "recipe": {**point, "num_train_epochs": 3}}
    assert stored_recipe_words(facts, point) == "the published recipe, changed by your space: epochs 2 (published 3)"
    assert stored_recipe_words({}, None) == "the published recipe"


@pytest.mark.parametrize(
    ("runs", "projected", "text"),
    [
        (3.94, False, "3.9 runs (12m40s of device time)"),
        (3.94, True, "about 3.9 runs (12m40s of device time)"),
        (None, False, "about ? runs (12m40s of device time)"),
    ],
)
def test_a_projected_cost_is_called_so_in_words(runs: float | None, projected: bool, text: str) -> None:
    assert spent_words(runs, 760.0, projected=projected) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1_234_567, "1.23 MB"),
        (4 * 10**9, "4 GB"),
        (10**13, "10,000 GB"),
    ],
)
def test_bytes_are_written_as_people_read_them(count: int, text: str) -> None:
    assert size(count) == text
