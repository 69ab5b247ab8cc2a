"""Whether a trial trained the parameters, the dropouts and the decay that it should, judged by plain torch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

import torch
import transformers

if TYPE_CHECKING:
    from architectures.watching import Draw, Training
    from torch import nn

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
    """Return the names of biases and of norms' parameters, by the rule of transformers' Trainer and by their modules."""
    names = {name for name, _ in model.named_parameters()}
    decaying = transformers.Trainer.get_decay_parameter_names(None, model)
    norms = {
        f"{name}.{parameter}"
        for name, module in model.named_modules()
        if "norm" in type(module).__name__.lower()
        for parameter, _ in module.named_parameters(recurse=False)
    }
    return frozenset((names - {*decaying}) | (names & norms) | {name for name in names if name.endswith("bias")})


def certain_to_decay(model: nn.Module) -> frozenset[str]:
    """Return the names of the weights of linear maps, convolutions and embeddings."""
    kinds = torch.nn.Linear | torch.nn.Conv1d | torch.nn.Conv2d | torch.nn.Embedding
    return frozenset(
        f"{name}.weight"
        for name, module in model.named_modules()
        if isinstance(module, kinds) and "norm" not in name.rpartition(".")[2].lower()
    )


def dropout_complaints(draws: Collection[Draw], anatomy: Anatomy, frozen: int, asked: float | None) -> Iterator[str]:
    """Yield the dropouts that drew in frozen modules, or with another probability than the one asked for.

    Args:
        draws: Those of a training.
        anatomy: The model's anatomy.
        frozen: Layers that were frozen.
        asked: The probability; None asks for none.
    """
    for draw in sorted(draws, key=lambda draw: (draw.module, draw.p)):
        if anatomy.is_frozen(draw.module, frozen):
            if draw.p:
                yield f"{draw.module} is frozen and drops out {draw.p}"
        elif asked is not None and draw.p != asked:
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
    outputs: list[torch.Tensor] = []
    place = anatomy.layers[:frozen].count(names) - 1

    def keep(_: nn.Module, given: object, made: object) -> None:
        value = made if isinstance(made, torch.Tensor) else next(iter(getattr(made, "values", lambda: made)()))
        outputs.append(value.detach().clone())

    handle = module.register_forward_hook(keep)
    try:
        model(**inputs)
        in_training = outputs[place]
        outputs.clear()
        model.eval()
        with torch.no_grad():
            model(**inputs)
    finally:
        handle.remove()
    if not torch.equal(in_training, outputs[place]):
        yield f"layer {frozen} gives another output in training than in evaluation"
