"""Hidden states of frozen layers: computed for each batch, or read from the trunk cache. Both give the same bits."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from tuner.machine.memory import is_out_of_memory
from tuner.training.data.batches import evaluation_batches
from tuner.training.out_of_memory import free_memory

if TYPE_CHECKING:
    from tuner.training.data.batches import Rounding
    from tuner.training.data.examples import Examples, Indices
    from tuner.training.trunk.cache_entry import CacheEntry
    from tuner.training.trunk.trunk import Trunk

#: Number and size of the batches of unlike examples in which states are computed again, for comparison.
_MIXED, _MIXED_SIZE = 2, 8


class HiddenStates(Protocol):
    """The output of frozen layers for examples."""

    def padded(self, split: str, indices: Indices, depth: int, width: int) -> torch.Tensor:
        """Return the states of some examples, padded. Shape: (examples, width, hidden)."""


@dataclass(frozen=True, kw_only=True)
class StateLayout:
    """The shape and type in which hidden states are kept."""

    #: Size of one token's state.
    hidden: int
    #: States of each example where all examples have equally many, such as images; None where texts have lengths.
    tokens: int | None
    dtype: torch.dtype
    #: Depth of which only the first token's state is kept; None for no depth.
    first_only: int | None


class Recomputed:
    """Hidden states that are computed when they are asked for.

    Args:
        trunk: The layers.
        examples: The examples by split.
        device: The device that computes.
        layout: Shape and type of the states.
        rounding: Number of tokens that rows are padded to.
        grouped: Whether a batch is computed in parts of alike length.
    """

    def __init__(
        self,
        trunk: Trunk,
        examples: Mapping[str, Examples],
        device: torch.device,
        layout: StateLayout,
        *,
        rounding: Rounding,
        grouped: bool,
    ) -> None:
        self._trunk = trunk
        self._examples = examples
        self._device = device
        self.hidden = layout.hidden
        self.dtype = layout.dtype
        self._tokens = layout.tokens
        self._rounding = rounding
        self._first_only = layout.first_only
        self._grouped = grouped
        #: Tokens per forward pass, at most: memory ran out with more.
        self._most_tokens = sys.maxsize

    def padded(self, split: str, indices: Indices, depth: int, width: int) -> torch.Tensor:
        """Compute the states of some examples, in parts of alike length."""
        lengths = self._examples[split].lengths[indices]
        whole = [np.arange(len(indices))]
        parts = evaluation_batches(lengths, len(indices), device=self._device.type) if self._grouped else whole
        rows: list[Any] = [None] * len(indices)
        for part in parts:
            for place, states in zip(part, self.compute(split, indices[part], [depth])[depth], strict=True):
                rows[place] = states
        return pad(rows, width, left=not self._examples[split].starts_with_first)

    def begins(self, split: str, depth: int) -> Indices:
        """Return the row at which each example begins where states are stored example after example."""
        examples = self._examples[split]
        if depth == self._first_only:
            return _begins_of(np.ones(len(examples), dtype=np.int64))
        return _begins_of(examples.lengths if self._tokens is None else np.full(len(examples), self._tokens))

    def parts(self, split: str) -> Iterator[Indices]:
        """Yield batches of examples of alike length; every example is in one batch."""
        lengths = self._examples[split].lengths
        return evaluation_batches(lengths, len(lengths), device=self._device.type)

    def mixed(self, split: str) -> Iterator[Indices]:
        """Yield a few batches of unlike examples."""
        count = len(self._examples[split])
        rng = np.random.default_rng(0)
        for _ in range(_MIXED):
            yield rng.choice(count, size=min(count, _MIXED_SIZE), replace=False)

    def compute(self, split: str, indices: Indices, depths: Collection[int]) -> dict[int, list[torch.Tensor]]:
        """Return the states of some examples at some depths. Shape of each: (tokens, hidden)."""
        found: dict[int, list[Any]] = {depth: [None] * len(indices) for depth in depths}
        lengths = self._examples[split].lengths[indices]
        for places in self._rounding.apart(lengths) if self._tokens is None else [np.arange(len(indices))]:
            computed = 0
            while computed < len(places):
                some, made = self._as_many_as_fit(split, indices, places[computed:], depths)
                for depth, rows in made.items():
                    for place, states in zip(some, rows, strict=True):
                        found[depth][place] = states
                computed += len(some)
        return found

    def _as_many_as_fit(
        self, split: str, indices: Indices, places: Indices, depths: Collection[int]
    ) -> tuple[Indices, dict[int, list[torch.Tensor]]]:
        """Compute the states of as many of some examples as fit in memory; return these examples and their states.

        A number of tokens that did not fit is not tried again by this trainer, even if memory is freed later.
        """
        width = self._rounding.width(self._examples[split].lengths[indices[places]])
        while True:
            some = places[: max(1, self._most_tokens // width)]
            try:
                return some, self._compute(split, indices[some], depths)
            except Exception as error:
                if not is_out_of_memory(error) or len(some) == 1:
                    raise
            self._most_tokens = len(some) * width // 2
            free_memory()

    def _compute(self, split: str, indices: Indices, depths: Collection[int]) -> dict[int, list[torch.Tensor]]:
        examples = self._examples[split]
        lengths = examples.lengths[indices]
        inputs = examples.inputs(indices, width=self._rounding.width(lengths))
        inputs = {name: value.to(self._device) for name, value in inputs.items()}
        return self.parted(split, indices, self._trunk.states(inputs, depths))

    def parted(self, split: str, indices: Indices, found: Mapping[int, torch.Tensor]) -> dict[int, list[torch.Tensor]]:
        """Return the states of each example without its padding, in the type in which they are kept.

        Args:
            split: The examples' split.
            indices: Which examples.
            found: By depth, their padded states. Shape: (examples, width, hidden).
        """
        examples = self._examples[split]
        lengths = examples.lengths[indices]
        made = {}
        for depth, rows in found.items():
            states = rows.to(self.dtype)
            if depth == self._first_only:
                made[depth] = list(states[:, :1])
            elif self._tokens is not None:
                made[depth] = list(states)
            elif examples.starts_with_first:
                made[depth] = [row[:length] for row, length in zip(states, lengths, strict=True)]
            else:
                made[depth] = [row[-length:] for row, length in zip(states, lengths, strict=True)]
        return made


class Cached:
    """Hidden states that are read from entries of the trunk cache.

    Args:
        entries: The entries by depth.
        device: The device that takes the states.
        left: Whether texts are padded on their left.
    """

    def __init__(self, entries: Mapping[int, CacheEntry], device: torch.device, *, left: bool) -> None:
        self._entries = entries
        self._device = device
        self._left = left

    def padded(self, split: str, indices: Indices, depth: int, width: int) -> torch.Tensor:
        """Copy the states of some examples to the device."""
        entry = self._entries[depth]
        rows = entry.rows(split, indices)
        on_device = entry.states[split].device.type == self._device.type
        out = pad(rows, width, left=self._left)
        if on_device:
            return out
        return out.pin_memory().to(self._device, non_blocking=True)


class Held:
    """Hidden states of some examples of one split at one depth, kept on their device.

    Args:
        states: By example. Shape of each: (tokens, hidden).
        left: Whether texts are padded on their left.
    """

    def __init__(self, states: Mapping[int, torch.Tensor], *, left: bool) -> None:
        self._states = states
        self._left = left

    def padded(self, split: str, indices: Indices, depth: int, width: int) -> torch.Tensor:
        """Return the states of some examples."""
        return pad([self._states[index] for index in indices.tolist()], width, left=self._left)


def pad(rows: Sequence[torch.Tensor], width: int, *, left: bool) -> torch.Tensor:
    """Return states as rows of equal width in fp32, padded with 0."""
    out = torch.zeros(len(rows), width, rows[0].shape[1], device=rows[0].device)
    for row, states in zip(out, rows, strict=True):
        row[slice(width - len(states), None) if left else slice(len(states))] = states
    return out


def _begins_of(tokens: Indices) -> Indices:
    """Return the row at which each example begins, and the row at which the last one ends."""
    return np.concatenate([[0], np.cumsum(tokens)]).astype(np.int64)
