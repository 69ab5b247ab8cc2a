"""Learning-rate schedules of transformers, by their names in transformers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def make_schedule(
    optimizer: torch.optim.Optimizer, name: str, *, warmup: int, total: int, arguments: Mapping[str, float]
) -> torch.optim.lr_scheduler.LRScheduler:
    """Build a schedule.

    Args:
        optimizer: The optimiser; its groups' rates are the peaks of the schedule.
        name: A transformers SchedulerType.
        warmup: Optimiser steps of the warm-up.
        total: Optimiser steps of the whole trial.
        arguments: Further arguments by name. A `num_decay_steps` between 0 and 1 is a share of `total`.

    Returns:
        The schedule. Its `step` is to be called after every optimiser step.
    """
    from transformers import get_scheduler

    kwargs: dict[str, Any] = dict(arguments)
    if 0 < kwargs.get("num_decay_steps", 0) < 1:
        kwargs["num_decay_steps"] = math.ceil(total * kwargs["num_decay_steps"])
    return get_scheduler(
        name,
        optimizer,
        num_warmup_steps=warmup,
        num_training_steps=total,
        scheduler_specific_kwargs=kwargs,
    )
