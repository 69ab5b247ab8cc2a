"""A template: a study's model as it is before training, which every process forked from this one may take as its own.

A model takes a tenth of a second and more to be read and built, which is as long as a trial of its head alone. A fork
shares the memory of what it does not change, and what it changes is its own: so a template is as good as new each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from tuner.training.model.dropout import config_dropouts, set_dropouts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

    from tuner.training.tasks.base import Task
    from tuner.trial.run import ModelSource

#: Probability with which a template is built, and those with which a fresh model is held against it. An architecture
#: may leave a dropout of 0 away.
BUILT_WITH, COMPARED_WITH = 0.1, (0.0, 0.3)


class Unusable(Exception):
    """A model that is built anew for each trial, and why."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """A model that nobody has trained."""

    task: Task
    source: ModelSource
    labels: tuple[str, ...]
    seed: int
    model: nn.Module
    #: The state of torch's random numbers after it was built.
    random: torch.Tensor


_kept: list[Template] = []


def keep(template: Template | None) -> None:
    """Have the processes forked from now on find a template, or none."""
    _kept[:] = [] if template is None else [template]


def take(
    task: Task, source: ModelSource, *, labels: Sequence[str], dropout: float | None, seed: int
) -> nn.Module | None:
    """Return this process's template with a dropout, where it is what is asked for; a second time it is gone.

    Leaves the random numbers where building the model would leave them.
    """
    if not _kept or dropout is None:
        return None
    kept = _kept[0]
    if (kept.task, kept.source, kept.labels, kept.seed) != (task, source, tuple(labels), seed):
        return None
    _kept.clear()
    set_dropouts(kept.model, dropout)
    torch.manual_seed(seed)
    torch.set_rng_state(kept.random)
    return kept.model


def check(model: nn.Module, fresh: Callable[[float], nn.Module]) -> None:
    """Hold a template, with one dropout after the other, against models that are built with it.

    Args:
        model: The template; left with the last dropout.
        fresh: Builds a model with a dropout; its weights do not matter.

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
    """Return what modules are and what plain values they hold, by name."""
    found: dict[str, Any] = {"config": {name: getattr(model.config, name) for name in config_dropouts(model.config)}}
    for name, module in model.named_modules():
        plain = {
            key: value
            for key, value in vars(module).items()
            if key != "training" and not key.startswith("_") and isinstance(value, bool | int | float | str | None)
        }
        found[f"module {name}"] = type(module), plain
    return found
