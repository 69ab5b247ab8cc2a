"""Random numbers that are drawn as data are loaded: of a transform that crops pictures, of a collator that masks words.

A loader fetches batches before they are trained on. So a checkpoint has no state of the generators from which a new
loader would draw the same numbers again. Here each batch draws from a seed of its own instead, which follows from its
examples and the epoch, and leaves the generators as it found them.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset


class SeededData:
    """Examples whose batches draw their random numbers from seeds of their own.

    Args:
        examples: A data set that is read by the numbers of its rows.
        collate: Makes a batch of some examples. The loader calls it after each fetch, in the same process.
        seed: Seed of the training.
        epoch: Returns the epoch, from 0.
    """

    def __init__(self, examples: Any, collate: Callable[[Any], Any], *, seed: int, epoch: Callable[[], int]) -> None:
        self._examples = examples
        self._collate = collate
        self._seed = seed
        self._epoch = epoch
        self._outside: tuple[Any, ...] | None = None

    def __len__(self) -> int:
        return len(self._examples)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_examples" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self._examples, name)

    def __getitem__(self, number: Any) -> Any:
        self._enter([number])
        return self._examples[number]

    def __getitems__(self, numbers: Sequence[Any]) -> Any:
        self._enter(numbers)
        if hasattr(self._examples, "__getitems__"):
            return self._examples.__getitems__(numbers)
        return [self._examples[number] for number in numbers]

    def collate(self, examples: Any) -> Any:
        """Make a batch of the examples that were fetched last."""
        try:
            return self._collate(examples)
        finally:
            self._leave()

    def _enter(self, numbers: Sequence[Any]) -> None:
        if self._outside is None:
            # Of the host alone: a worker process of the loader may not touch a GPU.
            self._outside = (torch.get_rng_state(), random.getstate(), np.random.get_state())
        seed = zlib.crc32(repr((self._seed, self._epoch(), [*map(str, numbers)])).encode())
        torch.default_generator.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)

    def _leave(self) -> None:
        if self._outside is not None:
            torch_, python, numpy = self._outside
            torch.set_rng_state(torch_)
            random.setstate(python)
            np.random.set_state(numpy)
            self._outside = None


def seed_batches(loader: Any, *, seed: int, epoch: Callable[[], int]) -> None:
    """Have the batches of a loader draw from seeds of their own; one that reads a stream stays as it is.

    Args:
        loader: A DataLoader before its first batch. One of accelerate has another one inside, which is the one that is
            read; what skips the first batches is built from its own attributes.
        seed: Seed of the training.
        epoch: Returns the epoch, from 0.
    """
    if isinstance(loader.dataset, IterableDataset) or not hasattr(loader.dataset, "__getitem__"):
        return
    seeded = SeededData(loader.dataset, loader.collate_fn, seed=seed, epoch=epoch)
    for each in {id(found): found for found in (loader, getattr(loader, "base_dataloader", loader))}.values():
        each.__dict__["dataset"] = seeded  # a DataLoader refuses to be assigned one
        each.collate_fn = seeded.collate
