"""Leaders, their seeds, and when their order is settled."""

from __future__ import annotations

from typing import Any

import pytest

from storage import Checkpoints, TrialRecord, TrialState
from tuner.study.confirmation import Plan, Standing, leaders_of, shrunk_by_depth


def trial(number: int, value: float | None, *, frozen: float = 0.0, **more: Any) -> TrialRecord:
    values: dict[str, Any] = {
        "state": TrialState.COMPLETE,
        "reason": None,
        "hyperparameters": {"frozen_layers": frozen},
        "steps": (),
        "device_s": 1.0,
        "restarts": 0,
        "checkpoints": Checkpoints(),
        "effective": None,
        "evaluations": (),
        "started": None,
        "ended": None,
        **more,
    }
    return TrialRecord(number=number, value=value, **values)


PLAN = Plan(parent="s", leaders=(7, 4, 0), seeds=3)


def test_the_first_seed_trains_all_leaders_first_and_none_is_the_studys() -> None:
    assert [PLAN.leader_of(number) for number in range(6)] == [7, 4, 0, 7, 4, 0]
    assert [PLAN.seed_of(number, 5) for number in range(6)] == [6, 6, 6, 7, 7, 7]
    assert Plan.parse(PLAN.to_facts()) == PLAN
    assert Plan.parse({}) is None


def test_values_are_drawn_towards_the_mean_of_their_depth_as_far_as_noise_explains_them() -> None:
    shrunk = shrunk_by_depth({1: (0.0, 0.80), 2: (0.0, 0.84), 3: (1.0, 0.60), 4: (1.0, 0.90)}, noise=0.03)
    assert shrunk[1] == shrunk[2] == pytest.approx(0.82), "noise explains all of it"
    assert 0.60 < shrunk[3] < 0.62
    assert 0.88 < shrunk[4] < 0.90
    assert shrunk_by_depth({1: (0.0, 0.8)}, noise=0.03) == {1: 0.8}


def test_leaders_are_the_best_at_most_two_of_a_depth_and_trial_0_comes_last() -> None:
    trials = [
        trial(0, 0.70),
        *(trial(number, 0.80 + number / 100) for number in (1, 2, 3)),
        trial(4, 0.79, frozen=0.5),
        trial(5, 0.90, reason="twin: as trial 3, which has the same values"),
        trial(6, 0.95, state=TrialState.PRUNED),
        trial(7, None, state=TrialState.FAILED),
    ]
    assert leaders_of(trials, direction="maximize", noise=0.0, top=3) == (3, 2, 4, 0)
    assert leaders_of(trials, direction="minimize", noise=0.0, top=1) == (4, 0)
    # Noise explains the differences at the first depth: each is worth their mean.
    assert leaders_of(trials[1:], direction="maximize", noise=0.5, top=3) == (3, 2, 4)


def confirmed(*values: tuple[int, float | None]) -> list[TrialRecord]:
    found = []
    for number, (leader, value) in enumerate(values):
        assert PLAN.leader_of(number) == leader
        state = TrialState.FAILED if value is None else TrialState.COMPLETE
        found.append(trial(number, value, state=state))
    return found


def test_the_order_is_settled_once_the_first_is_ahead_by_more_than_seeds_explain() -> None:
    once = confirmed((7, 0.80), (4, 0.70), (0, 0.60))
    standing = Standing.of(PLAN, once, "maximize")
    assert standing is not None
    assert [each.trial for each in standing.leaders] == [7, 4, 0]
    assert not standing.is_settled
    assert standing.leaders[0].interval is None
    assert Standing.of(PLAN, once[:2], "maximize") is None
    twice = Standing.of(PLAN, confirmed((7, 0.80), (4, 0.70), (0, 0.60), (7, 0.81), (4, 0.69), (0, 0.60)), "maximize")
    assert twice is not None
    assert twice.is_settled
    assert twice.leaders[0].interval is not None
    assert twice.leaders[0].interval[0] < 0.805 < twice.leaders[0].interval[1]
    near = Standing.of(PLAN, confirmed((7, 0.80), (4, 0.78), (0, 0.60), (7, 0.76), (4, 0.79), (0, 0.61)), "maximize")
    assert near is not None
    assert (near.leaders[0].trial, near.is_settled) == (4, False)
    loss = Standing.of(PLAN, once, "minimize")
    assert loss is not None
    assert loss.leaders[0].trial == 0


def test_a_leader_that_fails_with_every_seed_is_left_out_and_named() -> None:
    standing = Standing.of(
        PLAN, confirmed((7, 0.80), (4, None), (0, 0.60), (7, 0.81), (4, None), (0, 0.61)), "maximize"
    )
    assert standing is not None
    assert [each.trial for each in standing.leaders] == [7, 0]
    assert standing.failed == (4,)


def test_trials_beyond_the_plan_are_nobodys() -> None:
    more = [trial(9, 0.99), trial(10, 0.99)]
    values = confirmed((7, 0.80), (4, 0.70), (0, 0.60))
    assert Standing.of(PLAN, [*values, *more], "maximize") == Standing.of(PLAN, values, "maximize")
