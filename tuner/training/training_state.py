"""Training state: two files from which a trial goes on bit for bit, trained weights and the state of other objects."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from tuner.errors import ModelError, first_line
from tuner.training.model.weights import trained_state, trained_tensors, write_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from tuner.trial.anatomy import Anatomy

#: Files of a checkpoint.
TRAINED, STATE = "weights.safetensors", "training.pt"
#: Changes with the content of `STATE`.
FORMAT = 1


#: Names under which `STATE` has fields of `Progress` that are called otherwise here.
_STORED_AS = {"optimiser_steps": "step", "loss_terms": "examples"}


@dataclass(kw_only=True)
class Progress:
    """How far a trial has come. All counters of the training loop are here, so that a checkpoint holds every one."""

    #: Optimiser steps done.
    optimiser_steps: int = 0
    #: Whether the evaluation after the last optimiser step is still to be made.
    evaluation_due: bool = False
    #: Sum of the loss terms trained on since the previous evaluation, and their number (one an example where an example
    #: has one target).
    losses: float = 0.0
    loss_terms: int = 0
    #: Learning rate of the encoder's last layer in the last optimiser step, before any layer-wise decay.
    learning_rate: float = 0.0
    #: Value of the best evaluation, and how many evaluations came after it.
    best: float | None = None
    since_best: int = 0
    #: Examples per forward pass of an evaluation, at most: memory ran out with more.
    evaluation_batch: int = 64

    def to_stored(self) -> dict[str, Any]:
        """Return the counters by the names that checkpoints have."""
        return {_STORED_AS.get(name, name): value for name, value in asdict(self).items()}

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Progress:
        """Build from `to_stored`'s result.

        Raises:
            TypeError: A name is none of a counter.
        """
        names = {stored_name: name for name, stored_name in _STORED_AS.items()}
        return cls(**{names.get(name, name): value for name, value in dict(**stored).items()})


def random_state() -> dict[str, Any]:
    """Return the state of every generator of random numbers, in types that `torch.load(weights_only=True)` accepts."""
    name, keys, *rest = np.random.get_state()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "python": random.getstate(),
        "numpy": (name, np.asarray(keys).tolist(), *rest),
    }


def set_random_state(state: Mapping[str, Any]) -> None:
    """Set every generator of random numbers to a state that `random_state` returned."""
    torch.set_rng_state(state["torch"])
    # A trainer sees one device. The state may come from another kind of device.
    for device, value in zip(range(torch.cuda.device_count()), state["cuda"], strict=False):
        torch.cuda.set_rng_state(value, device)
    random.setstate(state["python"])
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, np.asarray(keys, dtype=np.uint32), *rest))


@dataclass(frozen=True, kw_only=True)
class LiveTraining:
    """The objects of a training whose state is saved or restored."""

    #: The facts that tell this trial from any other.
    trial: Mapping[str, int | str]
    model: nn.Module
    anatomy: Anatomy
    #: Layers that are never trained.
    frozen_layers: int
    #: The optimiser as accelerate wrapped it, or torch's own.
    optimizer: Any
    schedule: Any
    #: The fp16 gradient scaler, or None.
    scaler: Any

    def weights(self) -> dict[str, torch.Tensor]:
        """Return copies of the weights that training may change."""
        return trained_state(self.model, self.anatomy, frozen_layers=self.frozen_layers)

    def state(
        self, progress: Progress, *, device: str, threads: int, micro_batch: int, cached: bool | None
    ) -> TrainingState:
        """Return the state of this training after an optimiser step."""
        return TrainingState(
            weights=self.weights(),
            optimizer=self.optimizer.state_dict(),
            schedule=self.schedule.state_dict(),
            scaler=None if self.scaler is None else self.scaler.state_dict(),
            progress=progress,
            trial=self.trial,
            device=device,
            threads=threads,
            micro_batch=micro_batch,
            cached=cached,
            random=random_state(),
        )


@dataclass(frozen=True, kw_only=True)
class TrainingState:
    """The state of a trial after an optimiser step."""

    #: The weights that training may change, by name; never the frozen ones.
    weights: Mapping[str, torch.Tensor]
    optimizer: Mapping[str, Any]
    schedule: Mapping[str, Any]
    #: State of the fp16 gradient scaler; None in any other precision.
    scaler: Mapping[str, Any] | None
    progress: Progress
    #: The facts that tell this trial from any other.
    trial: Mapping[str, int | str]
    #: Further conditions of equal bits: kind of device, threads for tensor operations, examples per forward pass.
    device: str
    threads: int
    micro_batch: int
    #: The result of `random_state`.
    random: Mapping[str, Any]
    #: Whether hidden states of frozen layers came from the trunk cache; None where no layer is frozen.
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
            "progress": self.progress.to_stored(),
            "trial": dict(self.trial),
            "device": self.device,
            "threads": self.threads,
            "micro_batch": self.micro_batch,
            "cached": self.cached,
            "random": self.random,
        }
        try:
            torch.save(rest, folder / STATE)
        except RuntimeError as error:  # raised by torch where the disk is full
            raise OSError(f"{folder / STATE} cannot be written: {first_line(error)}") from error

    @classmethod
    def read(cls, folder: Path) -> TrainingState:
        """Read a folder that `write` wrote.

        Raises:
            ModelError: A file is missing, or was not written by `write`.
        """
        try:
            weights = load_file(folder / TRAINED)
        except (OSError, SafetensorError) as error:
            raise _refused(folder / TRAINED, first_line(error)) from error
        try:
            rest = torch.load(folder / STATE, map_location="cpu", weights_only=True)
        except Exception as error:  # the content of the file decides which error the unpickler raises
            raise _refused(folder / STATE, first_line(error)) from error
        if not isinstance(rest, dict) or rest.pop("format", None) != FORMAT:
            raise _refused(folder / STATE, f"it is not of format {FORMAT}; was it written by another version?")
        try:
            return cls(weights=weights, progress=Progress.from_stored(rest.pop("progress")), **rest)
        except (KeyError, TypeError) as error:
            raise _refused(folder / STATE, first_line(error)) from error

    def restore(self, training: LiveTraining) -> Progress:
        """Bring a training that was built anew to the point of the saved one.

        Args:
            training: The training that goes on, with the pretrained weights.

        Returns:
            How far the trial has come.

        Raises:
            ModelError: The checkpoint is of another trial or of another model.
        """
        trial = training.trial
        if self.trial != trial:
            raise _refused("the checkpoint", f"it is of another trial: {dict(self.trial)} there, {dict(trial)} here")
        tensors = trained_tensors(training.model, training.anatomy, frozen_layers=training.frozen_layers)
        here, there = _shapes(tensors), _shapes(self.weights)
        if here != there:
            raise _refused("the checkpoint", _other_weights(here, there, training.model))
        if changed := _other_groups(training.optimizer, self.optimizer):
            raise _refused("the checkpoint", changed)
        try:
            training.optimizer.load_state_dict(self.optimizer)
        except ValueError as error:
            raise _refused("the checkpoint", first_line(error)) from error
        training.schedule.load_state_dict(self.schedule)
        if training.scaler is not None and self.scaler is not None:
            training.scaler.load_state_dict(self.scaler)
        for name, tensor in tensors.items():
            tensor.copy_(self.weights[name])
        # This comes last, because building model and optimiser draws random numbers.
        set_random_state(self.random)
        return self.progress


_Shapes: TypeAlias = dict[str, tuple[int, ...]]


def _shapes(tensors: Mapping[str, torch.Tensor]) -> _Shapes:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _other_weights(here: _Shapes, there: _Shapes, model: nn.Module) -> str:
    """Return how the weights that are trained here differ from those that a checkpoint has."""
    odd = min(name for name, _ in here.items() ^ there.items())
    if set(there) <= set(model.state_dict()) and not any(here[name] != there[name] for name in {*here} & {*there}):
        word = "trained" if odd in there else "not trained"
        return f"{odd} was {word} by the version that wrote it, and this version counts the model's layers otherwise"
    return f"its weights are of another model: {odd} differs"


def _other_groups(here: Any, stored: Mapping[str, Any]) -> str | None:
    """Return how the optimiser's groups differ from those that a checkpoint has; None where they are the same."""
    before = {group["name"]: group["params"] for group in stored["param_groups"]}
    now = {group["name"]: group["params"] for group in here.param_groups}
    for name in dict.fromkeys([*before, *now]):
        moments = [stored["state"].get(number, {}).get("exp_avg") for number in before.get(name, ())]
        ours = [tuple(parameter.shape) for parameter in now.get(name, ())]
        theirs = [None if moment is None else tuple(moment.shape) for moment in moments]
        # A parameter without a gradient has no moments.
        same = len(ours) == len(theirs) and all(b in (None, a) for a, b in zip(ours, theirs, strict=True))
        if not same:
            return (
                f"the version that wrote it trained {len(theirs)} parameters in the group {name}, and this version "
                f"trains {len(ours)} or others, because it counts layers or decay otherwise"
            )
    return None


def _refused(what: Path | str, reason: str) -> ModelError:
    return ModelError(str(what), "", f"training cannot go on from it: {reason}")
