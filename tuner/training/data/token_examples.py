"""Encoded texts of which a model is to predict tokens: each token that counts is predicted from those before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.training.data.examples import TextExamples, flat

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from datasets import Dataset

    from tuner.training.data.examples import Batch, Indices

#: The target of a place after which no token is to be predicted, as torch's cross-entropy knows it.
IGNORED = -100
#: Column of encoded rows: 1 for each token that is to be predicted, else 0.
PREDICTED = "predicted"


class TokenExamples(TextExamples):
    """Texts, of which each place has the next token as its target, or none.

    Args:
        rows: Encoded rows, as `TextExamples` takes them, with the column `PREDICTED` beside.
        padding: As `TextExamples` takes it.
    """

    def __init__(self, rows: Dataset, padding: Mapping[str, Any]) -> None:
        super().__init__(rows.remove_columns(PREDICTED), padding)
        predicted = flat(rows, PREDICTED).astype(bool)
        begins = self._ends - self.lengths
        predicted = predicted.copy()
        predicted[begins[self.lengths > 0]] = False  # no token is before the first one
        self._predicted = predicted
        counts = np.concatenate([[0], np.cumsum(predicted)])
        self.loss_terms = counts[self._ends] - counts[begins]

    def targets(self, indices: Indices, *, width: int | None = None) -> torch.Tensor:
        """Return the next token of each place, `IGNORED` where it does not count. Shape: (examples, width)."""
        import torch

        found = self.lengths[indices]
        width = int(found.max()) if width is None else width
        targets = np.full((len(indices), width), IGNORED, dtype=np.int64)
        ids = self._columns["input_ids"]
        for row, (index, length) in enumerate(zip(indices, np.minimum(found, width), strict=True)):
            begin = int(self._ends[index] - self.lengths[index])
            following = slice(begin + 1, begin + int(length))
            first = 0 if self.starts_with_first else width - int(length)
            wanted = np.where(self._predicted[following], ids[following], IGNORED)
            targets[row, first : first + len(wanted)] = wanted
        return torch.from_numpy(targets)

    def last_counted(self, index: int) -> tuple[list[int], list[int]]:
        """Return the last tokens of a text that count without a break, and behind which tokens they stand.

        Returns:
            The tokens in front of them, at least one, and they themselves.
        """
        begin, end = int(self._ends[index] - self.lengths[index]), int(self._ends[index])
        counts = self._predicted[begin:end]
        last = int(np.flatnonzero(counts)[-1])
        before = np.flatnonzero(~counts[:last])
        first = int(before[-1]) + 1
        ids = self._columns["input_ids"][begin:end].tolist()
        return ids[:first], ids[first : last + 1]

    def packed(self, rows: Sequence[Indices]) -> tuple[Batch, torch.Tensor]:
        """Return the inputs and the targets of texts that stand beside each other, each with positions from 0.

        There is no attention mask: transformers takes positions that begin again for the begin of another text, and
        has no text see another. What pads a sequence is a text of its own.

        Args:
            rows: The texts of each sequence.

        Returns:
            The inputs, and the next token of each place, `IGNORED` where it does not count. Shape: (sequences, tokens).
        """
        import torch

        shape = len(rows), max(int(self.lengths[each].sum()) for each in rows)
        ids = np.full(shape, self._padding["input_ids"], dtype=np.int64)
        positions, targets = np.zeros(shape, dtype=np.int64), np.full(shape, IGNORED, dtype=np.int64)
        for sequence, each in enumerate(rows):
            first = 0
            for index in each:
                length = int(self.lengths[index])
                place, begin = slice(first, first + length), int(self._ends[index]) - length
                ids[sequence, place] = self._columns["input_ids"][begin : begin + length]
                positions[sequence, place] = np.arange(length)
                targets[sequence, place] = self.targets(np.asarray([index]))[0].numpy()
                first += length
            positions[sequence, first:] = np.arange(shape[1] - first)
        inputs = {"input_ids": torch.from_numpy(ids), "position_ids": torch.from_numpy(positions)}
        return inputs, torch.from_numpy(targets)
