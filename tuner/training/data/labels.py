"""Labels: from the words of a column to the numbers of the classes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tuner.errors import DataError
from tuner.training.data.files.places import ROW, RowProblem
from tuner.training.data.files.values import listed
from tuner.training.data.word_columns import replace_column, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt
    from datasets import Dataset


def map_labels(
    splits: Mapping[str, Dataset], column: str, names: Mapping[str, str] | None
) -> tuple[dict[str, Dataset], tuple[str, ...]]:
    """Replace the label column by `labels`, the number of each row's class.

    Args:
        splits: Rows by split; `train` decides which classes there are.
        column: The label column.
        names: Names of the classes by the word in the column; None names each class by its word. Words of one name
            are one class.

    Returns:
        The rows, and the names of the classes in the order of their numbers: the order of the words, numbers by size
        and other words by the alphabet.

    Raises:
        DataError: A label is missing, unnamed or absent from the training split, or there is only one class.
    """
    found = {split: words_of(rows, column) for split, rows in splits.items()}
    for split, (words, index) in found.items():
        if None in words:
            missing = np.flatnonzero(index == words.index(None))
            raise RowProblem("data.label", missing_label(column), row_numbers(splits[split], missing))
    in_order = sort_words(str(word) for word in found["train"][0])
    if names is not None and (unnamed := [word for word in in_order if word not in names]):
        reason = f"there is no name for the label {unnamed[0]!r}; write one for each of {listed(in_order)}"
        raise DataError("", "data.labels", reason)
    classes = tuple(dict.fromkeys(names[word] if names else word for word in in_order))
    if len(classes) < 2:
        only = f", {classes[0]!r}" if classes else ""
        reason = f"the training split has {len(classes)} class{only}; a classifier needs two"
        raise DataError("", "data.label", reason)
    numbers = {word: classes.index(names[word] if names else word) for word in in_order}
    if names is not None:  # a word that training lacks may have the name of one that training has
        numbers |= {word: classes.index(name) for word, name in names.items() if name in classes}
    mapped = {}
    for split, (words, index) in found.items():
        for position, word in enumerate(words):
            if word not in numbers:
                unseen = np.flatnonzero(index == position)
                reason = f"label {word!r} of {split} is not in the training split; that has {listed(in_order)}"
                raise RowProblem("data.label", reason, row_numbers(splits[split], unseen))
        classes_of_words = np.asarray([numbers[str(word)] for word in words], dtype=np.int64)
        mapped[split] = replace_column(splits[split], column, "labels", classes_of_words[index])
    return mapped, classes


def missing_label(column: str) -> str:
    """Return the sentence about a row without a label."""
    return f"there is no label in column {column!r}; write one, or remove the row"


def row_numbers(rows: Dataset, places: npt.NDArray[np.int64]) -> Sequence[int]:
    """Return the numbers of some rows of a split among all rows that were read; their places where it has none."""
    if ROW not in rows.column_names:
        return [int(place) for place in places]
    return [int(number) for number in rows.select(places)[ROW]]


def sort_words(words: Iterable[str]) -> list[str]:
    """Return words in the order of classes: numbers by size, then other words by the alphabet."""

    def key(word: str) -> tuple[int, float, str]:
        try:
            number = float(word)
        except ValueError:
            number = math.nan
        # The word nan has no place among numbers.
        return (1, 0.0, word) if math.isnan(number) else (0, number, word)

    return sorted(words, key=key)
