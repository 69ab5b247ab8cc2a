"""The length of a trial in optimiser steps."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from search_spaces import Hyperparameters, recipe_for
from tuner.trial.length import optimiser_steps_at, warmup_optimiser_steps

POINT = Hyperparameters.from_values(recipe_for("bert", "", 768).defaults)


@given(ratio=st.floats(0, 1), total=st.integers(1, 10_000))
def test_the_warm_up_is_never_longer_than_the_trial(ratio: float, total: int) -> None:
    steps = warmup_optimiser_steps(replace(POINT, warmup_ratio=ratio), total)
    assert 0 <= steps <= total
    assert (steps > 0) == (ratio > 0)


def test_a_constant_schedule_has_no_warm_up() -> None:
    point = replace(POINT, warmup_ratio=0.5)
    assert warmup_optimiser_steps(replace(point, lr_scheduler_type="constant"), 10) == 0
    assert warmup_optimiser_steps(replace(point, lr_scheduler_type="constant_with_warmup"), 10) == 5


@given(percent=st.integers(1, 100), total=st.integers(1, 10_000))
def test_a_percent_ends_with_the_first_step_that_has_gone_through_it(percent: int, total: int) -> None:
    steps = optimiser_steps_at(percent, total)
    assert (steps - 1) * 100 < total * percent <= steps * 100
