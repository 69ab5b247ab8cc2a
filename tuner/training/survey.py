"""A survey: how much work the trials of a study would be, from their plans and from the model, without training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from search_spaces import LORA
from tuner.training.data.encoded import EncodedData
from tuner.training.model.adapters import is_trained_beside
from tuner.training.model.freezing import least_frozen, possible_depths
from tuner.training.model.loading import build_model
from tuner.training.model.weights import trained_tensors
from tuner.training.plan import make_plan
from tuner.training.tasks import get_task
from tuner.training.trunk.forward import ForwardPasses
from tuner.trial.work import Survey, TrialWork

if TYPE_CHECKING:
    from search_spaces import Hyperparameters
    from tuner.training.plan import Plan
    from tuner.trial.anatomy import Anatomy
    from tuner.trial.run import TrialRun

#: Tensors of a resume checkpoint for each trained one: the weights, and the two moments that AdamW keeps.
_COPIES = 3


def survey(runs: Sequence[TrialRun]) -> Survey:
    """Find out how much work trials of one study would be.

    Args:
        runs: The trials, at least one. They differ in their hyperparameters only.

    Raises:
        ModelError: The model cannot be built.
    """
    run = runs[0]
    assert run.model is not None
    assert run.data is not None
    assert run.anatomy is not None
    task, anatomy = get_task(run.task), run.anatomy
    data = EncodedData.open(run.data, task.examples, anatomy.padding)
    model = build_model(
        task.blueprint(run.model, data.labels, run.seed, anatomy.padding), dropout=run.hyperparameters.dropout
    )
    works = []
    for each in runs:
        plan = make_plan(each, data, layers=anatomy.count)
        works.append(
            TrialWork(
                trained_rows=_trained_rows(plan, each.hyperparameters.batch_size),
                evaluated_rows=len(plan.evaluate_after) * len(data.validation),
                checkpoint_bytes=_COPIES * _trained_bytes(model, anatomy, plan, each.hyperparameters),
            )
        )
    return Survey(
        trials=tuple(works),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        trunk_bytes=_trunk_bytes(run, model, anatomy, data),
    )


def _trained_rows(plan: Plan, batch_size: int) -> dict[int, int]:
    """Return the training rows of a trial by the number of layers that are frozen while they are trained."""
    epochs, more = divmod(plan.total, plan.per_epoch)
    found: dict[int, int] = {}
    for begin, end in zip(plan.thawing, [*list(plan.thawing)[1:], plan.total], strict=True):
        rows = sum(min(batch_size, plan.rows - step % plan.per_epoch * batch_size) for step in range(begin, end))
        found[plan.thawing[begin]] = found.get(plan.thawing[begin], 0) + rows
    assert sum(found.values()) == epochs * plan.rows + min(more * batch_size, plan.rows)
    return found


def _trained_bytes(model: torch.nn.Module, anatomy: Anatomy, plan: Plan, hp: Hyperparameters) -> int:
    """Return the bytes of the weights that a trial trains. The model has no adapters: their sizes are computed."""
    least = least_frozen(plan.thawing)
    tensors: Mapping[str, Any] = trained_tensors(model, anatomy, frozen_layers=least)
    targets = anatomy.adapted(hp.lora_targets, least) if hp.adapter == LORA else []
    if targets:
        tensors = {name: value for name, value in tensors.items() if is_trained_beside(name, anatomy)}
    shapes = [model.get_parameter(f"{name}.weight").shape for name in targets]
    # Two matrices beside each weight, of the rank and of one of its two sizes.
    added = sum(hp.lora_rank * sum(shape) for shape in shapes) * torch.float32.itemsize
    return added + sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def _trunk_bytes(run: TrialRun, model: torch.nn.Module, anatomy: Anatomy, data: EncodedData) -> int:
    if run.trunk is None or not run.speed.trunk_cache:
        return 0
    depths = possible_depths(run.trunk.shares, layers=anatomy.count)
    passes = ForwardPasses(model, anatomy, data, torch.device("cpu"), depths=depths, speed=run.speed)
    needed = passes.state_bytes()
    return needed if run.trunk.limit is None else min(needed, run.trunk.limit)
