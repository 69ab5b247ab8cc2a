"""Columns of words: the label rule of `tuner.study.words`, applied to a whole column."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tuner.study.words import word

if TYPE_CHECKING:
    import numpy.typing as npt
    from datasets import Dataset


def column_of(rows: Dataset, name: str) -> pa.ChunkedArray:
    """Return a column of a split, its selection applied.

    The library datasets would make a record batch of each selected row, which takes a kilobyte a row.
    """
    column: pa.ChunkedArray = rows.data.column(name)
    return column if rows._indices is None else column.take(rows._indices.column(0))


def words_of(rows: Dataset, name: str) -> tuple[list[str | None], npt.NDArray[np.int64]]:
    """Return the different words of a column, in the order of their first rows, and each row's index among them.

    Args:
        rows: A split.
        name: A column of strings, numbers or booleans, or of the class labels of the library datasets.

    Returns:
        The words, None for missing values, and the indices. Shape: (rows,).
    """
    names = getattr(rows.features[name], "names", None)
    return encoded_words(column_of(rows, name), names)


def encoded_words(
    column: pa.ChunkedArray, names: Sequence[str] | None = None
) -> tuple[list[str | None], npt.NDArray[np.int64]]:
    """Return the different words of an Arrow column, and each row's index among them.

    Args:
        column: The column.
        names: Names of the numbers in it, where it holds class labels; a number below 0 is a missing label.
    """
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    if isinstance(encoded, pa.ChunkedArray):  # combine_chunks of an empty column, or one too large for an array
        encoded = encoded.unify_dictionaries().combine_chunks()
    values: list[Any] = encoded.dictionary.to_pylist()
    if names is not None:
        values = [names[value] if value is not None and value >= 0 else None for value in values]
    numbers: dict[str | None, int] = {}
    # Two values may be one word, such as 1 and 1.0.
    index = np.asarray([numbers.setdefault(word(value), len(numbers)) for value in values], dtype=np.int64)
    places = encoded.indices.to_numpy(zero_copy_only=False)
    return list(numbers), index[places] if len(index) else np.zeros(0, dtype=np.int64)


def replace_column(rows: Dataset, old: str, new: str, numbers: npt.NDArray[np.int64]) -> Dataset:
    """Return rows with a column of numbers in place of another column.

    `Dataset.add_column` would copy all columns of a selection of rows first. Here the other columns stay as they are.

    Args:
        rows: A split.
        old: The column to drop.
        new: The name of the new column, which is the last one.
        numbers: The values. Shape: (rows,).
    """
    from datasets import Dataset

    table: pa.Table = rows.data.table
    selection = rows._indices  # there is no public way to it
    if selection is not None:
        whole = np.zeros(len(table), dtype=np.int64)
        whole[selection.column(0).to_numpy()] = numbers
        numbers = whole
    table = table.drop_columns([old]).append_column(new, pa.array(numbers))
    return Dataset(table, indices_table=selection, fingerprint=uuid.uuid4().hex)
