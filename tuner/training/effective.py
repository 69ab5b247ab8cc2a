"""The effective configuration: what is really trained, read from the objects that were built."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tuner.training.model.dropout import module_dropouts
from tuner.training.model.freezing import Freezing
from tuner.training.optimisation.clipping import MAX_GRAD_NORM
from tuner.training.precision import device_kind, mixed_precision
from tuner.training.trunk.forward import ForwardPasses
from tuner.trial.run import TrialRun


def effective_configuration(
    run: TrialRun,
    model: nn.Module,
    freezing: Freezing,
    passes: ForwardPasses,
    groups: list[dict[str, Any]],
    *,
    plan: dict[int, int],
    total: int,
    warmup: int,
    evaluate_after: dict[int, int],
    micro_batch: int,
) -> dict[str, Any]:
    """Return what is really trained, read from the built objects rather than from what was asked."""
    frozen = set(freezing.frozen_modules())
    dropouts = module_dropouts(model, skip=lambda name: name.split(":")[0] in frozen)
    hp = run.hyperparameters
    return {
        "learning_rates": {group["name"]: group["initial_lr"] for group in groups},
        "weight_decays": {group["name"]: group["weight_decay"] for group in groups},
        "dropout": dict(dropouts),
        "trainable_parameters": sum(p.numel() for group in groups for p in group["params"]),
        "parameters": sum(p.numel() for p in model.parameters()),
        "layers": len(freezing.layers),
        "frozen_layers": plan[0],
        "thawing": {str(step): frozen for step, frozen in plan.items()} if len(plan) > 1 else None,
        "batch_size": hp.batch_size,
        "micro_batch": min(hp.batch_size, micro_batch),
        "optimiser_steps": total,
        "warmup_steps": warmup,
        "lr_scheduler_type": hp.lr_scheduler_type,
        "evaluations": sorted(evaluate_after.values()),
        "max_grad_norm": MAX_GRAD_NORM,
        "trunk_cache": passes.decision,
        "one_token": passes.one_token_layer,
        "length_grouping": run.speed.length_grouping,
        "precision": mixed_precision(run.precision),
        "device": device_kind(),
        "threads": torch.get_num_threads(),
        "seed": run.seed,
    }
