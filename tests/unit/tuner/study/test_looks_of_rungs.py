"""Where the trials of a study with rungs are evaluated, and where each of them may first be put aside."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from shelving import local_study

from search_spaces import Hyperparameters, load_space, recipe_for
from tuner.study.arms import ArmKey
from tuner.study.config import StudyConfig
from tuner.study.looks import LEAST_STEPS, first_rung, looks_of
from tuner.study.prepared import Prepared
from tuner.study.study_file import parse_config
from tuner.trial.length import optimiser_steps_at, total_optimiser_steps

RECIPE = recipe_for("bert", "", 768)
POINT = Hyperparameters.from_values(RECIPE.defaults)
LADDER = (4, 8, 16, 32, 64, 100)


def point(*, steps: int, batch_size: int = 1, **values: Any) -> tuple[Hyperparameters, int]:
    """Return hyperparameters, and the training examples with which a trial has so many optimiser steps."""
    hyperparameters = Hyperparameters.from_values(
        {
            **RECIPE.defaults,
            "batch_size": batch_size,
            "num_train_epochs": 1,
            "lr_scheduler_type": "linear",
            "warmup_ratio": 0.0,
            **values,
        }
    )
    return hyperparameters, steps * batch_size


def looks(
    rows: int, space: dict[str, Any] | None = None, *, over_depths: bool = False, **search: Any
) -> tuple[int, ...]:
    """Return the looks of a study of so many training examples."""
    document = {"name": "s", "model": "m/m", "data": {"source": "d/d"}, "search": {"name": "auto", **search}}
    config = parse_config(document, source="s.yaml", folder=Path())
    built = load_space(space or {}, preset="text-classification", recipe=RECIPE, folder=Path(), source="s")
    prepared = cast(Prepared, SimpleNamespace(sizes={"train": rows}, tokens={"train": 1, "validation": 10**9}))
    return looks_of(config, prepared, RECIPE.defaults, built, over_depths=over_depths)


# ---- a search over depths


def test_a_search_over_depths_looks_late_and_puts_trials_aside_later() -> None:
    assert looks(10**6, over_depths=True) == (16, 32, 64, 100)
    assert looks(10**6, over_depths=True, eta=3) == (18, 54, 100)
    assert looks(10**6, over_depths=True, eta=4) == (32, 100)
    hyperparameters, rows = point(steps=10_000)
    prepared = cast(Prepared, SimpleNamespace(sizes={"train": rows}))
    ranked = replace(local_study(looks=(16, 32, 64, 100)), prepared=prepared)
    assert ranked.first_rung(hyperparameters) == 16
    over_depths = replace(ranked, arms=(ArmKey(frozen_layers=0.0, head_init="random"),))
    assert over_depths.first_rung(hyperparameters) == 64
    assert replace(over_depths, looks=(32, 100)).first_rung(hyperparameters) == 32


# ---- the first rung of a trial


@pytest.mark.parametrize(
    ("steps", "rung"),
    [
        (10_000, 4),
        (476, 4),  # 4 % are 19.04 optimiser steps: the 20th is begun
        (475, 8),
        (250, 8),
        (125, 16),
        (63, 32),
        (30, 64),
        (29, 100),
        (1, 100),
    ],
)
def test_a_trial_is_put_aside_after_20_optimiser_steps_at_the_earliest(steps: int, rung: int) -> None:
    hyperparameters, rows = point(steps=steps)
    assert first_rung(hyperparameters, rows, LADDER) == rung


def test_epochs_and_batches_make_the_length_of_a_trial() -> None:
    short, rows = point(steps=500, batch_size=32)
    assert first_rung(short, rows, LADDER) == 4
    assert first_rung(short, rows - 32 * 25, LADDER) == 8
    assert first_rung(replace(short, num_train_epochs=0.5), rows, LADDER) == 8
    assert first_rung(replace(short, batch_size=64), rows, LADDER) == 8
    assert first_rung(replace(short, batch_size=64, num_train_epochs=2.0), rows, LADDER) == 4


@pytest.mark.parametrize(
    ("ratio", "rung"), [(0.0, 4), (0.04, 4), (0.05, 8), (0.08, 8), (0.1, 16), (0.3, 32), (0.6, 64), (0.7, 100)]
)
def test_a_trial_is_not_put_aside_within_its_warm_up(ratio: float, rung: int) -> None:
    hyperparameters, rows = point(steps=10_000, warmup_ratio=ratio)
    assert first_rung(hyperparameters, rows, LADDER) == rung


def test_a_constant_schedule_has_no_warm_up_though_a_ratio_is_named() -> None:
    hyperparameters, rows = point(steps=10_000, warmup_ratio=0.3, lr_scheduler_type="constant")
    assert first_rung(hyperparameters, rows, LADDER) == 4
    hyperparameters, rows = point(steps=10_000, warmup_ratio=0.3, lr_scheduler_type="constant_with_warmup")
    assert first_rung(hyperparameters, rows, LADDER) == 32


@pytest.mark.parametrize("steps", [1, 19, 20, 30, 100, 499, 500, 1234, 10_000])
@pytest.mark.parametrize("ratio", [0.0, 0.06, 0.1])
def test_a_first_rung_has_steps_and_warm_up_behind_it_and_the_rung_before_has_not(steps: int, ratio: float) -> None:
    hyperparameters, rows = point(steps=steps, warmup_ratio=ratio)
    total = total_optimiser_steps(rows, 1, 1.0)
    least = max(LEAST_STEPS, math.ceil(total * ratio))
    rung = first_rung(hyperparameters, rows, LADDER)
    if rung != 100:
        assert optimiser_steps_at(rung, total) >= least
    before = [look for look in LADDER if look < rung]
    assert all(optimiser_steps_at(look, total) < least for look in before)


def test_a_study_of_ones_own_training_has_its_first_rung_for_all_trials() -> None:
    assert local_study().first_rung(POINT) == 4
    assert local_study(search={"name": "auto", "eta": 3}, looks=(6, 18, 54, 100)).first_rung(POINT) == 6


def test_a_study_without_rungs_puts_no_trial_aside() -> None:
    assert local_study(search="plain").first_rung(POINT) == 100


# ---- the looks of a study

#: One length for all trials, without a warm-up.
EVEN = {"batch_size": 1, "num_train_epochs": 1, "lr_scheduler_type": "linear", "warmup_ratio": 0.0}


def test_training_of_ones_own_is_evaluated_at_the_rungs() -> None:
    for eta, expected in ((2, LADDER), (3, (6, 18, 54, 100)), (4, (8, 32, 100))):
        document = {"name": "s", "train": "own:train", "metric": "score", "search": {"name": "auto", "eta": eta}}
        config = StudyConfig.model_validate(document, context={"own_training": True})
        space = load_space({}, preset="text-classification", recipe=RECIPE, folder=Path(), source="s")
        assert looks_of(config, None, RECIPE.defaults, space) == expected


def test_all_trials_are_evaluated_at_one_or_two_percent_where_these_say_something_of_each_of_them() -> None:
    assert looks(2000, EVEN) == (1, 2, *LADDER)
    assert looks(1900, EVEN) == (2, *LADDER), "1 % of 1,900 are 19 optimiser steps"
    assert looks(10_000, {**EVEN, "warmup_ratio": 0.02}) == (2, *LADDER), "1 % is within the warm-up"
    assert looks(2000, EVEN, eta=3) == (2, 6, 18, 54, 100)
    assert looks(1000, EVEN) == (2, *LADDER)
    assert looks(950, EVEN) == LADDER, "2 % of 950 are 19 optimiser steps"
    assert looks(1000, {**EVEN, "batch_size": [1, 2]}) == LADDER, "one corner of the space is too short"
    assert looks(2000, {**EVEN, "batch_size": [1, 2]}) == (2, *LADDER)
    assert looks(100_000, {**EVEN, "warmup_ratio": {"low": 0.0, "high": 0.1}}) == LADDER


def test_rungs_are_eta_times_apart() -> None:
    assert looks(1000, EVEN, eta=3) == (2, 6, 18, 54, 100)
    assert looks(900, EVEN, eta=4) == (8, 32, 100)


def test_what_an_evaluation_costs_does_not_change_the_rungs() -> None:
    assert looks(500, EVEN) == LADDER, "the validation split of these tests is huge"
