from __future__ import annotations

from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from datasets import Image as ImageFeature
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tuner.errors import DataError
from tuner.training.data.picture_faults import PictureFault
from tuner.training.data.picture_inspection import PictureFacts, PictureInspection
from tuner.training.data.pictures import Scales, as_seen, open_picture

Bytes = npt.NDArray[np.uint8]


def cell(picture: Image.Image | bytes, kind: str = "PNG", **said: Any) -> dict[str, Any]:
    if isinstance(picture, bytes):
        return {"bytes": picture, "path": None}
    file = BytesIO()
    picture.save(file, kind, **said)
    return {"bytes": file.getvalue(), "path": None}


def colours(height: int = 6, width: int = 4) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def grey(values: Any, kind: type[Any]) -> Image.Image:
    return Image.fromarray(np.asarray(values, dtype=kind))


def inspected(*cells: dict[str, Any] | None) -> tuple[PictureFacts, list[bytes]]:
    inspection = PictureInspection()
    seen = [inspection.add(each, f"photos/{number}.png") for number, each in enumerate(cells)]
    return inspection.facts(), seen


def complaint(*cells: dict[str, Any] | None) -> str:
    with pytest.raises(DataError) as caught:
        inspected(*cells)
    assert caught.value.key == "data.image"
    assert "\n" not in caught.value.reason
    return caught.value.reason


def converted(each: dict[str, Any]) -> Bytes:
    facts, _ = inspected(each)
    return np.asarray(as_seen(open_picture(each), facts.scales))


# Pictures that version 0.1 converted right, by the way to write them.
PLAIN: dict[str, Callable[[], dict[str, Any]]] = {
    "RGB": lambda: cell(colours()),
    "L": lambda: cell(colours().convert("L")),
    "1": lambda: cell(colours().convert("1")),
    "P": lambda: cell(colours().convert("P")),
    "jpeg": lambda: cell(colours(), "JPEG"),
    "CMYK": lambda: cell(colours().convert("CMYK"), "JPEG"),
    "YCbCr": lambda: cell(colours().convert("YCbCr"), "JPEG"),
    "LAB": lambda: cell(colours().convert("LAB"), "TIFF"),
    "gif": lambda: cell(colours().convert("P"), "GIF"),
    "turned": lambda: cell(colours(), exif=_orientation(6)),
    "opaque": lambda: cell(colours().convert("RGBA")),
    "words of 8 bits": lambda: cell(grey([[0, 255]], np.uint16)),
    "floats to 255": lambda: cell(grey([[0, 17.5, 255]], np.float32), "TIFF"),
}


def _orientation(way: int) -> Image.Exif:
    exif = Image.Exif()
    exif[Image.ExifTags.Base.Orientation] = way
    return exif


@pytest.mark.parametrize("name", PLAIN)
def test_a_picture_that_was_right_is_converted_and_fingerprinted_as_before(name: str) -> None:
    each = PLAIN[name]()
    before = ImageFeature().decode_example(each)
    facts, fingerprints = inspected(each)
    assert converted(each).tobytes() == before.convert("RGB").tobytes()
    assert fingerprints == [before.tobytes()]
    assert facts.conversion == ""
    assert facts.notes == ()


@pytest.mark.parametrize(("kind", "mode"), [("GIF", "P"), ("TIFF", "RGB")])
def test_of_several_pages_or_frames_the_first_is_used_and_said(kind: str, mode: str) -> None:
    first, second = colours().convert(mode), Image.new(mode, (4, 6))
    several = cell(first, kind, save_all=True, append_images=[second])
    facts, fingerprints = inspected(several)
    assert facts.notes == ("files of several pages or frames: 1; the first one of each is used",)
    assert converted(several).tobytes() == converted(cell(first, kind)).tobytes()
    assert fingerprints == inspected(cell(first, kind))[1]


@pytest.mark.parametrize("way", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_picture_is_turned_upright(way: int, kind: str) -> None:
    each = cell(colours(), kind, exif=_orientation(way))
    before = ImageFeature().decode_example(each)
    assert open_picture(each).size == ((4, 6) if way < 5 else (6, 4))
    assert open_picture(each).tobytes() == before.tobytes()


def test_damaged_exif_leaves_the_picture_as_it_is() -> None:
    each = cell(colours(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12")
    assert np.array_equal(converted(each), converted(cell(colours(), "JPEG")))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled(kind: str) -> None:
    each = cell(grey([[0, 257, 32896, 65535]], np.uint16), kind)
    assert converted(each)[..., 0].tolist() == [[0, 1, 128, 255]]
    facts, (fingerprint,) = inspected(each)
    assert facts.conversion == "whole-65535"
    assert fingerprint == ImageFeature().decode_example(each).tobytes()
    assert facts.notes == ("grey pictures of more than 8 bits: 1, with values from 0 to 65,535; 65,535 is white",)


def test_big_endian_16_bit_grey_is_scaled() -> None:
    picture = Image.frombytes("I;16B", (2, 1), b"\x00\x00\xff\xff")
    assert np.asarray(as_seen(picture, Scales()))[..., 0].tolist() == [[0, 255]]


def test_integers_of_32_bits_are_scaled_where_16_bits_hold_them() -> None:
    each = cell(grey([[0, 65535]], np.int32), "TIFF")
    assert converted(each)[..., 0].tolist() == [[0, 255]]


def test_grey_of_12_bits_is_white_at_4095_in_all_pictures() -> None:
    pictures = [cell(grey([[0, white]], np.uint16)) for white in (4095, 819)]
    facts, _ = inspected(*pictures)
    seen = [np.asarray(as_seen(open_picture(each), facts.scales))[0, 1, 0] for each in pictures]
    assert seen == [255, 51]


def test_the_transparent_value_of_16_bit_grey_is_white() -> None:
    each = cell(grey([[7, 65535, 32896]], np.uint16), transparency=7)
    assert converted(each)[..., 0].tolist() == [[255, 255, 128]]


def test_floats_are_scaled_by_the_range_of_all_pictures() -> None:
    pictures = [cell(grey([[0, white]], np.float32), "TIFF") for white in (1, 0.2)]
    facts, _ = inspected(*pictures)
    seen = [np.asarray(as_seen(open_picture(each), facts.scales))[0, 1, 0] for each in pictures]
    assert seen == [255, 51]
    assert facts.conversion == "real-1"


def test_a_float_picture_is_dark_beside_one_with_values_to_255() -> None:
    pictures = [cell(grey([[0, white]], np.float32), "TIFF") for white in (255, 1)]
    facts, _ = inspected(*pictures)
    assert facts.scales.real == 255
    assert np.asarray(as_seen(open_picture(pictures[1]), facts.scales))[0, 1, 0] == 1


@pytest.mark.parametrize(
    ("values", "kind", "said"),
    [
        ([0, 70000], np.int32, "from 0 to 70,000, such as photos/1.png"),
        ([-5, 3], np.int32, "from -5 to 9, such as photos/1.png"),
        ([0, 300], np.float32, "from 0 to 300, such as photos/1.png"),
        ([-0.5, 0.5], np.float32, "from -0.5 to 0.9, such as photos/1.png"),
        ([0, 1.5], np.float32, "from 0 to 1.5, such as photos/1.png"),
        ([0, float("nan")], np.float32, "photos/1.png holds values that are no finite numbers"),
    ],
)
def test_grey_without_a_known_white_is_refused(values: list[float], kind: type[Any], said: str) -> None:
    good = cell(grey([[0, 9 if kind is np.int32 else 0.9]], kind), "TIFF")
    assert said in complaint(good, cell(grey([values], kind), "TIFF"))


def drawing(ink: str) -> Image.Image:
    picture = Image.new("RGBA", (4, 4), "#00000000")
    picture.paste(ink, (0, 0, 2, 2))
    return picture


TRANSPARENT: dict[str, Callable[[], dict[str, Any]]] = {
    "RGBA": lambda: cell(drawing("#000000ff")),
    "LA": lambda: cell(drawing("#000000ff").convert("LA")),
    "PA": lambda: cell(drawing("#000000ff").convert("PA"), "TIFF"),
    "palette": lambda: cell(Image.frombytes("P", (2, 1), b"\x00\x01"), transparency=0),
    "palette of bytes": lambda: cell(Image.frombytes("P", (2, 1), b"\x00\x01"), transparency=b"\x00\xff"),
    "L": lambda: cell(grey([[0, 9]], np.uint8), transparency=0),
    "RGB": lambda: cell(Image.new("RGB", (2, 2)), transparency=(0, 0, 0)),
    "1": lambda: cell(Image.new("1", (2, 2)), transparency=0),
}


@pytest.mark.parametrize("name", TRANSPARENT)
def test_transparent_parts_are_white(name: str) -> None:
    each = TRANSPARENT[name]()
    facts, (fingerprint,) = inspected(each)
    before = ImageFeature().decode_example(each)
    assert converted(each).max() == 255
    assert fingerprint != before.tobytes()
    assert facts.conversion == "background"


def test_a_half_transparent_part_is_mixed_with_white() -> None:
    assert converted(cell(drawing("#00000080")))[0, 0].tolist() == [127, 127, 127]


def test_a_white_drawing_on_nothing_is_laid_on_black() -> None:
    seen = converted(cell(drawing("#ffffffff")))
    assert seen[0, 0].tolist() == [255, 255, 255]
    assert seen[3, 3].tolist() == [0, 0, 0]


BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is empty"),
    "html": (lambda: b"\n<!DOCTYPE html><p>404", "is an HTML page"),
    "svg": (lambda: b'<?xml version="1.0"?><svg/>', "is an SVG drawing"),
    "json": (lambda: b'{"error": 404}', "is a text"),
    "heic": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "is a HEIC picture"),
    "pdf": (lambda: b"%PDF-1.4", "is a PDF"),
    "zip": (lambda: b"PK\x03\x04....", "is a zip archive"),
    "lfs": (lambda: b"version https://git-lfs.github.com/spec/v1", "is a pointer of Git LFS; run `git lfs pull`"),
    "zeros": (lambda: bytes(900), "begins with zeros alone"),
    "words": (lambda: b"hello", "is no picture that Pillow reads"),
    "cut png": (lambda: cell(colours(40, 40))["bytes"][:900], "is cut off"),
    "cut jpeg": (lambda: cell(colours(40, 40), "JPEG")["bytes"][:900], "is cut off"),
    "hdf5": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(20), "is of a kind that Pillow recognises and cannot read"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_picture_is_named_with_its_reason(name: str) -> None:
    broken, said = BROKEN[name]
    assert f"1 of 2 pictures cannot be used: photos/1.png {said}" in complaint(cell(colours()), cell(broken()))


def test_too_many_pixels_are_refused_and_many_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    each = cell(colours(10, 10))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60)
    assert open_picture(each).size == (10, 10)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    assert "photos/0.png has more pixels than Pillow opens" in complaint(each)


def test_all_broken_pictures_are_counted_and_the_first_named(tmp_path: Path) -> None:
    gone = [{"bytes": None, "path": str(tmp_path / f"{number}.jpg")} for number in range(21)]
    reason = complaint(None, cell(colours()), *gone, {"bytes": None, "path": str(tmp_path)})
    assert reason.startswith("23 of 24 pictures cannot be used: photos/0.png has no picture, photos/10.png (")
    assert "/0.jpg) is not there" in reason
    assert "and 3 more; replace or remove them" in reason


@cache
def _files() -> tuple[bytes, ...]:
    words = grey(np.arange(400).reshape(20, 20) * 100, np.uint16)
    return (
        cell(colours(20, 20))["bytes"],
        cell(colours(20, 20).convert("P"), transparency=3)["bytes"],
        cell(colours(20, 20).convert("RGBA"), exif=_orientation(6))["bytes"],
        cell(colours(20, 20), "JPEG", exif=_orientation(3))["bytes"],
        cell(colours(20, 20).convert("CMYK"), "JPEG")["bytes"],
        cell(words, "TIFF")["bytes"],
        cell(words.convert("F"), "TIFF")["bytes"],
        cell(colours(20, 20), "TIFF", compression="tiff_lzw")["bytes"],
        cell(colours(20, 20).convert("P"), "GIF")["bytes"],
        cell(colours(20, 20), "BMP")["bytes"],
        cell(colours(20, 20), "WEBP")["bytes"],
    )


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_a_picture_or_an_error_of_ours(data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from(_files())))
    for _ in range(data.draw(st.integers(0, 4))):
        # Headers are the parts that decide much.
        place = data.draw(st.integers(0, min(len(file), data.draw(st.sampled_from((60, 10_000)))) - 1))
        file[place] ^= 1 << data.draw(st.integers(0, 7))
    file = file[: data.draw(st.integers(0, len(file)))] if data.draw(st.booleans()) else file
    each = cell(bytes(file))
    with pytest.MonkeyPatch.context() as patch:
        # A damaged size of a hundred million pixels would take seconds.
        patch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
        assert _is_picture_or_error(each)


def _is_picture_or_error(each: dict[str, Any]) -> bool:
    try:
        facts, _ = inspected(each)
    except DataError as error:
        return error.reason.startswith(("1 of 1 pictures cannot be used: photos/0.png ", "grey pictures "))
    return as_seen(open_picture(each), facts.scales).mode == "RGB"


def test_a_fault_has_the_reason_alone() -> None:
    with pytest.raises(PictureFault) as caught:
        open_picture({"bytes": b"", "path": "photos/1.png"})
    assert caught.value.reason == "is empty"
