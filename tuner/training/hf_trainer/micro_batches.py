"""Fewer examples per forward pass of a Trainer, in as many optimiser steps of as many examples as before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from tuner.training.out_of_memory import rewinder


def batch_size(trainer: Any) -> int:
    """Return the examples of an optimiser step."""
    return int(trainer.args.per_device_train_batch_size * trainer.args.gradient_accumulation_steps)


def fit_micro_batch(trainer: Any, limit: int) -> None:
    """Have a Trainer take fewer examples at once, and the same ones in each optimiser step.

    Evaluations stay as they are: a loss that is the mean of those of batches depends on the size of these batches, and
    trials are compared by it.

    Args:
        trainer: The Trainer, before it trains.
        limit: The most examples at once.
    """
    args = trainer.args
    if args.per_device_train_batch_size <= limit:
        return
    whole = batch_size(trainer)
    args.per_device_train_batch_size = max(size for size in range(1, limit + 1) if whole % size == 0)
    args.gradient_accumulation_steps = whole // args.per_device_train_batch_size
    trainer._train_batch_size = args.train_batch_size  # its loader of training data reads this copy
    if trainer.loss_is_scaled_for_ga is None:
        _scale_losses(trainer)


def _scale_losses(trainer: Any) -> None:
    """Have the losses of the parts of a batch add up to the mean over the batch.

    A Trainer hands the number of the batch's targets to every model whose `forward` takes any keyword argument, and
    believes that the loss is divided by it. BERT's loss for classification, among others, is the mean over the part
    whatever it is handed: the sum over the parts would then be as many times too large. So the first loss is computed
    with two such numbers.
    """
    compute_loss = trainer.compute_loss

    def probing(model: Any, inputs: Mapping[str, Any], *arguments: Any, **more: Any) -> Any:
        del trainer.compute_loss
        targets = more.get("num_items_in_batch")
        if targets is not None:
            rewind, losses = rewinder(), []
            for number in (targets, 2 * targets):
                with torch.no_grad():
                    losses.append(float(compute_loss(model, dict(inputs), num_items_in_batch=number)))
                rewind()
            trainer.loss_is_scaled_for_ga = losses[0] != losses[1]
        return compute_loss(model, inputs, *arguments, **more)

    trainer.compute_loss = probing
