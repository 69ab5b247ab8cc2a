"""Labels: from the values of a column to the numbers of the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuner.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datasets import Dataset


def map_labels(
    splits: Mapping[str, Dataset], column: str, names: Mapping[str, str] | None
) -> tuple[dict[str, Dataset], tuple[str, ...]]:
    """Replace the label column by `labels`, the number of each row's class.

    Args:
        splits: Rows by split; `train` decides which classes there are.
        column: The label column.
        names: Names of the classes by the value in the column; None names each class by its value.

    Returns:
        The rows, and the names of the classes in the order of their numbers: the order of the values, numbers by
        size and words by the alphabet.

    Raises:
        DataError: A label is missing, unnamed or absent from the training split, or there is only one class.
    """
    shown = _shower(splits["train"], column)
    values = {name: [shown(value) for value in rows[column][:]] for name, rows in splits.items()}
    for split, found in values.items():
        if None in found:
            raise DataError("", "data.label", f"row {found.index(None)} of {split} has no label in column {column!r}")
    classes = _in_order({str(value) for value in values["train"]})
    if names is not None and (unnamed := [value for value in classes if value not in names]):
        raise DataError("", "data.labels", f"there is no name for the label {unnamed[0]!r}")
    shown_names = [names[value] if names else value for value in classes]
    if twice := sorted({name for name in shown_names if shown_names.count(name) > 1}):
        raise DataError("", "data.labels", f"two labels are named {twice[0]!r}; give each its own name")
    if len(classes) < 2:
        raise DataError("", "data.label", f"the training split has {len(classes)} class; a classifier needs two")
    numbers = {value: number for number, value in enumerate(classes)}
    mapped = {}
    for split, found in values.items():
        unseen = sorted({str(value) for value in found} - set(numbers))
        if unseen:
            raise DataError(
                "",
                "data.label",
                f"label {unseen[0]!r} of {split} is not in the training split; that has {', '.join(classes[:8])}",
            )
        rows = splits[split].remove_columns(column)
        mapped[split] = rows.add_column("labels", [numbers[str(value)] for value in found])
    return mapped, tuple(shown_names)


def _shower(rows: Dataset, column: str) -> Any:
    feature = rows.features[column]
    if hasattr(feature, "int2str"):
        return lambda value: None if value is None or value < 0 else feature.int2str(value)

    def shown(value: Any) -> str | None:
        if value is None or value != value:  # pandas reads an empty cell as NaN, which differs from itself
            return None
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)

    return shown


def _in_order(values: set[str]) -> list[str]:
    def key(value: str) -> tuple[int, float, str]:
        try:
            return (0, float(value), value)
        except ValueError:
            return (1, 0.0, value)

    return sorted(values, key=key)
