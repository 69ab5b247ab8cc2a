"""Encoded examples of a split, and the batches made of them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    Batch = dict[str, "torch.Tensor"]

Indices = npt.NDArray[np.int64]
#: Columns that are no inputs of the model.
_ASIDE = ("labels", "length")


class Examples(Protocol):
    """The examples of a split."""

    #: Tokens of each example, as far as examples differ in them. Shape: (examples,).
    lengths: Indices
    #: Terms that each example adds to the loss: 1 for a target an example, else as many as it has targets, such as
    #: labelled tokens. Shape: (examples,).
    loss_terms: Indices
    #: Whether padding leaves an example's first token the first of its row.
    starts_with_first: bool

    def __len__(self) -> int:
        """Return the number of examples."""

    def inputs(self, indices: Indices, *, width: int | None = None) -> Batch:
        """Return the inputs of a model for some examples.

        Args:
            indices: Which examples.
            width: Tokens to pad to; by default those of the longest.
        """

    def outline(self, indices: Indices, *, width: int | None = None) -> Batch:
        """Return inputs for a model whose lowest layers are left out.

        Args:
            indices: Which examples.
            width: Tokens of each row; longer examples are cut.

        Returns:
            As `inputs`. An input that only the embeddings read may be replaced by one of the same shape.
        """

    def targets(self, indices: Indices, *, width: int | None = None) -> torch.Tensor:
        """Return the targets of some examples, as the task's loss takes them. Shape: (examples, ...).

        Args:
            indices: Which examples.
            width: Tokens of each row of the inputs; targets of tokens are padded to it, others ignore it.
        """


def select(examples: Examples, count: int | None) -> Indices:
    """Return the examples to use where at most `count` are wanted: spread over all of them.

    The first examples of a split that was sorted by label would have one class only.
    """
    if count is None or count >= len(examples):
        return np.arange(len(examples))
    return np.linspace(0, len(examples) - 1, count).astype(np.int64)


class TextExamples:
    """Token ids, masks and other inputs of one number a token. Each column is one array over all examples.

    Args:
        rows: Encoded rows: lists of whole numbers, `labels` (one number a row) and `length`.
        padding: Value that pads each column, and under `side` the padded side: left or right.
    """

    def __init__(self, rows: Dataset, padding: Mapping[str, Any]) -> None:
        self.lengths = numbers_of(rows, "length")
        self.loss_terms = np.ones(len(rows), dtype=np.int64)
        self._targets = numbers_of(rows, "labels")
        self._ends = np.cumsum(self.lengths)
        self._columns = {name: flat(rows, name) for name in rows.column_names if name not in _ASIDE}
        self._padding = padding
        self.starts_with_first = padding["side"] == "right"

    def __len__(self) -> int:
        return len(self.lengths)

    def with_padding(self, changed: Mapping[str, Any]) -> Self:
        """Return the same texts, padded otherwise. The rows are shared.

        Args:
            changed: The values of `padding` to change.
        """
        other = copy(self)
        other._padding = {**self._padding, **changed}
        other.starts_with_first = other._padding["side"] == "right"
        return other

    def inputs(self, indices: Indices, *, width: int | None = None) -> Batch:
        """Pad the texts."""
        import torch

        found = self.lengths[indices]
        width = int(found.max()) if width is None else width
        lengths = np.minimum(found, width)
        places = np.arange(width)
        filled = places < lengths[:, None] if self._padding["side"] == "right" else places >= width - lengths[:, None]
        begins = self._ends[indices] - found
        # Place of each token in the column: where its text begins, plus its place in the text.
        before = np.cumsum(lengths) - lengths
        where = np.repeat(begins - before, lengths) + np.arange(lengths.sum())
        batch = {}
        for name, column in self._columns.items():
            padded = np.full((len(indices), width), self._padding[name], dtype=np.int64)
            padded[filled] = column[where]
            batch[name] = torch.from_numpy(padded)
        return batch

    outline = inputs  # every layer reads the mask, and some heads read token ids

    def targets(self, indices: Indices, *, width: int | None = None) -> torch.Tensor:
        """Return the labels. Shape: (examples,)."""
        import torch

        return torch.from_numpy(self._targets[indices])


class ImageExamples:
    """Pixels, all of one size.

    Args:
        rows: Encoded rows: `pixel_values` and `labels`.
    """

    starts_with_first = True

    def __init__(self, rows: Dataset) -> None:
        self._shape = rows.features["pixel_values"].shape
        # About as many as the patches of a vision transformer: the bounds of a forward pass are counted in tokens.
        self.lengths = np.full(len(rows), max(1, self._shape[-1] * self._shape[-2] // 256), dtype=np.int64)
        self.loss_terms = np.ones(len(rows), dtype=np.int64)
        self._targets = numbers_of(rows, "labels")
        self._rows = rows.select_columns(["pixel_values"])

    def __len__(self) -> int:
        return len(self._targets)

    def inputs(self, indices: Indices, *, width: int | None = None) -> Batch:
        """Stack the images."""
        import torch

        images = self._rows[indices.tolist()]["pixel_values"]
        return {"pixel_values": torch.from_numpy(np.stack([np.asarray(image, dtype=np.float32) for image in images]))}

    def outline(self, indices: Indices, *, width: int | None = None) -> Batch:
        """Return black images, which take no memory."""
        import torch

        return {"pixel_values": torch.zeros(1).expand(len(indices), *self._shape)}

    def targets(self, indices: Indices, *, width: int | None = None) -> torch.Tensor:
        """Return the labels. Shape: (examples,)."""
        import torch

        return torch.from_numpy(self._targets[indices])


def numbers_of(rows: Dataset, name: str) -> npt.NDArray[Any]:
    """Return a column of numbers, as int64 or float32. Reading it as Python objects takes a thousand times as long."""
    values = rows.data.column(name).to_numpy()
    return values.astype(np.float32 if values.dtype.kind == "f" else np.int64)


def flat(rows: Dataset, name: str) -> npt.NDArray[np.int64]:
    """Return a column of lists as one array; no copy is made where the file has the column in one piece."""
    import pyarrow as pa

    column = rows.data.column(name)
    lists = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    return lists.flatten().to_numpy(zero_copy_only=False)


def largest_of(rows: Dataset, name: str) -> int:
    """Return the largest number of a column of lists of whole numbers; 0 if all are empty."""
    import pyarrow.compute as pc

    return int(pc.max(pc.list_flatten(rows.data.column(name))).as_py() or 0)
