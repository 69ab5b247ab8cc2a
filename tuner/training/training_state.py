"""What a trial needs to go on from a step, bit for bit, as two files: trained weights, and the state of all else."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from tuner.errors import ModelError, first_line
from tuner.training.model.weights import trained_tensors, write_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from tuner.training.model.layers import LayerMap

#: Files of a checkpoint.
TRAINED, STATE = "weights.safetensors", "training.pt"
#: Changes with the content of `STATE`.
FORMAT = 1


@dataclass(kw_only=True)
class Progress:
    """How far a trial is. The loop counts here, so that no counter can be left out of a checkpoint."""

    #: Optimiser steps done.
    step: int = 0
    #: The evaluation that belongs to this step is not made yet.
    evaluation_due: bool = False
    #: Sum of the losses of the examples trained since the evaluation before, and their number.
    losses: float = 0.0
    examples: int = 0
    #: Rate of the encoder's last layer in the last step, before any layer-wise decay.
    learning_rate: float = 0.0
    #: Value of the best evaluation, and how many came after it.
    best: float | None = None
    since_best: int = 0
    #: At most so many examples at once in an evaluation: of more, memory ran out.
    evaluation_batch: int = 64


def random_state() -> dict[str, Any]:
    """Return where every generator of random numbers is, in types that `weights_only` loads."""
    name, keys, *rest = np.random.get_state()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "python": random.getstate(),
        "numpy": (name, np.asarray(keys).tolist(), *rest),
    }


def set_random_state(state: Mapping[str, Any]) -> None:
    """Take every generator of random numbers to where it was."""
    torch.set_rng_state(state["torch"])
    # A trainer sees one device; it may have been another kind of device before.
    for device, value in zip(range(torch.cuda.device_count()), state["cuda"], strict=False):
        torch.cuda.set_rng_state(value, device)
    random.setstate(state["python"])
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, np.asarray(keys, dtype=np.uint32), *rest))


@dataclass(frozen=True, kw_only=True)
class TrainingState:
    """A trial at the moment after a step."""

    #: The weights that training may change, by name; never the frozen ones.
    weights: Mapping[str, torch.Tensor]
    optimizer: Mapping[str, Any]
    schedule: Mapping[str, Any]
    #: State of the fp16 gradient scaler; None in any other precision.
    scaler: Mapping[str, Any] | None
    progress: Progress
    #: What tells that it is of this trial and of no other.
    trial: Mapping[str, int]
    #: What also decides the bits: kind of device, threads for tensor operations, and examples per forward pass.
    device: str
    threads: int
    micro_batch: int
    #: What `random_state` returned.
    random: Mapping[str, Any]
    #: Whether what frozen layers make came from the trunk cache; None where no layer is frozen.
    cached: bool | None = None

    def write(self, folder: Path) -> None:
        """Write into an empty folder.

        Raises:
            OSError: The files cannot be written.
        """
        write_weights(self.weights, folder / TRAINED)
        rest = {
            "format": FORMAT,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "scaler": self.scaler,
            "progress": asdict(self.progress),
            "trial": dict(self.trial),
            "device": self.device,
            "threads": self.threads,
            "micro_batch": self.micro_batch,
            "cached": self.cached,
            "random": self.random,
        }
        try:
            torch.save(rest, folder / STATE)
        except RuntimeError as error:  # torch's word for a full disk
            raise OSError(f"{folder / STATE} cannot be written: {first_line(error)}") from error

    @classmethod
    def read(cls, folder: Path) -> TrainingState:
        """Read what `write` wrote.

        Raises:
            ModelError: A file is missing, or is none of ours.
        """
        try:
            weights = load_file(folder / TRAINED)
        except (OSError, SafetensorError) as error:
            raise _refused(folder / TRAINED, first_line(error)) from error
        try:
            rest = torch.load(folder / STATE, map_location="cpu", weights_only=True)
        except Exception as error:  # of whatever kind: what the file holds decides what the unpickler stumbles over
            raise _refused(folder / STATE, first_line(error)) from error
        if not isinstance(rest, dict) or rest.pop("format", None) != FORMAT:
            raise _refused(folder / STATE, f"it is not of format {FORMAT}; was it written by another version?")
        try:
            return cls(weights=weights, progress=Progress(**rest.pop("progress")), **rest)
        except (KeyError, TypeError) as error:
            raise _refused(folder / STATE, first_line(error)) from error

    def restore(
        self,
        *,
        trial: Mapping[str, int],
        model: nn.Module,
        layer_map: LayerMap,
        frozen_layers: int,
        optimizer: Any,
        schedule: Any,
        scaler: Any,
    ) -> Progress:
        """Bring a training that was built anew to where the saved one was.

        Args:
            trial: The trial that goes on.
            model: Its model, with the pretrained weights.
            layer_map: The model's layers.
            frozen_layers: Layers that are never trained.
            optimizer: Its optimiser.
            schedule: Its schedule.
            scaler: Its gradient scaler, or None.

        Returns:
            How far it is.

        Raises:
            ModelError: The checkpoint is of another trial or of another model.
        """
        if self.trial != trial:
            raise _refused("the checkpoint", f"it is of another trial: {dict(self.trial)} there, {dict(trial)} here")
        tensors = trained_tensors(model, layer_map, frozen_layers=frozen_layers)
        here, there = _shapes(tensors), _shapes(self.weights)
        if here != there:
            odd = min(name for name, _ in here.items() ^ there.items())
            raise _refused("the checkpoint", f"its weights are of another model: {odd} differs")
        try:
            optimizer.load_state_dict(self.optimizer)
        except ValueError as error:
            raise _refused("the checkpoint", first_line(error)) from error
        schedule.load_state_dict(self.schedule)
        if scaler is not None and self.scaler is not None:
            scaler.load_state_dict(self.scaler)
        for name, tensor in tensors.items():
            tensor.copy_(self.weights[name])
        # Last: building model and optimiser has drawn numbers.
        set_random_state(self.random)
        return self.progress


def _shapes(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _refused(what: Path | str, reason: str) -> ModelError:
    return ModelError(str(what), "", f"training cannot go on from it: {reason}")
