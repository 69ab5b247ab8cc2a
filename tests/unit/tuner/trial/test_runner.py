"""The seam, with generators that are written down here."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from search_spaces import Hyperparameters
from tuner.errors import Diverged
from tuner.trial.evaluation import Evaluation, is_better
from tuner.trial.run import ModelSource, TrialRun
from tuner.trial.runner import describe_error, run_trial

if TYPE_CHECKING:
    from tuner.trial.runner import Report, Train


def make_trial(direction: str = "maximize") -> TrialRun:
    return TrialRun(
        number=0,
        hyperparameters=Hyperparameters(
            learning_rate=1e-3,
            batch_size=8,
            num_train_epochs=1,
            dropout=0.1,
            weight_decay=0.0,
            lr_scheduler_type="linear",
            frozen_layers=0.0,
        ),
        task="text-classification",
        model=ModelSource(location="nowhere"),
        data=Path("nowhere"),
        metric="accuracy",
        direction=direction,
        seed=0,
    )


def evaluation(step: int, value: float) -> Evaluation:
    return Evaluation(
        step=step,
        value=value,
        epoch=step / 100,
        optimiser_steps=step,
        train_loss=1.0,
        validation_loss=1.0,
        learning_rate=1e-3,
    )


def yielding(*values: float, then: Exception | None = None) -> Train:
    """Return a training whose evaluations have these values, at 20, 40 % and so on; then it may raise."""

    def train(run: TrialRun) -> Iterator[Evaluation]:
        for number, value in enumerate(values, start=1):
            yield evaluation(20 * number, value)
        if then is not None:
            raise then

    return train


def go_on(_: Evaluation) -> bool:
    return True


@pytest.mark.parametrize(("direction", "best", "step"), [("maximize", 0.9, 40), ("minimize", 0.1, 60)])
def test_the_value_is_the_best_evaluation_and_not_the_last(direction: str, best: float, step: int) -> None:
    result = run_trial(make_trial(direction), yielding(0.5, 0.9, 0.1, 0.2, 0.3), go_on)
    assert (result.state, result.value, result.best_step, result.final_value) == ("complete", best, step, 0.3)
    assert result.reason is None
    assert not result.avoid


def test_of_equals_the_first_is_best() -> None:
    assert run_trial(make_trial(), yielding(0.5, 0.7, 0.7, 0.7, 0.7), go_on).best_step == 40


def test_every_evaluation_is_told_of_in_order() -> None:
    told: list[tuple[int, float]] = []

    def decide(found: Evaluation) -> bool:
        told.append((found.step, found.value))
        return True

    run_trial(make_trial(), yielding(0.1, 0.2, 0.3), decide)
    assert told == [(20, 0.1), (40, 0.2), (60, 0.3)]


def test_pruning_closes_the_training_at_once() -> None:
    events: list[str] = []

    def train(run: TrialRun) -> Iterator[Evaluation]:
        try:
            for step in range(10, 101, 10):
                events.append(f"train {step}")
                yield evaluation(step, 0.5)
            events.append("saved")
        finally:
            events.append("closed")

    result = run_trial(make_trial(), train, lambda found: found.step < 30)
    assert events == ["train 10", "train 20", "train 30", "closed"]
    assert (result.state, result.value, result.avoid) == ("pruned", 0.5, None)
    assert result.reason == "0.5 at 30 %, among the weakest so far"


def test_pruning_at_the_last_evaluation_is_pruning() -> None:
    assert run_trial(make_trial(), yielding(0.1, 0.2, 0.3, 0.4, 0.5), lambda found: found.step < 100).state == "pruned"


def test_ending_before_the_last_step_is_early_stopping() -> None:
    result = run_trial(make_trial(), yielding(0.5, 0.4, 0.3), go_on)
    assert (result.state, result.value) == ("complete", 0.5)
    assert result.reason == "early stopping: 60 % was not better than 20 %"


def test_divergence_is_pruned_and_to_be_avoided() -> None:
    result = run_trial(make_trial(), yielding(0.5, then=Diverged("loss nan at optimiser step 7 of 9")), go_on)
    assert (result.state, result.avoid, result.value) == ("pruned", "diverged", 0.5)
    assert result.reason == "diverged: loss nan at optimiser step 7 of 9"
    assert result.traceback is None


def test_evaluations_that_are_all_no_numbers_are_divergence() -> None:
    result = run_trial(make_trial(), yielding(math.nan, math.nan), go_on)
    assert (result.state, result.avoid, result.value) == ("pruned", "diverged", None)
    assert result.reason == "diverged: no evaluation was a number; that at 40 % is nan"


def test_a_trial_that_is_pruned_at_no_number_has_diverged() -> None:
    result = run_trial(make_trial(), yielding(0.5, 0.9, math.nan), lambda found: found.step < 60)
    assert (result.state, result.avoid) == ("pruned", "diverged")
    assert result.reason == "diverged: the evaluation at 60 % is nan"


@pytest.mark.parametrize(("direction", "odd"), [("maximize", math.inf), ("minimize", -math.inf)])
def test_what_is_no_finite_number_is_never_the_best(direction: str, odd: float) -> None:
    result = run_trial(make_trial(direction), yielding(0.5, odd, 0.4, math.nan, 0.5), go_on)
    assert (result.state, result.best_step) == ("complete", 60 if direction == "minimize" else 20)
    result = run_trial(make_trial(direction), yielding(odd, odd), go_on)
    assert (result.state, result.avoid) == ("pruned", "diverged")


def test_no_evaluation_at_all_is_a_failure() -> None:
    result = run_trial(make_trial(), yielding(), go_on)
    assert (result.state, result.value, result.best_step, result.final_value) == ("failed", None, None, None)
    assert result.reason == "no evaluation: training ended before the first one"


@pytest.mark.parametrize("make", [np.int64, np.float64, torch.tensor])
def test_numbers_of_numpy_and_torch_are_those_of_python_in_an_evaluation(make: Callable[[int], Any]) -> None:
    found = replace(evaluation(1, 0.5), step=make(2), optimiser_steps=make(7))
    assert (found.step, type(found.step), found.optimiser_steps, type(found.optimiser_steps)) == (2, int, 7, int)
    json.dumps(found.to_dict())


@pytest.mark.parametrize("steps", [-1, 2**31, 1.5, math.nan, math.inf, True, None, "3"])
def test_an_evaluation_after_what_is_no_number_of_steps_is_refused(steps: Any) -> None:
    with pytest.raises(ValueError, match="is no number of optimiser steps"):
        replace(evaluation(1, 0.5), optimiser_steps=steps)


def yielding_no_evaluation(run: TrialRun) -> Iterator[Any]:
    yield SimpleNamespace(**vars(evaluation(1, 0.5)))


def broken_at_once(run: TrialRun) -> Iterator[Evaluation]:
    raise LookupError("no such thing")


@pytest.mark.parametrize(
    ("train", "reason"),
    [
        (yielding(0.5, then=ValueError("two\nlines")), "ValueError: two"),
        (yielding(0.5, then=RuntimeError()), "RuntimeError: no message"),
        (broken_at_once, "LookupError: no such thing"),
        (yielding_no_evaluation, "TypeError: training yields a tuner.Evaluation, not SimpleNamespace"),
    ],
)
def test_any_error_fails_this_trial_alone(train: Callable[[TrialRun], Iterator[Evaluation]], reason: str) -> None:
    result = run_trial(make_trial(), train, go_on)
    assert (result.state, result.reason, result.avoid) == ("failed", reason, None)
    assert result.traceback is not None
    assert result.traceback.startswith("Traceback")


def oom_by_torch() -> Exception:
    import torch

    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError, "out of memory: no message"),
        (oom_by_torch, "out of memory: CUDA out of memory. Tried to allocate 20 GiB"),
    ],
)
def test_what_does_not_fit_in_memory_is_pruned_and_to_be_avoided(error: Callable[[], Exception], reason: str) -> None:
    result = run_trial(make_trial(), yielding(0.5, then=error()), go_on)
    assert (result.state, result.reason, result.avoid) == ("pruned", reason, "out_of_memory")
    assert result.traceback is not None


def test_an_error_of_the_decision_fails_the_trial_and_closes_the_training() -> None:
    closed: list[bool] = []

    def train(run: TrialRun) -> Iterator[Evaluation]:
        try:
            yield evaluation(1, 0.5)
        finally:
            closed.append(True)

    def decide(_: Evaluation) -> bool:
        raise EOFError("the supervisor is gone")

    assert run_trial(make_trial(), train, decide).reason == "EOFError: the supervisor is gone"
    assert closed == [True]


def test_an_interrupt_is_nobody_elses_to_catch() -> None:
    def train(run: TrialRun) -> Iterator[Evaluation]:
        yield evaluation(1, 0.5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_trial(make_trial(), train, go_on)


def test_a_gpus_lack_of_memory_has_the_label_of_any() -> None:
    import torch

    described = describe_error(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB\nmore"))
    assert described == "out of memory: CUDA out of memory. Tried to allocate 20 GiB"


def test_a_long_message_is_cut() -> None:
    assert len(describe_error(ValueError("x" * 5000))) < 400


@pytest.mark.parametrize(
    ("value", "than", "direction", "better"),
    [
        (0.5, None, "maximize", True),
        (0.5, None, "minimize", True),
        (math.nan, None, "maximize", False),
        (0.6, 0.5, "maximize", True),
        (0.5, 0.5, "maximize", False),
        (0.6, 0.5, "minimize", False),
        (0.4, 0.5, "minimize", True),
        (math.nan, 0.5, "maximize", False),
        (math.nan, 0.5, "minimize", False),
    ],
)
def test_what_is_better(value: float, than: float | None, direction: str, better: bool) -> None:
    assert is_better(value, than, direction) is better


def test_an_evaluation_is_told_as_json_values() -> None:
    import json

    told = evaluation(30, 0.25).to_dict()
    assert json.loads(json.dumps(told)) == told
    assert told["step"] == 30
    assert told["value"] == 0.25


def test_a_loop_that_cannot_yield_reports_its_evaluations_and_ends_where_it_is_pruned() -> None:
    reached: list[int] = []

    def loop(report: Report) -> None:
        for step in (20, 40, 60):
            reached.append(step)
            with contextlib.suppress(Exception):  # as libraries do
                report(evaluation(step, 1.0 - step / 100))

    whole = run_trial(make_trial(), lambda _: loop, go_on)
    assert (whole.state, whole.value, whole.final_value, whole.best_step) == ("complete", 0.8, 0.4, 20)
    reached.clear()
    pruned = run_trial(make_trial(), lambda _: loop, lambda each: each.step < 40)
    assert (pruned.state, pruned.value, reached) == ("pruned", 0.6, [20, 40])
