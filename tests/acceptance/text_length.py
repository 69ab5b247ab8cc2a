"""A task of another package, whole in this one file: the regression of a text's length in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tuner.errors import DataError
from tuner.study.tasks import Metric, TaskDeclaration
from tuner.training.tasks.base import Predictions
from tuner.training.tasks.texts import ReadsTexts

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
    from datasets import Dataset

    from tuner.study.data_config import DataConfig


def _largest_error(outputs: Any, targets: Any) -> float:
    return float(abs(outputs[:, 0] - targets).max())


class TextLength(ReadsTexts):
    """One number a text, mean squared error."""

    declaration = TaskDeclaration(
        name="text-length",
        metrics={
            "loss": Metric(direction="minimize", compute=None),
            "largest_error": Metric(direction="minimize", compute=_largest_error),
        },
        preset="text-classification",
    )

    def targets(self, splits: Mapping[str, Dataset], data: DataConfig) -> tuple[dict[str, Dataset], tuple[str, ...]]:
        """Read the label as a number."""
        numbered = {}
        for name, rows in splits.items():
            values = rows[data.label][:]
            if None in values:
                raise DataError("", "data.label", f"row {values.index(None)} of {name} has no number")
            numbered[name] = rows.remove_columns(data.label).add_column("labels", [float(value) for value in values])
        return numbered, ()

    @property
    def auto_model(self) -> Any:
        """The transformers Auto class of the model."""
        from transformers import AutoModelForSequenceClassification

        return AutoModelForSequenceClassification

    def head(self, labels: Sequence[str]) -> dict[str, Any]:
        """One output."""
        return {"num_labels": 1, "problem_type": "regression"}

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The summed squared error."""
        from torch.nn.functional import mse_loss

        return mse_loss(logits.float()[:, 0], targets, reduction="sum")

    def mean_loss(self, predictions: Predictions) -> float:
        """The mean squared error."""
        from torch.nn.functional import mse_loss

        return mse_loss(predictions.outputs[:, 0], predictions.targets).item()

    def row_scores(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        """The squared error of each row, negated."""
        scores: npt.NDArray[np.float64] = -(predictions.outputs[:, 0] - predictions.targets).double().square().numpy()
        return scores


TASK = TextLength()
