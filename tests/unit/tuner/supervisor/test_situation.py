from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from attempts import SLOT
from shelving import LOOKS, local_study

from storage import DeviceTime, SlotState, Standing
from tuner.search.promotion import ContenderState
from tuner.search.thaw.costs import LEAST
from tuner.search.thaw.first_asks import ArmDraws
from tuner.search.thaw.market import decide
from tuner.study.arms import ArmKey, nearest_arm
from tuner.study.full_runs import Prices
from tuner.study.local import LocalStudy
from tuner.supervisor.situation import Situation

HEAD = ArmKey(frozen_layers=1.0, head_init="random")
HALF = ArmKey(frozen_layers=0.5, head_init="fitted")
ALL = ArmKey(frozen_layers=0.0, head_init="random")
PREPARED = SimpleNamespace(
    sizes={"train": 6400, "validation": 400}, anatomy=SimpleNamespace(count=6, trunk=SimpleNamespace(complaint=None))
)


def study(**values: Any) -> LocalStudy:
    """Return a study with three arms. It is one of a user's own training, which no part of this asks."""
    return replace(local_study(**values), arms=(HEAD, HALF, ALL), prepared=cast(Any, PREPARED))


def standing(
    number: int | None, arm: ArmKey | None, state: SlotState, values: dict[int, float] | None = None, **slot: Any
) -> Standing:
    place = slot.pop("slot", number)
    begun = {"trial_id": None if number is None else 100 + number, "trial_number": number}
    changes = {"slot": place, "state": state, "arm": None if arm is None else arm.name, "held": True, **begun, **slot}
    return Standing(slot=replace(SLOT, **changes), values=values or {})


FIRST = standing(0, ALL, SlotState.FINISHED, {4: 0.2, 16: 0.4, 100: 0.7}, first_rung=4, target=100)


def situation(
    *standings: Standing,
    local: LocalStudy | None = None,
    seconds: float = 10.0,
    warm: Sequence[Mapping[str, Any]] = (),
    **more: Any,
) -> Situation:
    """Return a situation in which trial 0 took 100 s, and each other trial so many."""
    local = local or study(budget={"runs": 4})
    times = [
        DeviceTime(trial=each.slot.trial_number, kind="cpu", device_s=100.0 if each.slot.trial_number == 0 else seconds)
        for each in standings
        if each.slot.trial_number is not None
    ]
    return Situation(
        local_study=local,
        draws=ArmDraws(space=local.space, recipe=local.recipe.defaults, arms=local.arms, warm=warm),
        config=local.config,
        standings=standings,
        times=times,
        prices=Prices(by_kind={"cpu": 100.0}),
        lanes=1,
        **more,
    )


def test_trials_are_told_by_arm_and_trial_0_is_in_none() -> None:
    head = standing(1, HEAD, SlotState.FINISHED, {4: 0.3, 100: 0.5}, target=100)
    aside = standing(2, HALF, SlotState.SHELVED, {8: 0.6}, first_rung=8, target=8)
    market = situation(FIRST, head, aside).market
    assert [[trial.number for trial in arm.trials] for arm in market.arms] == [[1], [2], []]
    assert [arm.first_rung for arm in market.arms] == [100, 8, 64]
    assert (market.recipe, market.recipe_rise) == (0.7, pytest.approx(0.5))
    assert [arm.is_fitted for arm in market.arms] == [True, True, False]


@pytest.mark.parametrize(
    ("state", "values", "target", "expected"),
    [
        (SlotState.RUNNING, {}, 8, ContenderState.TRAINING),
        (SlotState.RUNNING, {4: 0.5}, 8, ContenderState.TRAINING),
        (SlotState.RUNNING, {8: 0.5}, 8, ContenderState.SHELVED),
        (SlotState.RUNNING, {100: 0.5}, 100, ContenderState.TRAINING),
        (SlotState.SHELVED, {8: 0.5}, 8, ContenderState.SHELVED),
        (SlotState.INTERRUPTED, {4: 0.5}, 8, ContenderState.TRAINING),
        (SlotState.FINISHED, {8: 0.5}, 8, ContenderState.OVER),
    ],
)
def test_a_trial_at_its_rung_waits_for_a_decision_and_any_other_trains(
    state: SlotState, values: dict[int, float], target: int, expected: ContenderState
) -> None:
    (trial,) = situation(FIRST, standing(1, HALF, state, values, target=target)).market.arms[1].trials
    assert trial.state is expected


def test_a_trial_that_ended_before_its_first_value_is_worth_as_little_as_the_worst() -> None:
    lost = standing(1, HALF, SlotState.FINISHED, {}, first_rung=4, target=4)
    odd = standing(2, HALF, SlotState.SHELVED, {4: float("nan")}, target=4)
    market = situation(FIRST, lost, odd).market
    assert [dict(trial.values) for trial in market.arms[1].trials] == [{4: 0.2}, {4: 0.2}]


def test_a_trial_without_a_value_says_nothing_while_no_other_has_one() -> None:
    nothing = standing(0, ALL, SlotState.FINISHED, {}, target=100)
    market = situation(nothing, standing(1, HALF, SlotState.FINISHED, {}, target=4)).market
    assert [dict(trial.values) for trial in market.arms[1].trials] == [{}]
    assert market.recipe is None


def test_a_trial_that_failed_at_once_does_not_make_its_arm_look_cheap() -> None:
    failed = [standing(n, HALF, SlotState.FINISHED, {}, first_rung=4, target=4) for n in range(1, 9)]
    assert situation(FIRST, *failed, seconds=0.0).market.arms[1].cost > 0.5, (
        "half of the layers, for longer than trial 0"
    )


def test_what_a_trial_has_cost_tells_what_it_costs_to_its_end() -> None:
    aside = standing(1, HALF, SlotState.SHELVED, {16: 0.5, 64: 0.6}, first_rung=64, target=64)
    assert situation(FIRST, aside, seconds=32.0).market.arms[1].trials[0].cost == pytest.approx(0.5)
    free = situation(FIRST, aside, seconds=0.0).market
    assert free.arms[1].trials[0].cost == LEAST
    assert decide(free).bargain is not None


def test_a_trial_that_trains_is_priced_by_its_own_length_and_not_by_its_time_since_its_last_value() -> None:
    before = situation(FIRST).market.arms[1].cost
    begun = standing(1, HALF, SlotState.RUNNING, {}, first_rung=64, target=64)
    found = situation(FIRST, begun, seconds=1.0).market
    assert found.spent == pytest.approx(1 + 0.64 * before)
    others = [standing(n, HALF, SlotState.RUNNING, {}, first_rung=64, target=64) for n in (1, 2, 3)]
    third = situation(FIRST, *others, seconds=1.0).market
    assert third.spent == pytest.approx(1 + 0.64 * 2.5 * before), "the third one is half as long as those before it"
    late = replace(begun, values={16: 0.5})
    assert situation(FIRST, late, seconds=31.0).market.spent == pytest.approx(1 + 0.64 * before)
    assert situation(FIRST, late, seconds=31.0).market.arms[1].trials[0].values == {}, "it says nothing before its rung"


def test_a_point_of_an_earlier_study_is_priced_by_its_own_length() -> None:
    short = {**HALF.fixed(study().space), "num_train_epochs": 1}
    aside = standing(1, HALF, SlotState.FINISHED, {100: 0.5}, first_rung=64, target=100)
    with_it, without = (situation(FIRST, aside, seconds=60.0, warm=warm).market.arms[1] for warm in ([short], ()))
    assert with_it.cost < without.cost


def test_values_of_a_metric_that_is_minimised_are_turned_round() -> None:
    local = study(budget={"runs": 4}, metric="loss")
    market = situation(FIRST, standing(1, HEAD, SlotState.FINISHED, {100: 0.5}), local=local).market
    assert (market.recipe, market.perfect) == (-0.2, 0.0)
    assert market.arms[0].trials[0].values == {100: -0.5}


def test_what_is_spent_includes_what_running_trials_may_still_spend() -> None:
    running = standing(1, HALF, SlotState.RUNNING, {}, target=32)
    found = situation(FIRST, running)
    assert found.spent == pytest.approx(1.1)
    cost = found.market.arms[1].trials[0].cost
    assert cost is not None
    assert found.market.spent == pytest.approx(1.0 + max(0.1, 0.32 * cost))
    waiting = situation(standing(0, ALL, SlotState.RUNNING, {}, target=100), seconds=1.0)
    assert waiting.market.spent >= 1.0, "trial 0 is let train to its end"


def test_trials_of_an_arm_that_an_edit_has_removed_are_no_bargain_and_have_cost_what_they_have() -> None:
    begun = [standing(1, HALF, SlotState.SHELVED, {4: 0.3}), standing(2, ALL, SlotState.SHELVED, {4: 0.3})]
    local = study(budget={"runs": 4})
    market = situation(FIRST, *begun, local=replace(local, arms=(HEAD, ALL))).market
    assert [len(arm.trials) for arm in market.arms] == [0, 1]
    assert market.spent == pytest.approx(1.2)


def test_costs_are_planned_at_first_and_then_measured() -> None:
    heads = [standing(n, HEAD, SlotState.FINISHED, {100: 0.5}, target=100) for n in range(1, 9)]
    planned, measured = situation(FIRST).market, situation(FIRST, *heads, seconds=4.0).market
    assert planned.arms[0].cost < planned.arms[1].cost < planned.arms[2].cost
    # The first ones are the longest that the space allows, six epochs; the mean of the others is three and a half.
    assert measured.arms[0].cost == pytest.approx(0.034, abs=0.002)


def test_a_number_of_trials_leaves_so_many_places_each_at_a_price() -> None:
    local = study(budget={"trials": 9})
    left = [standing(None, None, SlotState.EMPTY, slot=n) for n in range(2, 9)]
    begun = standing(1, HEAD, SlotState.RUNNING, {}, target=100)
    market = situation(FIRST, begun, *left, local=local).market
    assert (market.slots, market.is_bound, market.stops) == (7, False, False)
    assert market.slot_price == pytest.approx(market.budget / 9)
    assert situation(FIRST).market.slots is None


def test_slots_that_wait_are_those_that_a_worker_may_claim() -> None:
    planned = standing(None, HALF, SlotState.EMPTY, slot=1)
    unplanned = standing(None, None, SlotState.EMPTY, slot=2)
    dead = standing(3, HALF, SlotState.RUNNING, {}, held=False)
    put_aside = standing(4, HALF, SlotState.SHELVED, {4: 0.5})
    found = situation(FIRST, planned, unplanned, dead, put_aside)
    assert (found.waiting, found.unsettled, len(found.shelved)) == (2, 2, 1)
    assert situation(FIRST, unplanned, put_aside).unsettled == 0


def test_a_trial_goes_on_to_the_next_look_that_is_not_before_its_first_rung() -> None:
    found = situation(FIRST, standing(1, HALF, SlotState.SHELVED, {4: 0.5, 8: 0.5}, first_rung=8, target=8))
    assert found.next_target(found.standing(1)) == 16
    early = standing(2, HALF, SlotState.SHELVED, {4: 0.5}, first_rung=32, target=4)
    assert found.next_target(early) == 32
    assert found.local_study.looks == LOOKS


def test_a_point_of_no_arm_counts_to_the_nearest_one() -> None:
    arms = (HEAD, HALF, ALL)
    assert nearest_arm(arms, HALF) == HALF
    assert nearest_arm(arms, ArmKey(frozen_layers=0.9, head_init="fitted")) is HEAD
    assert nearest_arm(arms, ArmKey(frozen_layers=0.0, head_init="fitted")) is ALL
