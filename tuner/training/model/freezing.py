"""Freezing: the layers of an encoder that keep their pretrained weights, and the optimiser steps at which they thaw."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from search_spaces import GRADUAL
from tuner.training.model.training_switch import TrainingSwitch
from tuner.trial.anatomy import frozen_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import nn

    from tuner.trial.anatomy import Anatomy


def thaw_plan(frozen: float | str, *, layers: int, epochs: float, optimiser_steps_per_epoch: int) -> dict[int, int]:
    """Return the number of frozen layers over the course of a trial.

    Args:
        frozen: Share of the layers, or `gradual`: each epoch trains one more group of layers, from the top (Howard and
            Ruder 2018, section 3.3), and the last epoch trains all.
        layers: Layers of the encoder.
        epochs: Length of the trial.
        optimiser_steps_per_epoch: Optimiser steps of one epoch.

    Returns:
        Frozen layers by the optimiser step at which this number begins; the first optimiser step is 0.
    """
    if frozen != GRADUAL:
        return {0: frozen_count(float(frozen), layers)}
    groups = math.ceil(epochs)
    return {
        epoch * optimiser_steps_per_epoch: layers - math.ceil(layers * (epoch + 1) / groups) for epoch in range(groups)
    }


def possible_depths(shares: Iterable[float | str], *, layers: int) -> frozenset[int]:
    """Return the numbers of layers that trials with these shares may freeze; `gradual` may freeze any number."""
    counts: set[int] = set()
    for share in shares:
        counts |= {*range(layers)} if share == GRADUAL else {frozen_count(float(share), layers)}
    return frozenset(counts)


def least_frozen(plan: Mapping[int, int]) -> int:
    """Return the fewest layers that are frozen at any optimiser step: they are never trained."""
    return min(plan.values())


class Freezing:
    """Keeps the frozen part of a model frozen: it has no gradient and no dropout.

    Args:
        model: The model as it was built.
        anatomy: Its parts.
        plan: Frozen layers by first optimiser step, as `thaw_plan` returns them.
    """

    def __init__(self, model: nn.Module, anatomy: Anatomy, plan: Mapping[int, int]) -> None:
        self._model = model
        #: The model's parts.
        self.anatomy = anatomy
        self._plan = dict(plan)
        #: Some architectures keep parameters out of training themselves, such as positions from a formula.
        self._trainable = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
        self._switch = TrainingSwitch(model, anatomy)
        #: Layers that are frozen now, from the input up; the embeddings are frozen with the first layer.
        self.frozen_layers = 0
        self._begun = False

    def begin_optimiser_step(self, number: int) -> None:
        """Freeze and thaw the model's layers as planned for an optimiser step, from the state of any other one."""
        frozen = self._plan[max(first for first in self._plan if first <= number)]
        if self._begun and frozen == self.frozen_layers:
            return
        self._begun, self.frozen_layers = True, frozen
        for name, parameter in self._model.named_parameters():
            is_frozen = self.anatomy.is_frozen(name, frozen)
            parameter.requires_grad_(name in self._trainable and not is_frozen)
            if is_frozen:
                parameter.grad = None
        self._switch.frozen_layers = frozen
        self.set_training_mode()

    def set_training_mode(self) -> None:
        """Put the trained part into training mode and leave the frozen part in evaluation mode."""
        self._model.train()
        for name, module in self._model.named_modules():
            if self.anatomy.is_frozen(name, self.frozen_layers):
                module.training = False

    def frozen_modules(self) -> list[str]:
        """Return the names of the modules that are frozen now."""
        return [name for name, _ in self._model.named_modules() if self.anatomy.is_frozen(name, self.frozen_layers)]

    @property
    def least_frozen(self) -> int:
        """The fewest layers that are frozen at any optimiser step."""
        return least_frozen(self._plan)
