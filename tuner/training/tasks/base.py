"""What a task is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datasets import Dataset

    from tuner.study.config import DataConfig
    from tuner.training.data.examples import Examples
    from tuner.trial.run import ModelSource


class Task(Protocol):
    """How examples become batches and a checkpoint becomes a model."""

    @property
    def auto_model(self) -> Any:
        """The transformers Auto class of the model."""

    def columns(self, data: DataConfig) -> dict[str, list[str]]:
        """Return the columns that the task reads, by the key of the study file that names them."""

    def processor(self, model: ModelSource) -> Any:
        """Load what turns examples into tensors: a tokenizer or an image processor.

        Raises:
            ModelError: The checkpoint has none.
        """

    def encode(self, rows: Dataset, data: DataConfig, processor: Any, max_length: int) -> Dataset:
        """Turn rows into the model's inputs, once, with a column `length` (tokens) beside them.

        Raises:
            DataError: A row has no usable value.
            ModelError: The processor can do nothing with the rows.
        """

    def padding(self, processor: Any) -> dict[str, Any]:
        """Return with what encoded rows are padded, as JSON values."""

    def examples(self, rows: Dataset, padding: Mapping[str, Any]) -> Examples:
        """Return the examples of encoded rows."""
