"""Which examples meet in a batch, and how long a trial is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tuner.run import TENTHS

#: By how often a trial is evaluated: the tenths of its schedule that the evaluations end. Each row has the next one in
#: it: two trials of which one is evaluated more often still meet, so that the pruner can compare them.
EVALUATED_TENTHS = {10: tuple(range(1, 11)), 5: (2, 4, 6, 8, 10), 2: (4, 10), 1: (10,)}
#: Validating may cost this share of training.
MAX_VALIDATION_SHARE = 0.25
#: Forward and backward pass of a layer with its share of the optimiser, in forward passes of an evaluation. Measured
#: with MiniLM on a processor: 35 ms an example against 8.7.
TRAINED_LAYER_COST = 4.0

Indices = npt.NDArray[np.int64]


def steps_per_epoch(examples: int, batch_size: int) -> int:
    """Return the optimiser steps of an epoch; the last batch may be smaller."""
    return math.ceil(examples / batch_size)


def total_steps(examples: int, batch_size: int, epochs: float) -> int:
    """Return the optimiser steps of a trial."""
    # The rounding keeps 0.1 * 30 from becoming 4.
    return max(1, math.ceil(round(epochs * steps_per_epoch(examples, batch_size), 6)))


def training_batches(examples: int, batch_size: int, seed: int, *, first: int = 0) -> Iterator[Indices]:
    """Yield batches of example numbers without end, in another order each epoch.

    The order depends on the seed and the epoch alone, so a trial's batches are the same wherever it runs.

    Args:
        examples: Examples to choose from.
        batch_size: Examples per batch; the last one of an epoch may be smaller.
        seed: Decides the order.
        first: Number of the batch to begin with, counted from 0.
    """
    epoch, skipped = divmod(first, steps_per_epoch(examples, batch_size))
    while True:
        order = np.random.default_rng([seed, epoch]).permutation(examples).astype(np.int64)
        for start in range(skipped * batch_size, examples, batch_size):
            yield order[start : start + batch_size]
        epoch, skipped = epoch + 1, 0


def micro_batches(batch: Indices, lengths: npt.NDArray[np.int64], size: int) -> Iterator[Indices]:
    """Yield the parts of a batch whose gradients are summed, each of examples of alike length.

    Args:
        batch: Example numbers.
        lengths: Tokens of every example.
        size: Examples per part; a batch that is no larger stays whole, in its own order.
    """
    if len(batch) > size:
        batch = batch[np.argsort(-lengths[batch], kind="stable")]
    for start in range(0, len(batch), size):
        yield batch[start : start + size]


def evaluation_batches(lengths: Sequence[int], batch_size: int) -> Iterator[Indices]:
    """Yield batches of example numbers, longest first, so that little is padding and memory peaks at once."""
    order = np.argsort(-np.asarray(lengths), kind="stable").astype(np.int64)
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def choose_evaluations(*, train_tokens: float, validation_tokens: float, epochs: float, trained_share: float) -> int:
    """Return how often a trial may look at the validation split.

    Args:
        train_tokens: Tokens of the training split.
        validation_tokens: Tokens of the validation split.
        epochs: Length of the trial.
        trained_share: Share of the encoder's layers that are trained.

    Returns:
        The most evaluations that together cost at most a quarter of training; at least one.
    """
    forward_passes = (1 - trained_share) + TRAINED_LAYER_COST * trained_share
    training = train_tokens * epochs * forward_passes
    for count in EVALUATED_TENTHS:
        if count * validation_tokens <= MAX_VALIDATION_SHARE * training:
            return count
    return 1


def evaluation_steps(total: int, evaluations: int) -> dict[int, int]:
    """Return after which optimiser steps a trial is evaluated, and the tenth that each of them ends.

    A trial of fewer steps than evaluations has one evaluation a step, labelled with the last tenth that it ends.
    """
    return {math.ceil(total * tenth / TENTHS): tenth for tenth in EVALUATED_TENTHS[evaluations]}
