"""Classification of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tuner.errors import DataError, ModelError
from tuner.study.sources import loading_problem
from tuner.study.tasks import TaskDeclaration
from tuner.training.tasks.classification import METRICS, Classification

if TYPE_CHECKING:
    from datasets import Dataset

    from tuner.study.data_config import DataConfig
    from tuner.training.data.examples import ImageExamples
    from tuner.trial.run import ModelSource


class ImageClassification(Classification):
    """Classification of images."""

    declaration = TaskDeclaration(name="image-classification", metrics=METRICS, preset="image-classification")

    @property
    def auto_model(self) -> Any:
        """The transformers Auto class of the model."""
        from transformers import AutoModelForImageClassification

        return AutoModelForImageClassification

    def columns(self, data: DataConfig) -> dict[str, list[str]]:
        """Return the column of the image."""
        return {"image": [data.image]}

    def processor(self, model: ModelSource) -> Any:
        """Load the image processor."""
        try:
            import PIL  # noqa: F401
        except ImportError as error:
            raise ModelError("", "task", "images need Pillow; pip install 'shichimi[images]'") from error
        from transformers import AutoImageProcessor

        try:
            # The variant that works on arrays: the other one needs torchvision.
            return AutoImageProcessor.from_pretrained(model.location, backend="pil", **model.arguments)
        except (OSError, ValueError, KeyError) as error:
            reason = loading_problem(error)
            raise ModelError("", "model", f"{model.location} has no usable image processor: {reason}") from error

    def encode(self, rows: Dataset, data: DataConfig, processor: Any, max_length: int) -> Dataset:
        """Resize and normalise; `max_length` has no meaning for images."""
        import numpy as np
        from datasets import Array3D, Features, Value

        column = data.image

        def pixels(batch: Mapping[str, list[Any]]) -> dict[str, Any]:
            images = batch[column]
            if any(image is None for image in images):
                raise DataError("", "data.image", f"a row has no image in column {column!r}")
            values = processor([image.convert("RGB") for image in images], return_tensors="np")["pixel_values"]
            return {"pixel_values": values.astype(np.float32), "length": [1] * len(images)}

        shape = pixels(rows[:1])["pixel_values"].shape[1:]
        features = Features(
            {
                "labels": rows.features["labels"],
                "pixel_values": Array3D(shape=shape, dtype="float32"),
                "length": Value("int64"),
            }
        )
        unused = [name for name in rows.column_names if name != "labels"]
        return rows.map(pixels, batched=True, batch_size=64, remove_columns=unused, features=features)

    def padding(self, processor: Any) -> dict[str, Any]:
        """Return nothing: all images have one size."""
        return {}

    def examples(self, rows: Dataset, padding: Mapping[str, Any]) -> ImageExamples:
        """Return the images."""
        from tuner.training.data.examples import ImageExamples

        return ImageExamples(rows)


TASK = ImageClassification()
