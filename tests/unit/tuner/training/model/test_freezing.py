from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tuner.training.model.freezing import Freezing, thaw_plan
from tuner.training.model.loading import build_model
from tuner.training.tasks import get_task
from tuner.trial.anatomy import Anatomy, frozen_count

if TYPE_CHECKING:
    from tuner.trial.run import ModelSource, TrialRun


PLAIN = Anatomy(
    layers=(("bert.layer.0",), ("bert.layer.1",)),
    depths={"": None, "bert.layer.0": 1, "bert.layer.1": 2},
)


@pytest.mark.parametrize(
    ("share", "layers", "frozen"),
    [
        (0, 6, 0),
        (0.25, 6, 2),
        (0.5, 6, 3),
        (0.75, 6, 5),
        (1, 6, 6),
        (0.25, 2, 1),
        (0.5, 3, 2),
        (0.1, 4, 0),
        (0.25, 12, 3),
    ],
)
def test_a_share_of_the_layers_rounds_halves_up(share: float, layers: int, frozen: int) -> None:
    assert frozen_count(share, layers) == frozen


@given(layers=st.integers(1, 48), low=st.floats(0, 1), high=st.floats(0, 1))
def test_a_larger_share_never_freezes_less(layers: int, low: float, high: float) -> None:
    low, high = sorted((low, high))
    assert 0 <= frozen_count(low, layers) <= frozen_count(high, layers) <= layers


@given(layers=st.integers(1, 48), epochs=st.floats(0.05, 12), per_epoch=st.integers(1, 500))
def test_gradual_thaws_every_epoch_and_everything_in_the_last(layers: int, epochs: float, per_epoch: int) -> None:
    plan = thaw_plan("gradual", layers=layers, epochs=epochs, optimiser_steps_per_epoch=per_epoch)
    steps, frozen = list(plan), list(plan.values())
    assert steps == [epoch * per_epoch for epoch in range(len(steps))]
    assert len(steps) - 1 < epochs <= len(steps)
    assert frozen == sorted(frozen, reverse=True)
    assert frozen[-1] == 0
    assert frozen[0] < layers, "the top group is trained from the start"
    groups = [before - after for before, after in zip([layers, *frozen], frozen, strict=False)]
    assert max(groups) - min(groups) <= 1, "the groups are of one size, as far as they can be"


def test_a_share_is_one_plan_for_the_whole_trial() -> None:
    assert thaw_plan(0.5, layers=6, epochs=3, optimiser_steps_per_epoch=20) == {0: 3}


def test_a_step_that_is_begun_at_once_is_as_one_that_is_come_to(
    checkpoint: Callable[..., ModelSource], make_run: Callable[..., TrialRun]
) -> None:
    run = make_run("bert")

    def build() -> tuple[nn.Module, Freezing]:
        model = build_model(get_task("text-classification").blueprint(checkpoint("bert"), ("0", "1"), 0), dropout=0.1)
        return model, Freezing(model, run.anatomy, {0: 3, 2: 2, 4: 1, 6: 0})

    def state(model: nn.Module) -> list[dict[str, bool]]:
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else parameter.grad
        return [
            {name: parameter.requires_grad for name, parameter in model.named_parameters()},
            {name: parameter.grad is not None for name, parameter in model.named_parameters()},
            {name: module.training for name, module in model.named_modules()},
        ]

    walked, step_by_step = build()
    for step in range(8):
        step_by_step.begin_optimiser_step(step)
        jumped, at_once = build()
        at_once.begin_optimiser_step(0)
        at_once.begin_optimiser_step(step)
        assert state(jumped) == state(walked), step


def test_what_a_step_freezes_loses_its_gradients_and_the_rest_keeps_them() -> None:
    layers = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1)])
    model = nn.ModuleDict({"bert": nn.ModuleDict({"layer": layers}), "classifier": nn.Linear(1, 1)})
    freezing = Freezing(model, PLAIN, {0: 0, 1: 1})
    freezing.begin_optimiser_step(0)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    freezing.begin_optimiser_step(1)
    kept = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert kept == {name for name, _ in model.named_parameters() if not name.startswith("bert.layer.0.")}
