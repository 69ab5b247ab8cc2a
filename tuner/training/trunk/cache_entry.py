"""An entry of the trunk cache: the hidden states of the training and the validation split at one depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuner.training.data.examples import Indices

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from tuner.training.trunk.placement import Costs

#: Changes with the files of an entry, or with the way in which states are computed.
FORMAT = 2


FACTS = "facts.json"


@dataclass(frozen=True, kw_only=True)
class CacheEntry:
    """The states of one depth, mapped into memory."""

    folder: Path
    depth: int
    #: By split. Shape: (tokens of all examples, hidden).
    states: Mapping[str, torch.Tensor]
    #: By split, the row at which each example begins, and the row at which the last one ends. Shape: (examples + 1,).
    begins: Mapping[str, Indices]
    costs: Costs
    #: How far states depend on the other examples of their batch, relative to the largest state; 0 for not at all.
    difference: float

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(each.numel() * each.element_size() for each in self.states.values())

    @property
    def tokens(self) -> int:
        """Tokens of all examples."""
        return sum(len(each) for each in self.states.values())

    def to(self, device: torch.device) -> CacheEntry:
        """Return the entry with its states on a device."""
        moved = {split: states.to(device) for split, states in self.states.items()}
        return CacheEntry(**{**self.__dict__, "states": moved})

    def rows(self, split: str, indices: Indices) -> list[torch.Tensor]:
        """Return the states of some examples. Shape of each: (tokens, hidden)."""
        begins, states = self.begins[split], self.states[split]
        return [states[begins[index] : begins[index + 1]] for index in indices]


def map_rows(path: Path, rows: int, hidden: int, dtype: torch.dtype, *, shared: bool = False) -> torch.Tensor:
    """Map a file of states into memory; writes to the mapping reach the file only with `shared`."""
    return torch.from_file(str(path), shared=shared, size=rows * hidden, dtype=dtype).view(rows, hidden)
