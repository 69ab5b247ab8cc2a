"""A template: a study's model before training, kept in the process from which all trainers are forked.

Reading and building a model takes a tenth of a second and more, as long as training its head alone. A forked trainer
shares the template's memory until it writes to it, and then writes to a copy of its own. So each trainer finds an
untrained model.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import torch

from tuner.training.model.dropout import config_dropouts, set_dropouts

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from tuner.training.model.blueprint import Blueprint

#: Dropout with which a template is built, and the dropouts with which it is compared to freshly built models. An
#: architecture may build no dropout module where the probability is 0, so 0 is compared too.
BUILT_WITH, COMPARED_WITH = 0.1, (0.0, 0.3)


class Unusable(Exception):
    """A model that has to be built anew for each trial, and the reason."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """An untrained model."""

    blueprint: Blueprint
    model: nn.Module
    #: State of torch's random numbers after the model was built.
    random: torch.Tensor


_kept: list[Template] = []


def keep(template: Template | None) -> None:
    """Give the processes forked from now on a template, or none."""
    _kept[:] = [] if template is None else [template]


def take(blueprint: Blueprint, *, dropout: float | None) -> nn.Module | None:
    """Return this process's template with a dropout, if it was built to this blueprint; None otherwise.

    A template is taken once, since its taker trains it. torch's random numbers are left where building the model would
    have left them.
    """
    if not _kept or dropout is None:
        return None
    kept = _kept[0]
    if kept.blueprint != blueprint:
        return None
    _kept.clear()
    set_dropouts(kept.model, dropout)
    torch.manual_seed(blueprint.seed)
    torch.set_rng_state(kept.random)
    return kept.model


def check(model: nn.Module, fresh: Callable[[float], nn.Module]) -> None:
    """Compare a template, with one dropout after the other, to models that are built with that dropout.

    Args:
        model: The template; it keeps the last dropout.
        fresh: Builds a model with a dropout. Its weights are not compared.

    Raises:
        Unusable: They differ in more than weights.
    """
    for dropout in COMPARED_WITH:
        set_dropouts(model, dropout)
        ours, theirs = _settings(model), _settings(fresh(dropout))
        if ours != theirs:
            odd = next(name for name in (*ours, *theirs) if ours.get(name) != theirs.get(name))
            raise Unusable(f"with a dropout of {dropout} another {odd} is built")


def _settings(model: nn.Module) -> dict[str, Any]:
    """Return the type and the plain attributes of every module, by name."""
    found: dict[str, Any] = {"config": {name: attrgetter(name)(model.config) for name in config_dropouts(model.config)}}
    for name, module in model.named_modules():
        found[f"module {name}"] = type(module), plain_attributes(module)
    return found


def plain_attributes(module: nn.Module) -> dict[str, Any]:
    """Return the attributes of a module that are numbers, words or flags."""
    return {
        key: value
        for key, value in vars(module).items()
        if key != "training" and not key.startswith("_") and isinstance(value, bool | int | float | str | None)
    }
