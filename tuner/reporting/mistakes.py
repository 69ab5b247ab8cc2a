"""What a classifier gets wrong: scores of each class, confusion, calibration, and the rows that tell most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuner.trial.row_arrays import decoded_array

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: Rows of each kind that are shown.
SHOWN = 10
#: Parts of the range of confidences in which calibration is judged (Guo et al., ICML 2017, arXiv 1706.04599: 15).
BINS = 15


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """How well one class is told."""

    label: str
    #: Rows of this class.
    rows: int
    #: Of the rows that are taken for this class, the share that are of it; None where none is.
    precision: float | None
    #: Of the rows of this class, the share that are taken for it; None where there are none.
    recall: float | None
    f1: float


@dataclass(frozen=True, kw_only=True)
class Mistakes:
    """What a model gets wrong, beside another one."""

    rows: int
    right: int
    classes: tuple[ClassScore, ...]
    #: Rows by their class and by the class that they are taken for. Shape: (classes, classes).
    confusion: tuple[tuple[int, ...], ...]
    #: Mean difference between the confidence of rows and the share of them that are right, over parts of the range.
    calibration_error: float
    #: Mean confidence.
    confidence: float
    #: Numbers of rows, those first where this model is most confident: its mistakes; rows that it alone gets right; and
    #: rows that only the other one gets right. Without another model the latter two are empty.
    confident: tuple[int, ...]
    only_winner: tuple[int, ...]
    only_recipe: tuple[int, ...]
    #: How many there are of the latter two.
    winner_alone: int
    recipe_alone: int

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Mistakes:
        """Find them.

        Args:
            found: As `tuner.training.held_out.judge` returns it, with targets. The last model is judged, beside the
                first one where there are two.
        """
        import numpy as np

        labels, targets = found["labels"], decoded_array(found["targets"]).astype(np.int64)
        stored = found["models"][-1]["predictions"]
        chosen = decoded_array(stored["class"]).astype(np.int64)
        confidence = decoded_array(stored["confidence"]).astype(np.float64)
        right = chosen == targets
        other = np.zeros_like(right)
        if len(found["models"]) > 1:
            other = decoded_array(found["models"][0]["predictions"]["class"]).astype(np.int64) == targets
        gained, lost = right & ~other, other & ~right
        if len(found["models"]) == 1:
            gained = lost = np.zeros_like(right)
        confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
        np.add.at(confusion, (targets, chosen), 1)
        return cls(
            rows=len(targets),
            right=int(right.sum()),
            classes=_class_scores(labels, confusion),
            confusion=tuple(tuple(int(count) for count in row) for row in confusion),
            calibration_error=_calibration_error(confidence, right),
            confidence=float(confidence.mean()),
            confident=_most_confident(~right, confidence),
            only_winner=_most_confident(gained, confidence),
            only_recipe=_most_confident(lost, confidence),
            winner_alone=int(gained.sum()),
            recipe_alone=int(lost.sum()),
        )


def shown_rows(
    found: Mapping[str, Any], numbers: Sequence[int], described: Mapping[int, Mapping[str, str]]
) -> list[dict[str, Any]]:
    """Return rows as JSON values.

    Args:
        found: As in `Mistakes.of`.
        numbers: Numbers of the rows.
        described: By number, place, text and label of a row.
    """
    labels, models = found["labels"], found["models"]
    columns = [
        (
            model["trial"],
            decoded_array(model["predictions"]["class"]),
            decoded_array(model["predictions"]["confidence"]),
        )
        for model in models
    ]
    return [
        {
            "row": number,
            **described[number],
            "predictions": [
                {"trial": trial, "label": labels[int(chosen[number])], "confidence": round(float(sure[number]), 4)}
                for trial, chosen, sure in columns
            ],
        }
        for number in numbers
    ]


def _class_scores(labels: Sequence[str], confusion: npt.NDArray[np.int64]) -> tuple[ClassScore, ...]:
    told = []
    for number, label in enumerate(labels):
        hits, rows, taken = (
            int(each) for each in (confusion[number, number], confusion[number].sum(), confusion[:, number].sum())
        )
        told.append(
            ClassScore(
                label=label,
                rows=rows,
                precision=hits / taken if taken else None,
                recall=hits / rows if rows else None,
                f1=2 * hits / (rows + taken) if rows + taken else 0.0,
            )
        )
    return tuple(told)


def _calibration_error(confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """Return the expected calibration error: each part of the range counts by its rows."""
    import numpy as np

    part = np.minimum((confidence * BINS).astype(int), BINS - 1)
    total = 0.0
    for number in range(BINS):
        some = part == number
        if some.any():
            total += float(some.mean()) * abs(float(confidence[some].mean()) - float(right[some].mean()))
    return total


def _most_confident(some: npt.NDArray[np.bool_], confidence: npt.NDArray[np.float64]) -> tuple[int, ...]:
    """Return the numbers of some rows, the most confident first; of equally confident ones the first."""
    import numpy as np

    numbers = np.flatnonzero(some)
    return tuple(int(each) for each in numbers[np.argsort(-confidence[numbers], kind="stable")][:SHOWN])
