"""The layers of a built model, found by watching it compute a few examples."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from transformers.pytorch_utils import Conv1D

from tuner.errors import ModelError, first_line
from tuner.training.model.depths import all_depths, compressed, layer_runs
from tuner.training.model.evaluation_mode import evaluating
from tuner.training.model.forward_record import ForwardRecord, record_forward
from tuner.training.model.layer_search import find_layers
from tuner.trial.anatomy import Anatomy, Freezable

if TYPE_CHECKING:
    from torch import nn

#: Names of linear layers that peft 0.21 takes for those of experts, which transformers 5 keeps in one tensor, in every
#: model that has such a tensor.
_NAMES_OF_EXPERTS = ("gate", "w1", "w2", "w3", "gate_proj", "up_proj", "down_proj")


def examine_layers(model: nn.Module, inputs: Mapping[str, torch.Tensor], *, fresh: Collection[str] = ()) -> Anatomy:
    """Find the layers of a model, and which parts of it lie below and above them. Draws no random number.

    Args:
        model: A transformers model.
        inputs: Its arguments for a few examples; texts are of unequal length.
        fresh: Names of the weights that the checkpoint does not have.

    Raises:
        ModelError: The model cannot compute these examples, or returns no logits for them.
    """
    with evaluating(model):
        record = _recorded(model, inputs)
    rows = find_layers(model, record)
    runs = layer_runs(record, rows)
    if not runs:
        return _undivided(model, fresh)
    depths = all_depths(model, record, runs)
    layers = tuple(run.row for run in runs)
    if len(set(layers)) == len(layers):
        return _with_linear(Anatomy(layers=layers, depths=depths), model, record)
    # A layer that runs again has no output that its later runs leave unchanged, so it has one depth: the last.
    shared = {name: depth if depth in (None, 0) else len(layers) for name, depth in depths.items()}
    times = f"runs {len(layers)} times" if len(set(layers)) == 1 else "run several times"
    anatomy = Anatomy(
        layers=layers,
        depths=compressed(shared),
        freezable=Freezable.WHOLE,
        reason=f"its {'layer' if len(set(layers)) == 1 else 'layers'} {times} with the same weights",
    )
    return _with_linear(anatomy, model, record)


def _with_linear(anatomy: Anatomy, model: nn.Module, record: ForwardRecord) -> Anatomy:
    """Return the anatomy with the linear layers that can have an adapter.

    They run by their own `forward`; fused attention, for example, takes the weights of its linear layers and never runs
    them. Of experts, a few examples run only some: what runs in one of them runs in all. No other layer has their
    weight: an adapter of one could not be merged into it.
    """
    have_run = {_without_numbers(name) for name in record.by_module}
    # Routers of experts are linear layers of a class of their own, which return more than one tensor.
    found = {name: module for name, module in model.named_modules() if type(module) in (torch.nn.Linear, Conv1D)}
    owners = Counter(id(module.weight) for module in found.values())
    has_experts = any(name.endswith("experts.down_proj") for name, _ in model.named_parameters())
    linear = tuple(
        name
        for name, module in found.items()
        if anatomy.depth(name)
        and _without_numbers(name) in have_run
        and owners[id(module.weight)] == 1
        and not (has_experts and name.rpartition(".")[2] in _NAMES_OF_EXPERTS)
    )
    return replace(anatomy, linear=linear)


def _without_numbers(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def _recorded(model: nn.Module, inputs: Mapping[str, torch.Tensor]) -> ForwardRecord:
    name = type(model).__name__
    try:
        return record_forward(model, inputs)
    except Exception as error:  # the model's own code runs here and may raise anything
        raise ModelError("", "model", f"{name} cannot compute these inputs: {first_line(error)}") from error


def _undivided(model: nn.Module, fresh: Collection[str]) -> Anatomy:
    """Return the anatomy of a model whose layers cannot be told apart."""
    base = str(getattr(model, "base_model_prefix", ""))
    reason = "its layers cannot be told apart"
    if not isinstance(getattr(model, base, None), torch.nn.Module):
        return Anatomy(
            layers=(("",),),
            depths={"": None},
            freezable=Freezable.NOTHING,
            reason=f"{reason}, nor its base and its head",
        )
    # Fresh weights inside the base, such as a pooler's, have to be trained.
    inside = {name: None for name in sorted(fresh) if name.startswith(f"{base}.") and "pooler" in name}
    return Anatomy(layers=((base,),), depths={"": None, base: 1, **inside}, freezable=Freezable.WHOLE, reason=reason)
