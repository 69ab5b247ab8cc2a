"""The effective configuration: the settings that a trial really trains with, read from the objects that were built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from search_spaces import FITTED
from tuner.training.model.adapters import adapter_facts
from tuner.training.model.dropout import module_dropouts
from tuner.training.model.four_bits import number_of_values
from tuner.training.optimisation.clipping import MAX_GRAD_NORM
from tuner.training.precision import device_kind, device_name, mixed_precision

if TYPE_CHECKING:
    from tuner.training.model.freezing import Freezing
    from tuner.training.plan import Plan
    from tuner.training.trunk.forward import ForwardPasses
    from tuner.trial.run import TrialRun


def effective_configuration(
    run: TrialRun,
    plan: Plan,
    model: nn.Module,
    freezing: Freezing,
    groups: list[dict[str, Any]],
    passes: ForwardPasses,
    *,
    micro_batch: int,
) -> dict[str, Any]:
    """Return the settings that a trial trains with, as JSON values.

    Rates, decays, dropouts and parameters are read from the optimiser and the model, not from the hyperparameters that
    were asked for.
    """
    frozen, anatomy = set(freezing.frozen_modules()), freezing.anatomy
    names = [name for name, _ in model.named_parameters()]
    dropouts = module_dropouts(model, anatomy.dropouts, skip=lambda name: name in frozen)
    hp = run.hyperparameters
    return {
        "learning_rates": {group["name"]: group["initial_lr"] for group in groups},
        "weight_decays": {group["name"]: group["weight_decay"] for group in groups},
        "dropout": dict(dropouts),
        "adapter": adapter_facts(model),
        "trainable_parameters": sum(p.numel() for group in groups for p in group["params"]),
        "parameters": sum(number_of_values(p) for p in model.parameters()),
        "layers": anatomy.count,
        "frozen_layers": plan.thawing[0],
        "frozen": anatomy.layer_names(plan.thawing[0]),
        "below": anatomy.below(names) if plan.thawing[0] > 0 else [],
        "head": anatomy.head(names),
        "fitted_head": run.head.key if run.head is not None and hp.head_init == FITTED else None,
        "thawing": {str(first): frozen for first, frozen in plan.thawing.items()} if len(plan.thawing) > 1 else None,
        "batch_size": hp.batch_size,
        "micro_batch": min(hp.batch_size, micro_batch),
        "optimiser_steps": plan.total,
        "warmup_steps": plan.warmup,
        "lr_scheduler_type": hp.lr_scheduler_type,
        "evaluations": sorted(plan.evaluate_after.values()),
        "max_grad_norm": MAX_GRAD_NORM,
        "trunk_cache": passes.decision,
        "one_token": passes.one_token_layer,
        "length_grouping": run.speed.length_grouping,
        **({} if run.speed.packing is None else {"packing": passes.packs("train", plan.thawing[0])}),
        "precision": mixed_precision(run.precision),
        "device": device_kind(),
        "device_name": device_name(),
        "threads": torch.get_num_threads(),
        "seed": run.seed,
    }
