from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import SchedulerType, get_scheduler
from transformers.optimization import TYPE_TO_SCHEDULER_FUNCTION

from search_spaces.schedules import OPTIONAL, REQUIRED, UNPLANNED, complaint
from tuner.training.optimisation.schedules import make_schedule
from tuner.trial.looks import LOOKS

if TYPE_CHECKING:
    from tuner.trial.run import TrialRun

STEPS = 20
#: Schedules with what they are given and what transformers is to be given for the same.
SCHEDULES: list[tuple[str, dict[str, float], dict[str, float]]] = [
    ("linear", {}, {}),
    ("cosine", {}, {}),
    ("cosine", {"num_cycles": 1.5}, {"num_cycles": 1.5}),
    ("cosine_with_restarts", {"num_cycles": 2}, {"num_cycles": 2}),
    ("polynomial", {}, {}),
    ("polynomial", {"power": 2.0, "lr_end": 1e-5}, {"power": 2.0, "lr_end": 1e-5}),
    ("constant", {}, {}),
    ("constant_with_warmup", {}, {}),
    ("inverse_sqrt", {"timescale": 3}, {"timescale": 3}),
    ("cosine_with_min_lr", {"min_lr": 1e-5}, {"min_lr": 1e-5}),
    ("cosine_with_min_lr", {"min_lr_rate": 0.1}, {"min_lr_rate": 0.1}),
    ("cosine_warmup_with_min_lr", {"min_lr": 1e-5}, {"min_lr": 1e-5}),
    ("warmup_stable_decay", {"num_decay_steps": 0.3}, {"num_decay_steps": 6}),
    ("warmup_stable_decay", {"num_decay_steps": 7.0}, {"num_decay_steps": 7}),
]


def optimizer(rate: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=rate)


def rates(schedule: Any) -> list[float]:
    found = []
    for _ in range(STEPS):
        found.append(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize(("name", "given", "theirs"), SCHEDULES)
@pytest.mark.parametrize("ratio", [0.0, 0.25])
def test_the_rate_of_every_step_is_transformers_own(
    name: str,
    given: dict[str, float],
    theirs: dict[str, float],
    ratio: float,
    make_run: Callable[..., TrialRun],
    watch: Callable[[TrialRun], Any],
) -> None:
    run = make_run(
        "bert",
        layers=2,
        learning_rate=2e-4,
        num_train_epochs=5,
        lr_scheduler_type=name,
        lr_scheduler_kwargs=given,
        warmup_ratio=ratio,
        looks=LOOKS[10],
        max_rows=None,
    )
    watched = watch(run)
    expected = rates(
        get_scheduler(
            name,
            optimizer(2e-4),
            num_warmup_steps=math.ceil(STEPS * ratio),
            num_training_steps=STEPS,
            scheduler_specific_kwargs=dict(theirs),
        )
    )
    assert watched.effective["warmup_steps"] == (0 if name == "constant" else STEPS * ratio)
    assert len(watched.steps) == STEPS
    for group in watched.steps[0].groups:
        assert [step.rates[group] for step in watched.steps] == pytest.approx(expected, rel=1e-9, abs=1e-15)
    seen = [evaluation.learning_rate for evaluation in watched.evaluations]
    assert seen == pytest.approx([expected[evaluation.optimiser_steps - 1] for evaluation in watched.evaluations])


def test_a_floor_of_the_rate_holds_for_the_sampled_rate(
    make_run: Callable[..., TrialRun], watch: Callable[[TrialRun], Any]
) -> None:
    # transformers divides min_lr by the optimiser's default rate, which is not that of its groups by itself.
    run = make_run(
        "bert",
        layers=2,
        learning_rate=5e-5,
        num_train_epochs=5,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr": 2e-5},
    )
    seen = [rate for step in watch(run).steps for rate in step.rates.values()]
    assert min(seen) >= 2e-5
    assert min(seen) == pytest.approx(2e-5, rel=0.02)


def test_the_reported_rate_needs_no_rate_below(
    make_run: Callable[..., TrialRun], watch: Callable[[TrialRun], Any]
) -> None:
    watched = watch(make_run("bert", layers=2, layerwise_lr_decay=0.0, lr_scheduler_type="constant"))
    assert watched.effective["learning_rates"]["layer-0/decay"] == 0
    assert watched.effective["learning_rates"]["layer-2/decay"] == 1e-3
    assert watched.evaluations[-1].learning_rate == pytest.approx(1e-3)


def test_every_schedule_of_transformers_is_known() -> None:
    assert {*REQUIRED, *UNPLANNED} == {member.value for member in SchedulerType}
    assert not set(REQUIRED) & set(UNPLANNED)


@pytest.mark.parametrize("name", REQUIRED)
def test_what_is_required_is_what_transformers_refuses_to_do_without(name: str) -> None:
    build = {"num_warmup_steps": 1, "num_training_steps": STEPS}
    if not REQUIRED[name]:
        assert complaint(name, {}) is None
        get_scheduler(name, optimizer(1e-3), **build)
        return
    with pytest.raises((TypeError, ValueError)):
        get_scheduler(name, optimizer(1e-3), **build)
    for group in REQUIRED[name]:
        for argument in group:
            assert complaint(name, {argument: 0.1}) is None
            make_schedule(optimizer(1e-3), name, warmup=1, total=STEPS, arguments={argument: 0.1})


def test_a_decay_of_one_step_is_one_step_and_not_the_whole_trial() -> None:
    schedule = make_schedule(
        optimizer(1e-3), "warmup_stable_decay", warmup=0, total=STEPS, arguments={"num_decay_steps": 1}
    )
    assert rates(schedule) == pytest.approx([1e-3] * STEPS)


@pytest.mark.parametrize("name", [name for name, groups in REQUIRED.items() if groups])
def test_a_schedule_without_its_arguments_is_told_what_to_write(name: str) -> None:
    reason = complaint(name, {})
    assert reason is not None
    argument = REQUIRED[name][0][-1]
    assert f"lr_scheduler_kwargs: {{{name}: {{{argument}: 0.1}}}}" in reason


@pytest.mark.parametrize("name", UNPLANNED)
def test_a_schedule_that_follows_the_metric_is_refused(name: str) -> None:
    assert "follows the metric" in str(complaint(name, {}))


def test_a_misspelt_schedule_is_suggested() -> None:
    assert "did you mean 'cosine'?" in str(complaint("cosin", {}))


@pytest.mark.parametrize(("name", "takes"), [("linear", "none"), ("polynomial", "lr_end, power")])
def test_an_argument_that_a_schedule_does_not_take_is_answered_with_those_that_it_does(name: str, takes: str) -> None:
    assert complaint(name, {"timescale": 3}) == f"{name!r} takes no 'timescale'; it takes {takes}"


def test_the_arguments_that_a_schedule_takes_are_those_of_transformers() -> None:
    for kind, function in TYPE_TO_SCHEDULER_FUNCTION.items():
        if kind.value in UNPLANNED:
            continue
        parameters = inspect.signature(function).parameters
        ours = {argument for group in REQUIRED[kind.value] for argument in group} | set(OPTIONAL.get(kind.value, ()))
        steps = {"optimizer", "num_warmup_steps", "num_training_steps", "last_epoch"}
        # The study file holds numbers: the two arguments that name a shape keep their defaults.
        assert ours == set(parameters) - steps - {"warmup_type", "decay_type"}
