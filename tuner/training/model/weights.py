"""The weights of a trial: the part that training changes, and the file that holds it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from tuner.errors import ModelError, first_line
from tuner.training.model.adapters import has_adapters, is_trained_beside
from tuner.trial.anatomy import Anatomy

#: File of the trained weights of a trial.
WEIGHTS = "model.safetensors"


def trained_tensors(model: nn.Module, anatomy: Anatomy, *, frozen_layers: int) -> dict[str, torch.Tensor]:
    """Return the tensors that training may change: weights that are not always frozen, and buffers. No copies.

    Where a model has adapters, their weights and those of a head of its own are trained. Of a tensor with several
    names, such as embeddings that encoder and decoder share, the first name counts.
    """
    adapted = has_adapters(model)
    buffers = {name for name, _ in model.named_buffers()}
    first_names = {name for name, _ in model.named_parameters()} | buffers
    return {
        name: value.detach()
        for name, value in model.state_dict().items()
        if name in first_names
        and not anatomy.is_frozen(name, frozen_layers)
        and (not adapted or is_trained_beside(name, anatomy) or name in buffers)
    }


def trained_state(model: nn.Module, anatomy: Anatomy, *, frozen_layers: int) -> dict[str, torch.Tensor]:
    """Return copies of the tensors that training may have changed: weights that are not always frozen, and buffers."""
    tensors = trained_tensors(model, anatomy, frozen_layers=frozen_layers)
    return {name: value.to("cpu", copy=True).contiguous() for name, value in tensors.items()}


def save_weights(state: Mapping[str, torch.Tensor], folder: Path) -> None:
    """Write trained weights.

    Raises:
        OSError: The file cannot be written.
    """
    write_weights(state, folder / WEIGHTS)


def write_weights(state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write weights into a file.

    Raises:
        OSError: The file cannot be written.
    """
    try:
        save_file(dict(state), path, metadata={"format": "pt"})
    except SafetensorError as error:  # raised by safetensors where the disk is full
        raise OSError(f"{path} cannot be written: {first_line(error)}") from error


def restore_weights(model: nn.Module, folder: Path) -> None:
    """Replace pretrained weights by trained ones.

    Raises:
        ModelError: They are weights of another model.
    """
    state = load_file(folder / WEIGHTS)
    unexpected = sorted(set(state) - set(model.state_dict()))
    if unexpected:
        raise ModelError("", "model", f"{folder / WEIGHTS} holds weights of another model, such as {unexpected[0]}")
    model.load_state_dict(state, strict=False)


def weights_fingerprint(model: nn.Module, fresh: Collection[str], config: Any) -> str:
    """Return a hash of the pretrained weights and of the configuration. It contains neither paths nor file names.

    Args:
        model: The model.
        fresh: Names of the weights that are not pretrained.
        config: The checkpoint's own configuration.
    """
    # Only settings that differ from the defaults: a newer transformers adds settings that the checkpoint does not have.
    settings = {
        name: value
        for name, value in config.to_diff_dict().items()
        if name not in ("architectures", "dtype", "torch_dtype", "transformers_version") and not name.startswith("_")
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for name, value in sorted(model.state_dict().items()):
        if name not in fresh:
            digest.update(f"{name}:{value.dtype}:{tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
