"""The weights of a Trainer's best evaluation, held until the supervisor asks for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from tuner.trial.saver import Write

#: A pickled object of settings. Nothing here reads it, and a pickle is no file to hand on.
SETTINGS = "training_args.bin"


def copied_weights(trainer: Any) -> Write:
    """Copy the weights that training changes into the memory of the host; return what writes the model with them.

    It writes a folder that `from_pretrained` reads: the model, or an adapter of PEFT alone, and the tokenizer.
    """
    copies: dict[int, torch.Tensor] = {}
    weights: dict[str, torch.Tensor] = {}
    # Buffers change too. Tied weights stand under two names and stay one tensor, or they would be written twice.
    for name, tensor in trainer.model.state_dict(keep_vars=True).items():
        if id(tensor) not in copies:
            is_frozen = isinstance(tensor, torch.nn.Parameter) and not tensor.requires_grad
            copies[id(tensor)] = tensor.detach() if is_frozen else tensor.detach().to("cpu", copy=True)
        weights[name] = copies[id(tensor)]

    def write(folder: Path) -> None:
        trainer._save(str(folder), state_dict=weights)
        (folder / SETTINGS).unlink(missing_ok=True)

    return write
