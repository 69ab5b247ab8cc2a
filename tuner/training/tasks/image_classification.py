"""Classification of images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tuner.errors import DataError, ModelError
from tuner.study.loading_problems import loading_problem
from tuner.study.tasks import TaskDeclaration
from tuner.training.tasks.classification import METRICS, Classification

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from datasets import Dataset

    from tuner.study.data_config import DataConfig
    from tuner.training.data.examples import ImageExamples
    from tuner.training.data.picture_inspection import PictureInspection
    from tuner.training.data.pictures import Scales
    from tuner.trial.run import ModelSource


class ImageClassification(Classification):
    """Classification of images."""

    declaration = TaskDeclaration(name="image-classification", metrics=METRICS, preset="image-classification")

    def __init__(self) -> None:
        #: Of the preparation of one study: the inspection of its pictures, their places, and then their scales.
        self._inspection: PictureInspection | None = None
        self._place: Callable[[int], str] = str
        self._scales: Scales | None = None

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
        from transformers import AutoImageProcessor

        from tuner.training.data.pictures import require_pillow

        require_pillow()
        try:
            # The variant that works on arrays: the other one needs torchvision.
            return AutoImageProcessor.from_pretrained(model.location, backend="pil", **model.arguments)
        except (ImportError, OSError, ValueError, KeyError) as error:
            reason = loading_problem(error)
            raise ModelError("", "model", f"{model.location} has no usable image processor: {reason}") from error

    def begin(self, place: Callable[[int], str]) -> ImageClassification:
        """Return a copy that inspects the pictures of one study."""
        from tuner.training.data.picture_inspection import PictureInspection

        begun = ImageClassification()
        begun._inspection, begun._place = PictureInspection(), place
        return begun

    def contents(self, rows: Dataset, column: str) -> Iterable[bytes]:
        """Yield the pixels of each picture, and note its faults."""
        from tuner.training.data.files.places import ROW
        from tuner.training.data.picture_inspection import undecoded

        if column == "labels" or self._inspection is None:
            yield from super().contents(rows, column)
            return
        for number, cell in zip(rows[ROW], undecoded(rows, column)[column], strict=True):
            yield self._inspection.add(cell, self._place(number))

    def conversion(self) -> str:
        """Name all broken pictures in one error, or return the conversions that version 0.1 did not have."""
        if self._inspection is None:
            return ""
        facts = self._inspection.facts()
        self._scales, self.notes = facts.scales, facts.notes
        return facts.conversion

    def identities(self, rows: Dataset, data: DataConfig) -> npt.NDArray[np.int64] | None:
        """Return a hash of each picture's file."""
        import numpy as np

        from tuner.training.data.picture_inspection import undecoded
        from tuner.training.data.pictures import file_hash

        return np.asarray([file_hash(cell) for cell in undecoded(rows, data.image)[data.image]], dtype=np.int64)

    def encode(self, rows: Dataset, data: DataConfig, processor: Any, max_length: int) -> Dataset:
        """Resize and normalise; `max_length` has no meaning for images.

        Args:
            rows: The rows of a split. The images are cells of `bytes` and `path`, or decoded by datasets.
            data: The study file's `data`.
            processor: The image processor.
            max_length: Without meaning.

        Raises:
            DataError: A row has no image, or all images are of one colour.
            ModelError: The processor makes other inputs than one array of pixels for each image.
        """
        from datasets import Array3D, Features, Value

        from tuner.training.data.picture_inspection import undecoded

        column = data.image
        cells = undecoded(rows, column)
        opener = _Opener(cells, column, self._scales)
        colours = _Colours()

        def pixels(batch: Mapping[str, list[Any]]) -> dict[str, Any]:
            images = [opener.open(cell) for cell in batch[column]]
            values = _pixel_values(processor, images)
            colours.add(values)
            return {"pixel_values": values, "length": [1] * len(images)}

        shape = pixels(cells[:1])["pixel_values"].shape[1:]
        features = Features(
            {
                "labels": rows.features["labels"],
                "pixel_values": Array3D(shape=shape, dtype="float32"),
                "length": Value("int64"),
            }
        )
        unused = [name for name in rows.column_names if name != "labels"]
        encoded = cells.map(pixels, batched=True, batch_size=64, remove_columns=unused, features=features)
        if len(rows) > 1 and colours.is_one:
            raise DataError(
                "",
                "data.image",
                f"all {len(rows):,} pictures are of one and the same colour after conversion, so there is nothing to "
                "learn from them; look at the files in an image viewer",
            )
        return encoded

    def as_png(self, rows: Dataset, data: DataConfig) -> Iterable[bytes]:
        """Yield some pictures as a person sees them, each as a PNG file; to be called after `conversion`."""
        from io import BytesIO

        from tuner.training.data.picture_inspection import undecoded

        cells = undecoded(rows, data.image)
        opener = _Opener(cells, data.image, self._scales)
        for cell in cells[data.image]:
            written = BytesIO()
            opener.open(cell).save(written, "PNG")
            yield written.getvalue()

    def padding(self, processor: Any) -> dict[str, Any]:
        """Return nothing: all images have one size."""
        return {}

    def examples(self, rows: Dataset, padding: Mapping[str, Any]) -> ImageExamples:
        """Return the images."""
        from tuner.training.data.examples import ImageExamples

        return ImageExamples(rows)


def _pixel_values(processor: Any, images: list[Any]) -> npt.NDArray[np.float32]:
    """Return the inputs that a processor makes of images. Shape: (images, channels, height, width)."""
    import numpy as np

    # No kind of array is asked for: the processor of timm's models makes tensors alone.
    made = processor(images)
    if "pixel_values" not in made:
        complaint = f"makes {', '.join(sorted(made))} of images"
    else:
        values = np.asarray(made["pixel_values"], dtype=np.float32)
        if values.ndim == 4:
            return values
        complaint = f"makes arrays of {values.ndim - 1} dimensions of an image"
    raise ModelError(
        "",
        "model",
        f"the image processor {type(processor).__name__} {complaint}; only models that take pixel_values of channels, "
        "height and width can be trained",
    )


class _Opener:
    """Opens the pictures of some rows as a person sees them."""

    def __init__(self, rows: Dataset, column: str, scales: Scales | None) -> None:
        self._rows = rows
        self._column = column
        self._scales = scales

    def open(self, cell: Mapping[str, Any] | None) -> Any:
        from tuner.training.data.picture_faults import PictureFault
        from tuner.training.data.pictures import REAL_MODE, WHOLE_MODES, Scales, as_seen, open_picture

        if cell is None or (cell["bytes"] is None and cell["path"] is None):
            raise DataError("", "data.image", f"a row has no image in column {self._column!r}")
        try:
            picture = open_picture(cell)
            if self._scales is None and (picture.mode in WHOLE_MODES or picture.mode == REAL_MODE):
                self._scales = self._found()
            return as_seen(picture, self._scales or Scales())
        except PictureFault as error:
            raise DataError("", "data.image", f"{cell['path'] or 'a picture'} {error.reason}") from error

    def _found(self) -> Scales:
        from tuner.training.data.picture_inspection import inspect_pictures

        return inspect_pictures(self._rows, self._column, lambda index: f"row {index}").scales


class _Colours:
    """Tells whether all encoded pictures are of one colour, the same for all of them."""

    def __init__(self) -> None:
        self._found: bytes | None = None
        self.is_one = True

    def add(self, values: npt.NDArray[np.float32]) -> None:
        """Add encoded pictures. Shape: (pictures, channels, height, width)."""
        if not self.is_one:
            return
        # After the first picture of two colours this costs nothing.
        for picture in values:
            first = picture[..., :1, :1]
            colour = first.tobytes()
            if (picture != first).any() or (self._found is not None and colour != self._found):
                self.is_one = False
                return
            self._found = colour


TASK = ImageClassification()
