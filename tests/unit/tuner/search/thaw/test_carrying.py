from __future__ import annotations

import math
import random
from statistics import fmean
from typing import Any

import pytest
from thawing import SPACE

from search_spaces import SearchSpace
from tuner.search.thaw.carrying import ANEW, SHIFT, Begun, carried, probability

SEARCHED = SearchSpace(parameters=SPACE)
POINT: dict[str, Any] = {
    "learning_rate": 2e-5,
    "batch_size": 8,
    "num_train_epochs": 3,
    "dropout": 0.1,
    "weight_decay": 0.0,
    "lr_scheduler_type": "cosine",
    "frozen_layers": 0.5,
    "head_init": "fitted",
}


def begun(value: float | None, *, share: float = 0.5, fitted: bool = True, **more: Any) -> Begun:
    point = {**POINT, **{name: more.pop(name) for name in list(more) if name in POINT}}
    return Begun(frozen_share=share, is_fitted=fitted, point=point, value=value, **more)


def draws(trials: list[Begun], count: int = 400, *, share: float = 0.0, fitted: bool = True) -> list[dict[str, Any]]:
    found = [
        carried(SEARCHED, trials, frozen_share=share, is_fitted=fitted, rng=random.Random(seed))
        for seed in range(count)
    ]
    return [each for each in found if each is not None]


def test_the_fewer_trials_an_arm_has_the_more_often_a_point_is_carried_up() -> None:
    found = [probability([begun(None)] * count) for count in (0, 4, 12)]
    assert found == [1.0, 0.5, 0.25]


def test_none_is_carried_any_more_where_those_that_were_do_worse() -> None:
    good, bad = [begun(0.7)] * 3, [begun(0.6, is_carried=True)] * 3
    assert probability(good + bad) == 0.0
    assert probability(good + bad[:2]) > 0.0, "two say little"
    assert probability([begun(0.5)] * 3 + bad) > 0.0


def test_a_point_is_carried_from_the_best_quarter_of_the_next_cheaper_arm() -> None:
    half = [begun(0.5 + 0.01 * n, batch_size=8 if n == 7 else 32) for n in range(4, 8)]
    heads = [begun(0.9, share=1.0, fitted=False, batch_size=16)] * 8
    found = draws(half + heads)
    assert {each["batch_size"] for each in found if "batch_size" in each} == {8}


def test_an_arm_with_the_same_kind_of_head_tells_more_than_one_with_the_other() -> None:
    others = [begun(0.9, fitted=False, batch_size=32)] * 4
    same = [begun(0.5, fitted=True, batch_size=16)] * 4
    assert {each.get("batch_size", 16) for each in draws(others + same, 50)} == {16}


def test_a_rate_is_shifted_by_how_many_more_layers_are_trained() -> None:
    found = [each["learning_rate"] for each in draws([begun(0.7)] * 4) if "learning_rate" in each]
    assert math.exp(fmean(map(math.log, found))) == pytest.approx(2e-5 * SHIFT, rel=0.1)


def test_a_rate_of_the_head_alone_is_not_carried() -> None:
    found = draws([begun(0.7, share=1.0, fitted=False)] * 4, 50)
    assert found
    assert not any("learning_rate" in each for each in found)


def test_some_values_are_left_to_be_drawn_anew() -> None:
    found = draws([begun(0.7)] * 4)
    assert fmean("dropout" not in each for each in found) == pytest.approx(ANEW, abs=0.07)


def test_nothing_is_carried_from_fewer_than_four_values_nor_from_a_deeper_arm() -> None:
    assert draws([begun(0.7)] * 3 + [begun(None)] * 3, 20) == []
    assert draws([begun(0.7)] * 8, 20, share=0.75) == []
