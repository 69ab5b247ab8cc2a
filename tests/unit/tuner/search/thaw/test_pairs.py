"""Points that arms have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tuner.search.promotion import ContenderState
from tuner.search.thaw.arms import Arm, ArmTrial, Market
from tuner.search.thaw.market import prospects_of
from tuner.search.thaw.outlook import Outlook
from tuner.search.thaw.pairs import paired

ASKS = ("long", "recipe")
HEAD = Arm(frozen=1.0, cost=0.01, first_rung=100, asks=ASKS)
HALF = Arm(frozen=0.5, cost=0.5, first_rung=64, is_fitted=False, asks=ASKS)
ALL = Arm(frozen=0.0, cost=1.0, first_rung=64, is_fitted=False, asks=ASKS)


def complete(number: int, value: float) -> ArmTrial:
    return ArmTrial(number=number, values={64: value, 100: value}, state=ContenderState.OVER)


def market(*arms: Arm, recipe: float | None = 0.70) -> Market:
    return Market(
        arms=(HEAD, *arms), recipe=recipe, recipe_ask="recipe", perfect=1.0, noise=0.01, budget=4.0, spent=1.5
    )


def expected(arm: Arm, *others: Arm, recipe: float | None = 0.70, top: float = 0.65) -> Outlook | None:
    """Return what the next point of an arm is expected to bring."""
    found = market(arm, *others, recipe=recipe)
    finals = [
        {each.number: Outlook(mean=each.values[100], deviation=0.01) for each in one.trials} for one in found.arms
    ]
    return paired(found, arm, finals, top=top, way=0.25)


def test_a_point_is_expected_to_bring_at_one_depth_what_it_has_brought_at_another_and_more_with_more_layers() -> None:
    tried = replace(HALF, trials=(complete(3, 0.75),))
    found = expected(ALL, tried)
    assert found is not None
    assert 0.76 < found.mean < 0.78
    down = expected(HALF, replace(ALL, trials=(complete(3, 0.75),)))
    assert down is not None
    assert down.mean < 0.75


def test_a_point_that_is_worse_than_the_head_alone_gains_nothing_by_more_layers() -> None:
    found = expected(ALL, replace(HALF, trials=(complete(3, 0.6),)))
    assert found is not None
    assert found.mean == pytest.approx(0.6)


def test_trial_0_tells_of_its_point_at_other_depths() -> None:
    second = replace(HALF, trials=(complete(3, 0.75),))
    found = expected(second)
    assert found is not None
    assert 0.68 < found.mean < 0.70, "half of the layers gain a little less"
    assert expected(second, recipe=None) is None


@pytest.mark.parametrize(
    ("arm", "other"),
    [
        pytest.param({}, {"is_fitted": True}, id="another kind of head"),
        pytest.param({}, {"asks": ("short",)}, id="another point"),
        pytest.param({"asks": ()}, {}, id="a point that is drawn"),
        pytest.param({"frozen": 1.0}, {}, id="the head alone"),
        pytest.param({}, {"frozen": 1.0}, id="of the head alone"),
    ],
)
def test_other_trials_tell_nothing_of_the_next_one(arm: dict[str, Any], other: dict[str, Any]) -> None:
    tried = replace(HALF, **{"trials": (complete(3, 0.75),), **other})
    assert expected(replace(ALL, **arm), tried) is None


def test_the_market_expects_more_of_a_point_that_was_good_elsewhere() -> None:
    good, bad = (
        prospects_of(market(replace(HALF, trials=(complete(3, value),)), ALL))[2].new for value in (0.78, 0.66)
    )
    assert good.mean > bad.mean + 0.05
    assert good.deviation < prospects_of(market(HALF, ALL))[2].new.deviation
