"""As what a trial ends: before it trains, when its time is over, after a crash, and at its end."""

from __future__ import annotations

import math
from typing import Any

import pytest
from attempts import attempt_at, evaluated

from storage import CheckpointRef, Checkpoints
from tuner.study.config import StudyConfig
from tuner.supervisor import attempt as attempt_module
from tuner.supervisor.attempt import Attempt, Setting
from tuner.supervisor.crash import Crash
from tuner.supervisor.outcomes import (
    after_crash,
    before_training,
    corrected_result,
    is_memory_for_any_trial,
    is_over_time,
    over_time,
)
from tuner.trial.result import Constraint, Outcome, TrialResult

#: Seconds on the clock of this process: so many that no real clock gets there by itself.
NOW_S = 1e9
CRASH = Crash(reason="its trainer ended without a word after optimiser step 3: exit code 1", own=True)


def study(*, builtin: bool = False, **values: Any) -> StudyConfig:
    task = {"model": "some/model", "data": {"source": "some/data"}} if builtin else {"train": "training:train"}
    return StudyConfig.model_validate({"name": "s", **task, **values})


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Returns the attempt as it is after so many seconds."""

    def pass_(attempt: Attempt, seconds: float) -> Attempt:
        monkeypatch.setattr(attempt_module.time, "monotonic", lambda: NOW_S)
        attempt.started = NOW_S - seconds
        return attempt

    return pass_


# ---- before it trains


def test_a_trial_that_can_be_trained_is_trained() -> None:
    assert before_training(attempt_at(), study()) is None


def test_a_point_that_cannot_be_trained_fails_with_its_complaint() -> None:
    ended = before_training(attempt_at(complaint="layers: 3 of 2"), study())
    assert ended == TrialResult(state=Outcome.FAILED, reason="layers: 3 of 2")


def test_a_trial_may_crash_as_often_as_the_study_says_and_no_more() -> None:
    config = study(max_restarts=2)
    assert before_training(attempt_at(crashes=2), config) is None
    ended = before_training(attempt_at(crashes=3, reason="killed"), config)
    assert ended == TrialResult(state=Outcome.FAILED, reason="crashed 3 times: killed")
    unknown = before_training(attempt_at(crashes=3), config)
    assert unknown == TrialResult(state=Outcome.FAILED, reason="crashed 3 times: unknown")


def test_a_trial_that_has_had_its_time_is_not_trained_again(seconds: Any) -> None:
    ended = before_training(seconds(attempt_at(device_s=61.0), 0.0), study(budget={"trial_time": 60}))
    assert ended is not None
    assert ended.avoid == Constraint.OVER_TIME


# ---- its time


def test_without_a_time_for_each_trial_none_is_over_it(seconds: Any) -> None:
    assert not is_over_time(seconds(attempt_at(device_s=1e6), 1e6), study())


@pytest.mark.parametrize(
    ("earlier_s", "now_s", "over"), [(0, 60, False), (0, 61, True), (40, 20, False), (40, 21, True)]
)
def test_a_trials_time_is_that_of_all_its_attempts(earlier_s: float, now_s: float, over: bool, seconds: Any) -> None:
    attempt = seconds(attempt_at(device_s=earlier_s), now_s)
    assert is_over_time(attempt, study(budget={"trial_time": 60})) is over


@pytest.mark.parametrize(("prepared_s", "now_s", "over"), [(None, 500, False), (400, 460, False), (400, 461, True)])
def test_preparing_is_not_charged_to_a_trial_of_a_built_in_task(
    prepared_s: float | None, now_s: float, over: bool, seconds: Any
) -> None:
    attempt = seconds(attempt_at(), now_s)
    attempt.setting = Setting(prepared_s=prepared_s)
    assert is_over_time(attempt, study(builtin=True, budget={"trial_time": 60})) is over
    assert is_over_time(attempt, study(budget={"trial_time": 60})), "a study's own function has nothing to prepare"


def test_a_trial_over_its_time_is_pruned_with_its_last_value_and_avoided() -> None:
    attempt = attempt_at()
    attempt.curve = {10: {"value": 0.9}, 40: {"value": 0.4}, 20: {"value": 0.2}}
    assert over_time(attempt, study(budget={"trial_time": 1800})) == TrialResult(
        state=Outcome.PRUNED, value=0.4, reason="time: over its 30m of device time", avoid=Constraint.OVER_TIME
    )


# ---- after a crash


def test_after_a_crash_a_trial_goes_on() -> None:
    assert after_crash(attempt_at(), CRASH, study(), can_train=True) is None
    assert after_crash(attempt_at(reason="something else"), CRASH, study(), can_train=True) is None


def test_a_trial_that_crashes_again_in_the_same_way_fails() -> None:
    ended = after_crash(attempt_at(reason=CRASH.reason), CRASH, study(), can_train=False)
    reason = f"crashed twice at the same optimiser step: {CRASH.reason}"
    assert ended == TrialResult(state=Outcome.FAILED, reason=reason)


def test_a_crash_from_outside_says_nothing_of_the_trial() -> None:
    crash = Crash(reason="its trainer ended without a word: SIGTERM")
    assert after_crash(attempt_at(reason=crash.reason), crash, study(), can_train=True) is None


@pytest.mark.parametrize("can_train", [False, True])
def test_a_crash_before_any_step_is_the_trials_fault_only_on_a_machine_that_can_train(can_train: bool) -> None:
    crash = Crash(reason="before its first optimiser step", own=True, before_any_step=True)
    ended = after_crash(attempt_at(reason=crash.reason), crash, study(), can_train=can_train)
    assert (ended is not None) is can_train


def out_of_memory(*, builtin: bool, recorded: dict[str, Any] | None, again: bool) -> TrialResult | None:
    crash = Crash(reason="out of memory: after optimiser step 3", own=True, memory="host")
    attempt = attempt_at(reason=crash.reason if again else None)
    attempt.curve = {20: {"value": 0.7}}
    if recorded is not None:
        attempt.setting = Setting(prepared_s=1.0, effective=recorded)
    return after_crash(attempt, crash, study(builtin=builtin), can_train=True)


PRUNED = TrialResult(
    state=Outcome.PRUNED,
    value=0.7,
    reason="out of memory: after optimiser step 3",
    avoid=Constraint.OUT_OF_MEMORY,
)


def test_a_trial_that_runs_out_of_memory_twice_is_pruned_and_avoided() -> None:
    assert out_of_memory(builtin=True, recorded={"micro_batch": 8}, again=True) == PRUNED
    assert out_of_memory(builtin=True, recorded={"micro_batch": 8}, again=False) is None


def test_a_trial_that_does_not_fit_with_one_example_at_a_time_is_pruned_at_once() -> None:
    assert out_of_memory(builtin=True, recorded={"micro_batch": 1}, again=False) == PRUNED
    assert out_of_memory(builtin=True, recorded={"micro_batch": 2}, again=False) is None


def test_memory_that_any_trial_would_lack_is_not_held_against_this_one() -> None:
    assert out_of_memory(builtin=True, recorded=None, again=True) is None
    assert out_of_memory(builtin=False, recorded=None, again=True) == PRUNED


@pytest.mark.parametrize(
    ("builtin", "recorded", "any_"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_only_before_a_built_in_task_has_recorded_memory_is_that_of_any_trial(
    builtin: bool, recorded: bool, any_: bool
) -> None:
    attempt = attempt_at()
    attempt.setting = Setting(prepared_s=1.0 if recorded else None)
    assert is_memory_for_any_trial(attempt, study(builtin=builtin)) is any_


# ---- at its end


def with_best(value: float | None, step: int = 40) -> Attempt:
    attempt = attempt_at()
    best = CheckpointRef(key="k", sha256="0", bytes=1, optimiser_steps=9, value=value, step=step)
    attempt.saving.checkpoints = Checkpoints(best=best)
    return attempt


COMPLETE = TrialResult(state=Outcome.COMPLETE, value=0.5, final_value=0.4, best_step=80)


@pytest.mark.parametrize(
    ("best", "direction", "value", "step"),
    [
        (0.6, "maximize", 0.6, 40),
        (0.4, "maximize", 0.5, 80),
        (0.5, "maximize", 0.5, 80),
        (0.4, "minimize", 0.4, 40),
        (0.6, "minimize", 0.5, 80),
        (math.nan, "maximize", 0.5, 80),
        (None, "maximize", 0.5, 80),
    ],
)
def test_a_complete_trial_has_the_value_of_the_weights_that_are_kept(
    best: float | None, direction: str, value: float, step: int
) -> None:
    result = corrected_result(with_best(best), COMPLETE, direction)
    assert (result.state, result.value, result.final_value, result.best_step) == (Outcome.COMPLETE, value, 0.4, step)


def test_a_complete_trial_without_kept_weights_has_its_own_value() -> None:
    assert corrected_result(attempt_at(), COMPLETE, "maximize") == COMPLETE


@pytest.mark.parametrize("state", [Outcome.PRUNED, Outcome.FAILED, Outcome.LEFT])
def test_a_trial_that_is_not_complete_keeps_its_value_though_an_earlier_one_was_better(state: Outcome) -> None:
    result = TrialResult(state=state, value=0.5, best_step=80)
    assert corrected_result(with_best(0.6), result, "maximize") == result


@pytest.mark.parametrize("state", [Outcome.COMPLETE, Outcome.PRUNED])
def test_a_trial_that_heard_of_its_pruning_too_late_is_pruned_all_the_same(state: Outcome) -> None:
    attempt = with_best(0.9)
    attempt.end.pruned_by = evaluated(30, 0.125)
    result = corrected_result(attempt, TrialResult(state=state, value=0.5), "maximize")
    assert (result.state, result.value, result.avoid) == (Outcome.PRUNED, 0.125, None)
    assert result.reason == "0.125 at 30 %, among the weakest so far"


@pytest.mark.parametrize(
    "result",
    [
        TrialResult(state=Outcome.FAILED, reason="ValueError: no"),
        TrialResult(state=Outcome.LEFT),
        TrialResult(state=Outcome.PRUNED, reason="diverged: loss nan", avoid=Constraint.DIVERGED),
    ],
)
def test_an_error_or_a_violated_constraint_outweighs_a_late_pruning(result: TrialResult) -> None:
    attempt = attempt_at()
    attempt.end.pruned_by = evaluated(30, 0.125)
    assert corrected_result(attempt, result, "maximize") == result
