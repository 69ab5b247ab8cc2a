"""Which examples meet in a batch, and how long a trial is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.trial.evaluation import TENTHS

#: By how often a trial is evaluated: the tenths of its schedule that the evaluations end. Each row has the next one in
#: it: two trials of which one is evaluated more often still meet, so that the pruner can compare them.
EVALUATED_TENTHS = {10: tuple(range(1, 11)), 5: (2, 4, 6, 8, 10), 2: (4, 10), 1: (10,)}
#: Validating may cost this share of training.
MAX_VALIDATION_SHARE = 0.25
#: Forward and backward pass of a layer with its share of the optimiser, in forward passes of an evaluation. Measured
#: with MiniLM on a processor: 35 ms an example against 8.7.
TRAINED_LAYER_COST = 4.0
#: Tokens of a forward pass of training at most, by kind of device, and of an evaluation. A processor gains nothing from
#: more; MiniLM evaluates a tenth faster with 1,024 tokens a pass than with twice as many.
PASS_TOKENS = {"cpu": 2048, "cuda": 32768}
EVALUATION_TOKENS = {"cpu": 1024, "cuda": 32768}
#: What a forward and backward pass costs whatever is in it, in tokens. Measured with MiniLM on a processor: 44 ms, and
#: 0.81 ms a token. On a GPU, whose kernels wait for the host, it is an estimate.
PASS_COST = {"cpu": 48, "cuda": 4096}

Indices = npt.NDArray[np.int64]


def optimiser_steps_per_epoch(examples: int, batch_size: int) -> int:
    """Return the optimiser steps of an epoch; the last batch may be smaller."""
    return math.ceil(examples / batch_size)


def total_optimiser_steps(examples: int, batch_size: int, epochs: float) -> int:
    """Return the optimiser steps of a trial."""
    # The rounding keeps 0.1 * 30 from becoming 4.
    return max(1, math.ceil(round(epochs * optimiser_steps_per_epoch(examples, batch_size), 6)))


def training_batches(examples: int, batch_size: int, seed: int, *, first: int = 0) -> Iterator[Indices]:
    """Yield batches of example numbers without end, in another order each epoch.

    The order depends on the seed and the epoch alone, so a trial's batches are the same wherever it runs.

    Args:
        examples: Examples to choose from.
        batch_size: Examples per batch; the last one of an epoch may be smaller.
        seed: Decides the order.
        first: Number of the batch to begin with, counted from 0.
    """
    epoch, skipped = divmod(first, optimiser_steps_per_epoch(examples, batch_size))
    while True:
        order = np.random.default_rng([seed, epoch]).permutation(examples).astype(np.int64)
        for start in range(skipped * batch_size, examples, batch_size):
            yield order[start : start + batch_size]
        epoch, skipped = epoch + 1, 0


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """To how many tokens rows are padded, where an example's numbers may not depend on its company."""

    #: Rows are a multiple of so many tokens wide.
    multiple: int
    #: Tokens that the model has positions for; None for any number.
    longest: int | None

    def width(self, lengths: Indices) -> int:
        """Return how many tokens the rows of some texts are padded to."""
        found = int(lengths.max())
        width = -(-found // self.multiple) * self.multiple
        return width if self.longest is None else max(found, min(width, self.longest))

    def apart(self, lengths: Indices) -> list[Indices]:
        """Return the places of texts that may share rows: those too long for a whole multiple are among themselves."""
        places = np.arange(len(lengths))
        if self.longest is None or self.longest % self.multiple == 0:
            return [places]
        wide = lengths > self.longest // self.multiple * self.multiple
        return [part for part in (places[wide], places[~wide]) if len(part) > 0]


def micro_batches(
    batch: Indices, widths: Indices, size: int, *, device: str = "cpu", grouped: bool = True
) -> list[Indices]:
    """Part a batch into forward passes, whose gradients are summed.

    Args:
        batch: Example numbers.
        widths: Tokens of every example, as far as they are computed.
        size: Examples per part at most.
        device: Kind of device, which decides what a forward pass costs besides its tokens.
        grouped: Whether to put examples of alike length together, at the least cost: of all ways to cut the batch,
            sorted by length, the one with the fewest tokens with padding and `PASS_COST` a part. Else the batch is cut
            as it comes.

    Returns:
        The parts, the longest examples first; a batch that is best left whole stays in its own order. A part has at
        most `PASS_TOKENS` tokens with its padding, or one example.
    """
    if not grouped:
        return [batch[start : start + size] for start in range(0, len(batch), size)]
    whole, found = batch, widths[batch]
    # Of equal widths no part costs less than the whole; a head alone would spend more on finding that out than on it.
    if found.min() == found.max() and len(batch) <= size and found.sum() <= PASS_TOKENS[device]:
        return [whole]
    batch = batch[np.argsort(-widths[batch], kind="stable")]
    sizes = widths[batch]
    # cheapest[n]: cost of the first n examples in the best parts; begins[n]: where the last of these parts begins.
    cheapest, begins = np.zeros(len(batch) + 1), np.zeros(len(batch) + 1, dtype=np.int64)
    for end in range(1, len(batch) + 1):
        first = max(0, end - size)
        tokens = (end - np.arange(first, end)) * sizes[first:end]
        costs = cheapest[first:end] + PASS_COST[device] + tokens
        costs[(tokens > PASS_TOKENS[device]) & (np.arange(first, end) < end - 1)] = np.inf
        best = int(np.argmin(costs))
        cheapest[end], begins[end] = costs[best], first + best
    parts = []
    end = len(batch)
    while end > 0:
        parts.append(batch[begins[end] : end])
        end = int(begins[end])
    return parts[::-1] if len(parts) > 1 else [whole]


def evaluation_batches(
    lengths: Indices, size: int, *, device: str = "cpu", rounding: Rounding | None = None
) -> Iterator[Indices]:
    """Yield batches of example numbers, longest first, so that little is padding and memory peaks at once.

    Args:
        lengths: Tokens of every example.
        size: Examples per batch at most.
        device: Kind of device, which decides how many tokens a batch has at most.
        rounding: Keeps those apart that may not share rows.
    """
    for places in [np.arange(len(lengths))] if rounding is None else rounding.apart(lengths):
        order = places[np.argsort(-lengths[places], kind="stable")]
        start = 0
        while start < len(order):
            most = max(1, EVALUATION_TOKENS[device] // int(lengths[order[start]]))
            yield order[start : start + min(size, most)]
            start += min(size, most)


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


def evaluated_optimiser_steps(total: int, evaluations: int) -> dict[int, int]:
    """Return after which optimiser steps a trial is evaluated, and the tenth that each of them ends.

    A trial of fewer steps than evaluations has one evaluation a step, labelled with the last tenth that it ends.
    """
    return {math.ceil(total * tenth / TENTHS): tenth for tenth in EVALUATED_TENTHS[evaluations]}
