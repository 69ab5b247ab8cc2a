"""The cost of a study in full runs: a sum over trials and kinds of device, priced by trial 0."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import load_space, recipe_for
from storage import Checkpoints, StudyRecord, StudyState, TrialRecord, TrialState
from tuner.study.full_runs import Spent, WorkUnits, device_kind_of, spent_at_one_price, spent_by
from tuner.trial.looks import TRAINED_LAYER_COST

BUILT_IN, OWN = WorkUnits(is_own=False), WorkUnits(is_own=True)
H200, CPU = "NVIDIA H200", "cpu"
#: Optimiser steps of every trial here.
STEPS = 40


def trial(
    number: int = 0,
    state: TrialState = TrialState.COMPLETE,
    *,
    seconds: float = 100.0,
    percent: int = 100,
    device: str | None = CPU,
    **effective: Any,
) -> TrialRecord:
    """Return a trial of a built-in task, last evaluated after some percent of its schedule; 0 is before the first."""
    recorded = {"device_name": device, "batch_size": 32, "layers": 6, "frozen_layers": 0, "optimiser_steps": STEPS}
    last = {"step": percent, "optimiser_steps": STEPS * percent // 100}
    return TrialRecord(
        number=number,
        state=state,
        value=0.5,
        reason=None,
        hyperparameters={},
        steps=(),
        device_s=seconds,
        restarts=0,
        checkpoints=Checkpoints(),
        effective=None if device is None else {**recorded, **effective},
        evaluations=({"step": 1, "optimiser_steps": 1}, last) if percent else (),
        started=None,
        ended=None,
    )


def spent(*trials: TrialRecord, units: WorkUnits = BUILT_IN) -> Spent:
    return spent_by(trials, units)


# ---- one kind of device


def test_a_study_of_trial_0_alone_has_spent_one_run() -> None:
    assert spent(trial()) == Spent(runs=1.0, device_s=100.0, is_projected=False)
    assert spent(trial(device=None), units=OWN) == Spent(runs=1.0, device_s=100.0), "training that records nothing"


def test_a_study_that_has_not_begun_has_spent_nothing() -> None:
    assert spent() == Spent(runs=0.0, device_s=0.0)


def test_every_trial_is_counted_however_it_ended() -> None:
    others = [trial(number, state, seconds=50.0, percent=20) for number, state in enumerate(TrialState, start=1)]
    assert spent(trial(), *others).runs == pytest.approx(1 + 0.5 * len(others))


@given(st.lists(st.floats(0.1, 1e5), min_size=1, max_size=8))
def test_runs_are_device_time_in_units_of_trial_0(seconds: list[float]) -> None:
    found = spent(*(trial(number, seconds=took) for number, took in enumerate(seconds)))
    assert found.runs == pytest.approx(sum(seconds) / seconds[0])
    assert found.device_s == pytest.approx(sum(seconds))
    assert not found.is_projected


@pytest.mark.parametrize("state", [TrialState.RUNNING, TrialState.INTERRUPTED, TrialState.PAUSED])
def test_while_trial_0_runs_its_own_progress_tells_its_price(state: TrialState) -> None:
    found = spent(trial(state=state, seconds=30.0, percent=20), trial(1, seconds=75.0))
    assert found == Spent(runs=pytest.approx((30 + 75) / 150), device_s=105.0, is_projected=True)


def test_trial_0_that_was_stopped_early_is_shorter_than_a_full_run() -> None:
    """Version 0.1 did so."""
    found = spent(trial(seconds=60.0, percent=60))
    assert found == Spent(runs=pytest.approx(0.6), device_s=60.0, is_projected=True)


def test_nothing_tells_the_price_before_the_first_evaluation() -> None:
    found = spent(trial(state=TrialState.RUNNING, percent=0))
    assert found == Spent(runs=None, device_s=100.0)
    assert found.to_dict() == {"runs": None, "device_s": 100.0, "projected": False}


# ---- prices that are projected from the work of other trials


@pytest.mark.parametrize("state", [TrialState.FAILED, TrialState.PRUNED])
def test_trial_0_that_has_ended_before_its_time_is_priced_by_the_speed_of_the_others(state: TrialState) -> None:
    # Trial 1 does the same work as trial 0 would, in 80 s; trial 2 half of it in 40 s.
    others = [trial(1, seconds=80.0), trial(2, seconds=40.0, percent=50, state=TrialState.PRUNED)]
    found = spent(trial(state=state, seconds=10.0, percent=0), *others)
    assert found == Spent(runs=pytest.approx(130 / 80), device_s=130.0, is_projected=True)


def test_what_trial_0_has_done_before_it_failed_tells_the_speed_too() -> None:
    found = spent(trial(state=TrialState.FAILED, seconds=50.0, percent=50))
    assert found == Spent(runs=pytest.approx(0.5), device_s=50.0, is_projected=True)


@pytest.mark.parametrize(
    ("effective", "share"),
    [
        ({"frozen_layers": 3}, 0.5),
        ({"frozen_layers": 6}, 0.0),
        ({"layers": 0}, 1.0),
        ({"thawing": {"0": 6, "30": 0}}, 0.25),
        ({"thawing": {"0": 6, "10": 3, "20": 0}}, 0.625),
    ],
)
def test_a_frozen_layer_costs_a_forward_pass_and_a_trained_one_four(effective: dict[str, Any], share: float) -> None:
    found = spent(trial(state=TrialState.FAILED, seconds=0.0, percent=0), trial(1, seconds=60.0, **effective))
    assert TRAINED_LAYER_COST == 4.0
    assert found.runs == pytest.approx((1 + 3 * share) / 4)


def test_the_work_of_a_trial_grows_with_its_batches() -> None:
    failed = trial(state=TrialState.FAILED, seconds=0.0, percent=0)
    assert spent(failed, trial(1, seconds=60.0, batch_size=64)).runs == pytest.approx(2.0)


def test_a_trial_that_has_recorded_nothing_to_measure_it_by_tells_no_speed() -> None:
    failed = trial(state=TrialState.FAILED, seconds=1.0, percent=0)
    for odd in ({"batch_size": "32"}, {"layers": None}, {"frozen_layers": "all"}, {"thawing": [1]}):
        assert spent(failed, trial(1, **odd)).runs is None, odd
    assert spent(failed, trial(1), units=WorkUnits(is_own=False)).runs is not None


def study(**facts: Any) -> StudyRecord:
    recipe = recipe_for("bert", "MiniLM", 384)
    space = load_space({"num_train_epochs": 2}, preset="text-classification", recipe=recipe, folder=None)  # type: ignore[arg-type]
    known = {"recipe": recipe.defaults, "space": space.to_dict(), "sizes": {"train": 640, "validation": 300}}
    return StudyRecord(
        id=1, name="s", config={"train": None}, facts={**known, **facts}, state=StudyState.OPEN, wall_s=0.0
    )


def test_the_work_of_trial_0_is_known_before_it_has_recorded_any() -> None:
    units = WorkUnits.of(study())
    # 640 examples, 2 epochs, all layers trained.
    assert units.of_a_full_run(None) == pytest.approx(640 * 2 * 4)
    done = units.done(trial(1))
    assert done == pytest.approx(STEPS * 32 * 4)
    waiting = trial(state=TrialState.RUNNING, device=None, seconds=0.0, percent=0)
    assert spent(waiting, trial(1), units=units).runs == pytest.approx(1.0)
    assert WorkUnits.of(study(sizes=None)).of_a_full_run(None) is None


def test_of_training_of_the_users_own_only_the_optimiser_steps_are_known() -> None:
    failed = trial(state=TrialState.FAILED, seconds=10.0, percent=10, device=None)
    other = trial(1, seconds=50.0, device=None)
    # 44 of 40 optimiser steps in 60 s.
    assert spent(failed, other, units=OWN).runs == pytest.approx(1.1)
    assert spent(trial(state=TrialState.FAILED, percent=0, device=None), other, units=OWN).runs is None
    own = StudyRecord(id=1, name="s", config={"train": "a:b"}, facts={}, state=StudyState.OPEN, wall_s=0.0)
    assert WorkUnits.of(own) == OWN


# ---- several kinds of device


def test_a_kind_of_device_without_trial_0_is_priced_by_its_own_trials() -> None:
    # On the H200 the work of trial 0 takes 10 s.
    found = spent(trial(), trial(1, seconds=10.0, device=H200), trial(2, seconds=5.0, percent=50, device=H200))
    assert found == Spent(runs=pytest.approx(1 + 1.5), device_s=115.0, is_projected=True)


@given(
    st.lists(st.tuples(st.sampled_from([CPU, H200, "NVIDIA A2"]), st.floats(0.1, 1e4)), min_size=1, max_size=9),
)
def test_runs_are_summed_over_kinds_of_device(others: list[tuple[str, float]]) -> None:
    trials = [trial(), *(trial(n, seconds=s, device=d) for n, (d, s) in enumerate(others, start=1))]
    found = spent(*trials)
    kinds = {device for device, _ in others} | {CPU}
    # Each trial does the work of one full run, so that those of a kind without trial 0 are one run each.
    elsewhere = sum(device != CPU for device, _ in others)
    here = sum(each.device_s for each in trials if device_kind_of(each.effective) == CPU) / 100.0
    assert found.runs == pytest.approx(here + elsewhere)
    assert found.is_projected == (kinds != {CPU})
    assert found.device_s == pytest.approx(math.fsum(each.device_s for each in trials))


def test_a_kind_of_device_on_which_nothing_was_evaluated_leaves_the_cost_unknown() -> None:
    assert spent(trial(), trial(1, TrialState.RUNNING, device=H200, percent=0)).runs is None


def test_a_trial_that_has_not_recorded_its_device_costs_what_the_others_do() -> None:
    begun = trial(1, TrialState.RUNNING, device=None, seconds=50.0, percent=0)
    assert spent(trial(), begun) == Spent(runs=pytest.approx(1.5), device_s=150.0, is_projected=True)


def test_the_name_of_the_device_goes_before_its_kind() -> None:
    assert device_kind_of({"device": "cuda", "device_name": H200}) == H200
    assert device_kind_of({"device": "cuda"}) == "cuda", "a trial of version 0.1"
    assert device_kind_of({"device": 3}) is None
    assert device_kind_of(None) is None


# ---- without reading every trial


@given(st.lists(st.floats(0.1, 1e5), min_size=1, max_size=8))
def test_trial_0_alone_tells_the_cost_where_all_trials_ran_on_its_kind_of_device(seconds: list[float]) -> None:
    trials = [trial(number, seconds=took) for number, took in enumerate(seconds)]
    quick, slow = spent_at_one_price(trials[0], {CPU: sum(seconds)}), spent(*trials)
    assert quick is not None
    assert (quick.runs, quick.device_s) == (pytest.approx(slow.runs), pytest.approx(slow.device_s))
    assert quick.is_projected == slow.is_projected


@pytest.mark.parametrize(
    ("first", "seconds"),
    [
        (None, {}),
        (trial(state=TrialState.RUNNING), {CPU: 100.0}),
        (trial(percent=60), {CPU: 60.0}),
        (trial(), {CPU: 100.0, H200: 1.0}),
        (trial(), {CPU: 100.0, None: 1.0}),
        (trial(device=None), {None: 100.0}),
    ],
)
def test_it_does_not_tell_the_cost_of_any_other_study(first: TrialRecord | None, seconds: dict[Any, float]) -> None:
    assert spent_at_one_price(first, seconds) is None
