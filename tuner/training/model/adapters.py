"""Adapters of low rank (LoRA) in the linear layers above the frozen ones; the pretrained weights are not trained.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022, arXiv 2106.09685. The adapters are those of
peft, so that it reads what is exported.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from transformers.pytorch_utils import Conv1D

from search_spaces import LORA
from tuner.errors import ModelError
from tuner.study.space_checks import NEEDS_PEFT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from search_spaces import Hyperparameters
    from tuner.trial.anatomy import Anatomy

#: An adapter's name in peft, and what the names of its weights contain.
NAME = "default"
_WEIGHT = re.compile(r"\.lora_[AB]\.")


def is_adapter(parameter: str) -> bool:
    """Return whether a parameter, by its name, belongs to an adapter."""
    return _WEIGHT.search(parameter) is not None


def has_adapters(model: nn.Module) -> bool:
    """Return whether a model has adapters."""
    return any(is_adapter(name) for name, _ in model.named_parameters())


def is_trained_beside(parameter: str, anatomy: Anatomy) -> bool:
    """Return whether a parameter or buffer of a model with adapters is trained: theirs, and those of a head."""
    return is_adapter(parameter) or (not anatomy.predicts_tokens and anatomy.depth(parameter) is None)


def adapter_config(model: nn.Module, anatomy: Anatomy, hyperparameters: Hyperparameters, *, frozen_layers: int) -> Any:
    """Return peft's configuration of a trial's adapters; None where no linear layer has one.

    Args:
        model: The model, with or without its adapters.
        anatomy: The parts of the model.
        hyperparameters: Rank, scale, dropout and targets.
        frozen_layers: Layers that are never trained, and have no adapters.

    Raises:
        ModelError: Nothing would be left to train, or peft is not installed.
    """
    targets = anatomy.adapted(hyperparameters.lora_targets, frozen_layers)
    if not targets:
        if anatomy.predicts_tokens:
            reason = f"no linear layer above {frozen_layers} frozen layers has an adapter: nothing is left to train"
            raise ModelError("", "search_space.lora_targets", reason)
        return None
    return _peft().LoraConfig(
        r=hyperparameters.lora_rank,
        lora_alpha=hyperparameters.lora_scaling * hyperparameters.lora_rank,
        lora_dropout=hyperparameters.lora_dropout,
        target_modules=targets,
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),
        bias="none",
    )


def add_adapters(model: nn.Module, anatomy: Anatomy, hyperparameters: Hyperparameters, *, frozen_layers: int) -> None:
    """Put a trial's adapters into its model, if it has any, and leave nothing else to train but a head of its own.

    Their initial weights are drawn from torch's random numbers; with them the model computes what it did without.

    Args:
        model: The model as it was built.
        anatomy: Its parts.
        hyperparameters: The hyperparameters of the trial.
        frozen_layers: Layers that are never trained.

    Raises:
        ModelError: Nothing would be left to train, or peft is not installed.
    """
    if hyperparameters.adapter != LORA:
        return
    config = adapter_config(model, anatomy, hyperparameters, frozen_layers=frozen_layers)
    if config is None:
        return
    # Some architectures keep parameters of their head out of training themselves.
    trainable = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    _peft().inject_adapter_in_model(config, model, adapter_name=NAME)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(is_adapter(name) or (name in trainable and is_trained_beside(name, anatomy)))


def adapter_layers(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield the linear layers that have an adapter, with their names."""
    for name, module in model.named_modules():
        if hasattr(module, "lora_A") and hasattr(module, "base_layer"):
            yield name, module


def merge_adapters(model: nn.Module) -> None:
    """Add the adapters to the weights beside them, and take them out: the model is of its own class alone again.

    Raises:
        ModelError: The sum of a weight is not finite.
    """
    for name, layer in list(adapter_layers(model)):
        try:
            layer.merge(safe_merge=True)
        except ValueError as error:
            raise ModelError("", "model", f"the adapter of {name} cannot be merged: {error}") from error
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, layer.get_base_layer())


def adapter_facts(model: nn.Module) -> dict[str, Any] | None:
    """Return rank, scale and dropout of a model's adapters, where they are, and beside what weights, as JSON values.

    None where there are none. `base_weights` is there where they are held in four bits.
    """
    layers = list(adapter_layers(model))
    if not layers:
        return None
    _, first = layers[0]
    dropout = first.lora_dropout[NAME]
    return {
        "kind": LORA,
        "rank": first.r[NAME],
        "scaling": first.scaling[NAME],
        "dropout": float(getattr(dropout, "p", 0.0)),
        "linear_layers": len(layers),
        "names": sorted({name.rpartition(".")[2] for name, _ in layers}),
        "parameters": sum(p.numel() for name, p in model.named_parameters() if is_adapter(name)),
        **({"base_weights": "nf4"} if getattr(model, "is_loaded_in_4bit", False) else {}),
    }


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise ModelError("", "search_space.adapter", NEEDS_PEFT) from error
    return peft
