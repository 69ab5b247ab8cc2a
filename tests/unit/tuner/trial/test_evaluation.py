"""Evaluations: their steps are percents, and in modules of version 0.1, which import them from `tuner.run`, tenths."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import tuner
from tuner import run as tuner_run
from tuner.errors import Diverged
from tuner.trial.evaluation import Evaluation


def values(step: Any) -> dict[str, Any]:
    return {
        "step": step,
        "value": 0.5,
        "epoch": 1.0,
        "optimiser_steps": 7,
        "train_loss": 1.0,
        "validation_loss": 2.0,
        "learning_rate": 1e-3,
    }


def test_a_step_is_a_percent_and_in_tuner_run_a_tenth() -> None:
    assert [Evaluation(**values(step)).step for step in (1, 100)] == [1, 100]
    assert [tuner_run.Evaluation(**values(step)).step for step in (1, 10)] == [1, 10]


@pytest.mark.parametrize("step", [0, -1, 101, 1.5, True])
def test_a_step_that_is_no_percent_is_refused(step: Any) -> None:
    with pytest.raises(ValueError, match=f"step is {step!r}; it is the percent of the schedule, 1 to 100"):
        Evaluation(**values(step))


@pytest.mark.parametrize("step", [0, 11, 100, 0.5, True])
def test_a_step_of_tuner_run_that_is_no_tenth_is_refused(step: Any) -> None:
    with pytest.raises(ValueError, match=f"step is {step!r}; it is the tenth of the schedule, 1 to 10"):
        tuner_run.Evaluation(**values(step))


@pytest.mark.parametrize("tenth", range(1, 11))
def test_a_tenth_is_ten_percent_and_back(tenth: int) -> None:
    in_tenths = tuner_run.Evaluation(**values(tenth))
    in_percent = in_tenths.in_percent()
    assert (type(in_percent), in_percent) == (Evaluation, Evaluation(**values(10 * tenth)))
    assert in_percent.in_percent() is in_percent
    again = tuner_run.Evaluation.of(in_percent)
    assert (type(again), again) == (tuner_run.Evaluation, in_tenths)


@pytest.mark.parametrize(("percent", "tenth"), [(1, 1), (9, 1), (19, 1), (20, 2), (99, 9), (100, 10)])
def test_a_percent_between_two_tenths_is_told_as_the_last_tenth_that_it_ends(percent: int, tenth: int) -> None:
    assert tuner_run.Evaluation.of(Evaluation(**values(percent))).step == tenth


def test_new_modules_import_from_tuner_and_those_of_version_0_1_find_the_names_of_tuner_run() -> None:
    assert (tuner.Evaluation, tuner.Diverged) == (Evaluation, Diverged)
    assert set(tuner_run.__all__) == {"TENTHS", "Evaluation", "TrialRun", "TrialStopped", "is_better"}
    assert all(hasattr(tuner_run, name) for name in tuner_run.__all__)
    assert tuner_run.TENTHS == 10
    assert issubclass(tuner_run.Evaluation, Evaluation), "the supervisor takes both"
    with pytest.raises(AttributeError, match="module 'tuner' has no attribute 'Evaluations'"):
        tuner.Evaluations  # noqa: B018


@pytest.mark.parametrize(
    ("program", "loaded"),
    [
        ("import tuner", []),
        ("from tuner import Diverged", ["tuner.errors"]),
        ("from tuner import Evaluation", ["tuner.trial"]),
    ],
)
def test_a_name_of_tuner_is_imported_on_first_use(program: str, loaded: list[str]) -> None:
    check = "import sys; print([name for name in ('tuner.errors', 'tuner.trial', 'torch') if name in sys.modules])"
    command = [sys.executable, "-c", f"{program}; {check}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == str(loaded)


def test_other_metrics_are_recorded_as_numbers_and_those_without_a_value_are_not() -> None:
    import numpy as np

    values = {"step": 100, "value": 0.5, "epoch": 1.0, "optimiser_steps": 3, "train_loss": 1.0}
    more = {"validation_loss": 1.0, "learning_rate": 1e-3}
    told = Evaluation(**values, **more, metrics={"f1_macro": np.float32(0.25), "matthews": float("nan")})
    assert told.to_dict()["metrics"] == {"f1_macro": 0.25}
    assert type(told.metrics["f1_macro"]) is float
    assert Evaluation.from_dict(told.to_dict()) == told
    assert "metrics" not in Evaluation(**values, **more).to_dict()
