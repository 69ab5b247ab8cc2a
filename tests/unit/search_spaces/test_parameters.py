from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import Categorical, Float, Int, InvalidParameter, Parameter, Value
from search_spaces.parameters import is_number

numbers = st.floats(min_value=1e-9, max_value=1e9, allow_nan=False)


@st.composite
def floats(draw: st.DrawFn) -> Float:
    low, high = sorted((draw(numbers), draw(numbers)))
    return Float(low=low, high=high, log=draw(st.booleans()))


@st.composite
def ints(draw: st.DrawFn) -> Int:
    low, steps = draw(st.integers(1, 100)), draw(st.integers(0, 20))
    if draw(st.booleans()):
        return Int(low=low, high=low + steps, log=True)
    step = draw(st.integers(1, 7))
    return Int(low=low, high=low + steps * step, step=step)


words = st.sampled_from(["linear", "cosine", "gradual"])
categoricals = st.lists(st.one_of(numbers, words), min_size=1, max_size=5, unique=True).map(
    lambda choices: Categorical(choices=tuple(choices))
)
parameters = st.one_of(floats(), ints(), categoricals)
values = st.one_of(words, st.floats(allow_nan=False), st.integers(-(10**6), 10**6))


def distance(one: float, other: float) -> float:
    return abs(one - other)


@given(parameters, values)
def test_a_clipped_value_can_be_drawn(parameter: Parameter, value: Value) -> None:
    assert parameter.contains(parameter.clip(value))


@given(parameters, values)
def test_a_value_that_can_be_drawn_is_left_as_it_is(parameter: Parameter, value: Value) -> None:
    if parameter.contains(value):
        assert parameter.clip(value) == value
    clipped = parameter.clip(value)
    assert parameter.clip(clipped) == clipped


@given(st.one_of(floats(), ints()), st.floats(min_value=-1e6, max_value=1e6), st.floats(0, 1))
def test_no_value_that_can_be_drawn_is_nearer_than_the_clipped_one(
    parameter: Float | Int, value: float, share: float
) -> None:
    nearest = parameter.clip(value)
    other = parameter.clip(parameter.low + share * (parameter.high - parameter.low))
    assert distance(nearest, value) <= distance(other, value) or math.isclose(
        distance(nearest, value), distance(other, value)
    )


@given(parameters, st.integers(0, 2**31))
def test_what_optuna_draws_is_contained(parameter: Parameter, seed: int) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    value = parameter.suggest(trial, "x")
    assert parameter.contains(value)
    assert trial.params == {"x": value}


@given(parameters)
def test_the_extremes_can_be_drawn_and_none_stands_twice(parameter: Parameter) -> None:
    extremes = parameter.extremes()
    assert all(parameter.contains(value) for value in extremes)
    assert len(set(extremes)) == len(extremes) >= 1


def test_the_extremes_are_both_ends_or_every_choice() -> None:
    assert Float(low=1, high=2).extremes() == (1.0, 2.0)
    assert Float(low=2, high=2).extremes() == (2.0,)
    assert Int(low=1, high=7, step=3).extremes() == (1, 7)
    assert Int(low=1, high=1).extremes() == (1,)
    assert Categorical(choices=("a", 1, 2.5)).extremes() == ("a", 1, 2.5)


def test_the_draws_are_uniform_in_the_logarithm_only_where_that_is_asked_for() -> None:
    def median(parameter: Float) -> float:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        drawn = sorted(parameter.suggest(study.ask(), "x") for _ in range(101))
        return drawn[50]

    assert median(Float(low=1e-6, high=1.0, log=True)) < 0.05
    assert median(Float(low=1e-6, high=1.0)) > 0.2


def test_an_int_takes_its_steps_from_its_low_end() -> None:
    parameter = Int(low=3, high=11, step=4)
    assert [value for value in range(15) if parameter.contains(value)] == [3, 7, 11]
    assert [parameter.clip(value) for value in (-5, 4, 5.1, 8.9, 99, "word")] == [3, 3, 7, 7, 11, 3]
    assert not parameter.contains(7.5)


def test_a_categorical_clips_to_the_nearest_number_or_its_first_choice() -> None:
    parameter = Categorical(choices=(0.0, 0.5, "gradual", 1.0))
    assert [parameter.clip(value) for value in (0.2, 0.8, -3, 9, "gradual", "cosine")] == [
        0.0,
        1.0,
        0.0,
        1.0,
        "gradual",
        0.0,
    ]
    assert Categorical(choices=("linear", "cosine")).clip(3) == "linear"
    assert isinstance(Categorical(choices=(8, 16)).clip(16.0), int)


def test_the_ends_of_a_float_are_floats_however_they_were_written() -> None:
    assert Float(low=0, high=1) == Float(low=0.0, high=1.0)
    assert Float(low=0, high=1).to_dict() == {"type": "float", "low": 0.0, "high": 1.0}
    assert isinstance(Float(low=0, high=1).low, float)


@pytest.mark.parametrize(
    ("parameter", "arguments", "reason"),
    [
        (Float, {"low": 2, "high": 1}, "low 2 is above high 1; swap them"),
        (Float, {"low": 0, "high": 1, "log": True}, "low is 0, but a log scale needs a low above 0"),
        (Float, {"low": -1e-9, "high": 1, "log": True}, "a log scale needs a low above 0"),
        (Float, {"low": "1", "high": 2}, "low is '1'; give a number"),
        (Float, {"low": None, "high": 2}, "low is None; give a number"),
        (Float, {"low": True, "high": 2}, "low is True; give a number"),
        (Float, {"low": 0, "high": math.inf}, "high is inf; give a number"),
        (Float, {"low": math.nan, "high": 1}, "low is nan; give a number"),
        (Float, {"low": 0, "high": 10**400}, "give a number"),
        (Int, {"low": 2, "high": 1}, "low 2 is above high 1; swap them"),
        (Int, {"low": 0, "high": 4, "log": True}, "a log scale needs a low above 0"),
        (Int, {"low": 1.0, "high": 2}, "low is 1.0; an int parameter needs whole numbers"),
        (Int, {"low": 1, "high": 2.5}, "high is 2.5; an int parameter needs whole numbers"),
        (Int, {"low": 1, "high": 2, "step": "1"}, "step is '1'; an int parameter needs whole numbers"),
        (Int, {"low": 1, "high": 2, "step": True}, "step is True; an int parameter needs whole numbers"),
        (Int, {"low": 1, "high": 2, "step": 0}, "step is 0; it must be at least 1"),
        (Int, {"low": 1, "high": 2, "step": -1}, "step is -1; it must be at least 1"),
        (Int, {"low": 1, "high": 5, "step": 2, "log": True}, "step and log do not go together; drop one"),
        (Int, {"low": 1, "high": 6, "step": 2}, "1 to 6 is not a whole number of steps of 2"),
        (Categorical, {"choices": ()}, "choices is empty; give at least one value"),
        (Categorical, {"choices": (1, 2, 1)}, "a choice stands twice in [1, 2, 1]"),
        (Categorical, {"choices": (1, 1.0)}, "a choice stands twice in [1, 1.0]"),
        (Categorical, {"choices": (1, None)}, "choice None is no finite number and no word"),
        (Categorical, {"choices": (True,)}, "choice True is no finite number and no word"),
        (Categorical, {"choices": (math.nan,)}, "choice nan is no finite number and no word"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused_when_it_is_made(
    parameter: Any, arguments: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        parameter(**arguments)
    assert reason in str(caught.value)


@pytest.mark.parametrize("value", [10**400, -(10**400), True, "1", None, math.nan, math.inf, 1j])
def test_what_no_float_can_hold_is_no_number(value: object) -> None:
    assert not is_number(value)


def test_a_parameter_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Float(low=1, high=2).low = 3  # type: ignore[misc]
