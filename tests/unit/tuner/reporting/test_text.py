from __future__ import annotations

import pytest

from tuner.reporting.text import beside_guess, changes, clock, describe, no_better_than_guess, size, sparkline


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


def test_changed_hyperparameters_are_shown_beside_the_published_ones() -> None:
    published = {"learning_rate": 5e-5, "num_train_epochs": 5, "lr_scheduler_type": "linear"}
    changed = {"learning_rate": 5e-5, "num_train_epochs": 3.0, "lr_scheduler_type": "cosine"}
    assert changes(changed, published) == "epochs 3 (published 5), lr_scheduler_type cosine (published linear)"
    assert changes(published, published) == ""


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
