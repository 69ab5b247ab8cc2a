"""Whether a trial trained the parameters, the dropouts and the decay that it should, judged by plain torch."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import nn

    from architectures.watching import Draw, Training
    from tuner.trial.anatomy import Anatomy


def frozen_complaints(training: Training, anatomy: Anatomy, frozen: int) -> Iterator[str]:
    """Yield the frozen tensors that a trial changed, and the trained ones that it did not.

    Args:
        training: A training that was watched.
        anatomy: The model's anatomy.
        frozen: Layers that were frozen.
    """
    assert training.model is not None
    after = training.after
    statistics = {name for name, _ in training.model.named_buffers()}
    for name in [*(name for name, _ in training.model.named_parameters()), *statistics]:
        if name not in after:
            continue
        changed = not torch.equal(training.before[name], after[name])
        if changed and anatomy.is_frozen(name, frozen):
            yield f"{name} is frozen and changed"
        elif not changed and name in training.moved and not anatomy.is_frozen(name, frozen):
            yield f"{name} had a gradient and did not change"
        elif not changed and name.endswith("running_mean") and not anatomy.is_frozen(name, frozen):
            yield f"{name} is trained and did not change"


def group_complaints(training: Training, anatomy: Anatomy, frozen: int) -> Iterator[str]:
    """Yield the parameters that the optimiser lacks, has too many of, or decays although it should not, or the reverse.

    Args:
        training: A training that was watched.
        anatomy: The model's anatomy.
        frozen: Layers that were frozen.
    """
    assert training.model is not None
    grouped = [name for group in training.groups for name in group.parameters]
    wanted = {name for name, each in training.model.named_parameters() if not anatomy.is_frozen(name, frozen)}
    for name in sorted(wanted - {*grouped}):
        if training.model.get_parameter(name).requires_grad:
            yield f"{name} is not frozen, and no group has it"
    yield from (f"{name} is frozen, and a group has it" for name in sorted({*grouped} - wanted))
    if len(grouped) != len({*grouped}):
        yield "a parameter is in two groups"
    spared, decaying = spared_from_decay(training.model), certain_to_decay(training.model)
    for group in training.groups:
        if group.decay > 0:
            yield from (f"{name} decays" for name in sorted(group.parameters & spared))
        else:
            yield from (f"{name} does not decay" for name in sorted(group.parameters & decaying))


def spared_from_decay(model: nn.Module) -> frozenset[str]:
    """Return the names of biases and of norms' parameters.

    Trainer's own rule looks for these words anywhere in a name, which spares every weight of RoBERTa-PreLayerNorm.
    Tables of position biases, which some spare and some do not, are in neither list.
    """
    norms = {
        f"{name}.{parameter}"
        for name, module in model.named_modules()
        if "norm" in type(module).__name__.lower() and not any(True for _ in module.children())
        for parameter, _ in module.named_parameters(recurse=False)
    }
    names = [name for name, _ in model.named_parameters()]
    return frozenset(name for name in names if name in norms or re.search(r"[._]bias$", name))


def certain_to_decay(model: nn.Module) -> frozenset[str]:
    """Return the names of the weights of linear maps, convolutions and embeddings."""
    kinds = torch.nn.Linear | torch.nn.Conv1d | torch.nn.Conv2d | torch.nn.Embedding
    return frozenset(
        f"{name}.weight"
        for name, module in model.named_modules()
        if isinstance(module, kinds) and not re.search(r"norm|bias", name.rpartition(".")[2].lower())
    )


def dropout_complaints(draws: Collection[Draw], anatomy: Anatomy, frozen: int, asked: float) -> Iterator[str]:
    """Yield the dropouts that drew in frozen modules, or with another probability than the one asked for.

    Args:
        draws: Those of a training.
        anatomy: The model's anatomy.
        frozen: Layers that were frozen.
        asked: The probability.
    """
    for draw in sorted(draws, key=lambda draw: (draw.module, draw.p)):
        if anatomy.is_frozen(draw.module, frozen):
            if draw.p:
                yield f"{draw.module} is frozen and drops out {draw.p}"
        elif draw.p != asked:
            yield f"{draw.module} drops out {draw.p} where {asked} was asked for"


def mode_complaints(
    model: nn.Module, anatomy: Anatomy, frozen: int, inputs: Mapping[str, torch.Tensor]
) -> Iterator[str]:
    """Yield whether the last frozen layer gives another output in training than in evaluation.

    Args:
        model: A model whose layers are frozen, ready for a training step, with much dropout.
        anatomy: Its anatomy.
        frozen: Layers that are frozen, at least one.
        inputs: Its arguments.
    """
    names = anatomy.layers[frozen - 1]
    module = model.get_submodule(names[-1])
    place = anatomy.layers[:frozen].count(names) - 1
    outputs: list[torch.Tensor] = []
    forward = module.forward

    def kept(*arguments: Any, **more: Any) -> Any:
        made = forward(*arguments, **more)
        outputs.append(first_tensor(made).detach().clone())
        return made

    # Hooks are passed over where a model calls `layer.forward`, so `forward` itself is replaced.
    module.forward = kept
    try:
        model(**inputs)
        in_training = outputs[place]
        outputs.clear()
        model.eval()
        with torch.no_grad():
            model(**inputs)
    finally:
        del module.forward
    if not torch.equal(in_training, outputs[place]):
        yield f"layer {frozen} gives another output in training than in evaluation"


def first_tensor(value: Any) -> torch.Tensor:
    """Return the first tensor of a module's output."""
    while not isinstance(value, torch.Tensor):
        value = next(iter(value.values())) if isinstance(value, Mapping) else value[0]
    return value
