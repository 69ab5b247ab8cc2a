from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset, Features, Value
from datasets import Image as ImageFeature
from PIL import Image

from tuner.errors import DataError
from tuner.study.data_config import DataConfig
from tuner.training.data.files.places import ROW
from tuner.training.tasks.image_classification import TASK
from tuner.trial.run import ModelSource

CELLS = {"bytes": Value("binary"), "path": Value("string")}


@pytest.fixture
def processor(checkpoint: Callable[..., ModelSource]) -> Any:
    return TASK.processor(checkpoint("vit", 2))


def stored(folder: Path, pictures: list[Image.Image], *, decoded: bool = False) -> Dataset:
    """Returns rows of pictures that are files in a folder."""
    cells = []
    for number, picture in enumerate(pictures):
        path = folder / f"{number}.{'tif' if picture.mode == 'F' else 'png'}"
        picture.save(path)
        cells.append({"bytes": None, "path": str(path)})
    features = Features({"image": ImageFeature() if decoded else CELLS, "labels": Value("int64")})
    return Dataset.from_dict({"image": cells, "labels": [0] * len(cells)}, features=features)


def encoded(rows: Dataset, processor: Any, *, inspected: bool = False) -> Any:
    task: Any = TASK
    if inspected:
        task = TASK.begin(str)
        assert len(list(task.contents(rows.add_column(ROW, list(range(len(rows)))), "image"))) == len(rows)
        task.conversion()
    found = task.encode(rows, DataConfig(source="photos"), processor, 0)
    assert set(found.column_names) == {"labels", "pixel_values", "length"}
    return np.asarray(found["pixel_values"][:], dtype=np.float32)


def noise(kind: Any, count: int = 3) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (20, 30), dtype=np.uint8).astype(kind)) for _ in range(count)]


@pytest.mark.parametrize("decoded", [True, False])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_pictures_that_were_right_are_encoded_as_before(
    mode: str, decoded: bool, tmp_path: Path, processor: Any
) -> None:
    pictures = [picture.convert(mode) for picture in noise(np.uint8)]
    before = processor([picture.convert("RGB") for picture in pictures], return_tensors="np")["pixel_values"]
    assert np.array_equal(encoded(stored(tmp_path, pictures, decoded=decoded), processor), before)


@pytest.mark.parametrize("inspected", [False, True])
@pytest.mark.parametrize(("kind", "factor"), [(np.uint16, 257), (np.float32, 1 / 255)])
def test_grey_of_more_bits_is_encoded_like_that_of_8_bits(
    kind: Any, factor: float, inspected: bool, tmp_path: Path, processor: Any
) -> None:
    pictures = noise(np.uint8)
    deep = [Image.fromarray((np.asarray(picture) * np.float64(factor)).astype(kind)) for picture in pictures]
    expected = encoded(stored(tmp_path, pictures), processor)
    assert np.array_equal(encoded(stored(tmp_path, deep), processor, inspected=inspected), expected)


def test_pictures_of_one_colour_are_refused(tmp_path: Path, processor: Any) -> None:
    with pytest.raises(DataError, match="all 2 pictures are of one and the same colour after conversion"):
        encoded(stored(tmp_path, [Image.new("RGB", (4, 4), "white")] * 2), processor)


def test_pictures_of_several_colours_are_encoded(tmp_path: Path, processor: Any) -> None:
    assert len(encoded(stored(tmp_path, [Image.new("RGB", (4, 4), each) for each in ("red", "blue")]), processor)) == 2
    assert len(encoded(stored(tmp_path, [Image.new("RGB", (4, 4), "white")]), processor)) == 1


def test_a_broken_picture_is_an_error_of_ours(tmp_path: Path, processor: Any) -> None:
    rows = stored(tmp_path, noise(np.uint8))
    (tmp_path / "1.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"1\.png is empty"):
        encoded(rows, processor)


def test_a_row_without_a_picture_is_refused(processor: Any) -> None:
    rows = Dataset.from_dict(
        {"image": [None], "labels": [0]}, features=Features({"image": CELLS, "labels": Value("int64")})
    )
    with pytest.raises(DataError, match="a row has no image in column 'image'"):
        encoded(rows, processor)


def test_a_column_of_other_things_is_refused(processor: Any) -> None:
    rows = Dataset.from_dict({"image": ["photos/1.png"], "labels": [0]})
    with pytest.raises(DataError, match="column 'image' holds no pictures"):
        encoded(rows, processor)
