"""The model of a trial, as training begins with it and as training has left it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.training.model.adapters import add_adapters
from tuner.training.model.freezing import possible_depths
from tuner.training.model.loading import build_model
from tuner.training.model.weights import restore_weights

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from tuner.training.model.blueprint import Blueprint
    from tuner.trial.run import TrialRun


def begin_model(run: TrialRun, blueprint: Blueprint) -> nn.Module:
    """Return the model of a trial before training, with its adapters.

    Args:
        run: The trial.
        blueprint: What decides its model.

    Raises:
        ModelError: The model cannot be built as asked.
    """
    assert run.anatomy is not None
    model = build_model(blueprint, dropout=run.hyperparameters.dropout)
    add_adapters(model, run.anatomy, run.hyperparameters, frozen_layers=least_frozen_of(run))
    return model


def least_frozen_of(run: TrialRun) -> int:
    """Return the fewest layers that a trial freezes at any optimiser step."""
    assert run.anatomy is not None
    return min(possible_depths([run.hyperparameters.frozen_layers], layers=run.anatomy.count))


def trained_model(run: TrialRun, blueprint: Blueprint, weights: Path) -> nn.Module:
    """Return the model of a trial with the weights that training has left in a folder.

    Raises:
        ModelError: The model cannot be built as asked, or they are weights of another one.
    """
    model = begin_model(run, blueprint)
    restore_weights(model, weights)
    return model
