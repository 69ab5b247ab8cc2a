"""Accumulation: the gradient of a batch, summed over micro-batches that fit in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.machine.memory import is_out_of_memory
from tuner.training.out_of_memory import free_memory, rewinder

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

    from tuner.training.data.batches import Indices
    from tuner.training.model.checkpointing import Checkpointing
    from tuner.training.tasks.base import Task
    from tuner.training.trunk.forward import ForwardPasses


@dataclass(kw_only=True)
class Accumulation:
    """Sums the gradients of micro-batches, and makes micro-batches smaller where memory runs out."""

    task: Task
    passes: ForwardPasses
    accelerator: Accelerator
    optimizer: torch.optim.Optimizer
    #: Examples per forward pass, at most.
    micro_batch: int
    #: Comes to help where a single example does not fit.
    checkpointing: Checkpointing
    #: Called with the new `micro_batch` each time that less memory is used from then on.
    halved: Callable[[int], None]

    def mean_loss(self, batch: Indices) -> float:
        """Add the gradient of a batch's mean loss to the parameters' gradients, and return that mean loss.

        Where memory runs out, the same batch is tried again from the same random numbers with half of the examples per
        forward pass; with a single one, gradient checkpointing is turned on.

        Raises:
            Exception: One that says that memory ran out, where a single example does not fit so either.
        """
        rewind = rewinder()
        while True:
            parts = self.passes.parts("train", batch, self.micro_batch)
            largest = max(map(len, parts))
            try:
                return accumulate(self.task, self.accelerator, self.passes, parts)
            except Exception as error:
                if not is_out_of_memory(error) or (largest == 1 and not self.checkpointing.is_possible):
                    raise
            # Outside of the except block: there the error still refers to the tensors that did not fit.
            if largest == 1:
                self.checkpointing.begin()
            self.micro_batch = max(1, largest // 2)
            self.optimizer.zero_grad()
            free_memory()
            rewind()
            self.halved(self.micro_batch)


def accumulate(task: Task, accelerator: Accelerator, passes: ForwardPasses, parts: Iterable[Indices]) -> float:
    """Sum the gradients of a batch's parts; return the batch's mean loss per term of the loss."""
    parts = list(parts)
    terms = sum(passes.loss_terms("train", part) for part in parts)
    shares = []
    for part in parts:
        share = task.loss(*passes.forward("train", part)) / terms
        accelerator.backward(share)
        shares.append(share.detach())
    # The numbers are read after the last part: reading one waits for the GPU.
    return sum(share.item() for share in shares)
