"""Pretrained weights in four bits, beside which adapters are trained in full precision (QLoRA)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from tuner.errors import ModelError, first_line
from tuner.study.space_checks import NEEDS_BITSANDBYTES
from tuner.training.precision import device_kind, device_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuner.trial.anatomy import Anatomy

#: The key of the study file.
_KEY = "load_in_4bit"
#: What the fingerprint of weights ends with where they are rounded.
SUFFIX = "-nf4"


def check_device() -> None:
    """Check that this process's device computes with weights of four bits, by doing so once.

    Raises:
        ModelError: It does not, or bitsandbytes is not installed.
    """
    device = torch.device(device_kind())
    layer = _library().FourBitLinear
    try:
        inputs = torch.ones(2, 64, device=device, requires_grad=True)
        layer(nn.Linear(64, 64), device)(inputs).sum().backward()
    except (RuntimeError, NotImplementedError, AttributeError, OSError, ValueError) as error:
        reason = f"bitsandbytes holds no weights in four bits on {device_name()}: {first_line(error)}"
        raise ModelError("", _KEY, f"{reason}; leave `{_KEY}` out, or train on another device") from error


def check_layers(model: nn.Module, anatomy: Anatomy, location: str) -> None:
    """Check that a model has layers whose weights can be held in four bits.

    Args:
        model: The model.
        anatomy: Its parts.
        location: Its name for the user.

    Raises:
        ModelError: It has none.
    """
    if next(_linear_layers(model, anatomy), None) is None:
        raise ModelError("", _KEY, f"the layers of {location} have no linear layer to hold in four bits")


def hold_in_four_bits(model: Any, anatomy: Anatomy) -> None:
    """Replace the linear layers inside a model's layers by such of four bits, on this process's device.

    Embeddings, the output layer and a head keep their precision.

    Args:
        model: The model, without adapters. Its other parts are not moved.
        anatomy: Its parts.

    Raises:
        ModelError: bitsandbytes is not installed.
    """
    device, layer = torch.device(device_kind()), _library().FourBitLinear
    for name, module in list(_linear_layers(model, anatomy)):
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, layer(module, device))
    model.is_loaded_in_4bit = True  # by which peft knows to put its adapters beside such layers


def round_to_four_bits(model: nn.Module, anatomy: Anatomy) -> None:
    """Give the weights that `hold_in_four_bits` would hold in four bits their values there; the layers stay.

    Raises:
        ModelError: bitsandbytes is not installed.
    """
    library = _library()
    with torch.no_grad():
        for _, module in _linear_layers(model, anatomy):
            weight = library.written_weight(module)
            weight.copy_(library.rounded(weight))


def number_of_values(parameter: torch.Tensor) -> int:
    """Return how many values a parameter holds, two of which may share a byte."""
    state = getattr(parameter, "quant_state", None)
    return parameter.numel() if state is None else math.prod(state.shape)


def _linear_layers(model: nn.Module, anatomy: Anatomy) -> Iterator[tuple[str, Any]]:
    for name in anatomy.linear:
        module = model.get_submodule(name)
        if type(module) in (nn.Linear, Conv1D):  # a layer of another class may do more than a product
            yield name, module


def _library() -> Any:
    try:
        from tuner.training.model import four_bit_linear
    except ImportError as error:
        raise ModelError("", _KEY, NEEDS_BITSANDBYTES) from error
    return four_bit_linear
