"""The model of a trial, as training begins with it and as training has left it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.training.model.adapters import add_adapters, merge_adapters
from tuner.training.model.four_bits import hold_in_four_bits, round_to_four_bits
from tuner.training.model.freezing import possible_depths
from tuner.training.model.loading import build_model
from tuner.training.model.weights import restore_weights

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from tuner.training.model.blueprint import Blueprint
    from tuner.trial.run import TrialRun


def base_model(run: TrialRun, blueprint: Blueprint) -> nn.Module:
    """Return the model of a trial before training, without adapters, its weights held as the trial holds them.

    Args:
        run: The trial.
        blueprint: What decides its model.

    Raises:
        ModelError: The model cannot be built as asked.
    """
    model = build_model(blueprint, dropout=run.hyperparameters.dropout)
    if blueprint.source.load_in_4bit:
        assert run.anatomy is not None
        hold_in_four_bits(model, run.anatomy)
    return model


def begin_model(run: TrialRun, blueprint: Blueprint) -> nn.Module:
    """Return the model of a trial before training, with its adapters; see `base_model`."""
    return _with_adapters(run, base_model(run, blueprint))


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


def merged_model(run: TrialRun, blueprint: Blueprint, weights: Path) -> nn.Module:
    """Return `trained_model` with its adapters merged into the weights, which are in full precision.

    Where a trial holds weights in four bits, the adapters have learned beside their rounded values: these are merged
    with, and the sum is not rounded again.

    Raises:
        ModelError: See `trained_model`; or the sum of a weight is not finite.
    """
    model = build_model(blueprint, dropout=run.hyperparameters.dropout)
    if blueprint.source.load_in_4bit:
        assert run.anatomy is not None
        round_to_four_bits(model, run.anatomy)
    _with_adapters(run, model)
    restore_weights(model, weights)
    merge_adapters(model)
    return model


def _with_adapters(run: TrialRun, model: nn.Module) -> nn.Module:
    assert run.anatomy is not None
    add_adapters(model, run.anatomy, run.hyperparameters, frozen_layers=least_frozen_of(run))
    return model
