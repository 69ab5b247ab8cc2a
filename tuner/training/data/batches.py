"""Batches: the examples of each optimiser step and of each forward pass; the length of a trial."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuner.trial.length import optimiser_steps_at, optimiser_steps_per_epoch

#: Tokens of a forward pass, at most, by kind of device: of training, and of an evaluation. A processor gains nothing
#: from more; MiniLM evaluates a tenth faster with 1,024 tokens a pass than with twice as many.
PASS_TOKENS = {"cpu": 2048, "cuda": 32768}
EVALUATION_TOKENS = {"cpu": 1024, "cuda": 32768}
#: Fixed cost of a forward and backward pass, beside the cost of its tokens, in tokens. Measured with MiniLM on a
#: processor: 44 ms a pass, and 0.81 ms a token. The value for a GPU, whose kernels wait for the host, is an estimate.
PASS_COST = {"cpu": 48, "cuda": 4096}

Indices = npt.NDArray[np.int64]


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
    """The widths that rows are padded to where the other examples of a batch may not change an example's numbers."""

    #: The width of a row, in tokens, is a multiple of this.
    multiple: int
    #: Tokens that the model has positions for; None for no limit.
    longest: int | None

    def width(self, lengths: Indices) -> int:
        """Return the tokens that the rows of texts of these lengths are padded to."""
        found = int(lengths.max())
        width = -(-found // self.multiple) * self.multiple
        return width if self.longest is None else max(found, min(width, self.longest))

    def apart(self, lengths: Indices) -> list[Indices]:
        """Return the indices into `lengths` in groups that may share a batch.

        A text that is too long for a whole multiple shares batches with such texts only.
        """
        places = np.arange(len(lengths))
        if self.longest is None or self.longest % self.multiple == 0:
            return [places]
        wide = lengths > self.longest // self.multiple * self.multiple
        return [part for part in (places[wide], places[~wide]) if len(part) > 0]


def micro_batches(
    batch: Indices, widths: Indices, size: int, *, device: str = "cpu", grouped: bool = True
) -> list[Indices]:
    """Split a batch into forward passes, whose gradients are summed.

    Args:
        batch: Example numbers.
        widths: Computed tokens of every example of the split.
        size: Examples per part, at most.
        device: Kind of device, which decides the fixed cost of a forward pass.
        grouped: Whether examples of alike length share a part. The batch is then sorted by length and cut where the sum
            of its tokens with padding and of `PASS_COST` a part is least. Otherwise it is cut in its own order.

    Returns:
        The parts, the longest examples first; a batch whose cheapest split is one part stays in its own order. A part
        has at most `PASS_TOKENS` tokens with its padding, or one example.
    """
    if not grouped:
        return [batch[start : start + size] for start in range(0, len(batch), size)]
    whole, found = batch, widths[batch]
    # With equal widths no split is cheaper than the whole batch. The search below takes longer than training a head.
    if found.min() == found.max() and len(batch) <= size and found.sum() <= PASS_TOKENS[device]:
        return [whole]
    batch = batch[np.argsort(-widths[batch], kind="stable")]
    sizes = widths[batch]
    # cheapest[n]: cost of the best split of the first n examples; begins[n]: the first example of its last part.
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
    """Yield batches of example numbers, longest first: there is little padding, and memory peaks in the first batch.

    Args:
        lengths: Tokens of every example.
        size: Examples per batch, at most.
        device: Kind of device, which decides the tokens of a batch, at most.
        rounding: Keeps texts apart that may not share a batch.
    """
    for places in [np.arange(len(lengths))] if rounding is None else rounding.apart(lengths):
        order = places[np.argsort(-lengths[places], kind="stable")]
        start = 0
        while start < len(order):
            most = max(1, EVALUATION_TOKENS[device] // int(lengths[order[start]]))
            yield order[start : start + min(size, most)]
            start += min(size, most)


def evaluated_optimiser_steps(total: int, looks: Sequence[int]) -> dict[int, int]:
    """Return the optimiser steps after which a trial is evaluated, and the percent of its schedule that each one ends.

    A trial with fewer optimiser steps than looks has one evaluation an optimiser step, labelled with the last percent
    that it ends.
    """
    return {optimiser_steps_at(percent, total): percent for percent in looks}
