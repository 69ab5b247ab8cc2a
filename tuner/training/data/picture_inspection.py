"""Inspection: opens every picture of a study once, names all broken ones, and finds the scales of grey pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.errors import DataError
from tuner.training.data.files.values import listed
from tuner.training.data.picture_faults import PictureFault
from tuner.training.data.pictures import REAL_MODE, SEVERAL, WHOLE_MODES, Scales, as_seen, open_picture, quiet

if TYPE_CHECKING:
    from datasets import Dataset
    from PIL.Image import Image

    from tuner.training.data.pictures import Cell

#: Broken pictures that a message names.
_NAMED = 20
#: Modes that Pillow always converts to RGB.
_PLAIN = frozenset({"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr"})
#: Values of white for whole numbers.
_WHITES = (255, 4095, 65535)
#: Floats may exceed 0 and 1 by so much, as rounding makes them.
_ROUNDING = 1e-3
#: Floats whose largest value is between 1 and this number are neither of 0 to 1 nor, as it seems, of 0 to 255.
_FAINT = 16


@dataclass(frozen=True, kw_only=True)
class PictureFacts:
    """The findings about all pictures of a study."""

    count: int
    scales: Scales
    #: The conversions that version 0.1 did not have, as a word for the fingerprint of the data; empty where all
    #: pictures are converted as they were by version 0.1.
    conversion: str
    #: Sentences for the user.
    notes: tuple[str, ...]


@dataclass
class _Range:
    """The values of all grey pictures of one kind."""

    pictures: int = 0
    lowest: float = 0.0
    highest: float = 0.0
    #: Places of the pictures with the lowest and the highest value.
    darkest: str = ""
    brightest: str = ""

    def add(self, lowest: float, highest: float, place: str) -> None:
        if not self.pictures or lowest < self.lowest:
            self.lowest, self.darkest = lowest, place
        if not self.pictures or highest > self.highest:
            self.highest, self.brightest = highest, place
        self.pictures += 1


class PictureInspection:
    """The inspection of all pictures of a study, of all its splits. Call `add` for each picture, then `facts`."""

    def __init__(self) -> None:
        self._count = 0
        self._broken: list[str] = []
        self._whole = _Range()
        self._real = _Range()
        self._laid = 0
        self._of_several = 0

    def add(self, cell: Cell | None, place: str) -> bytes:
        """Open a picture and note its faults.

        Args:
            cell: The picture.
            place: The name of the picture for messages: its path, or the file and line that name it.

        Returns:
            The bytes that stand for the picture in the fingerprint of the data: those of its pixels, as version 0.1
            took them, or other ones where transparency changes the converted picture. They are empty where it is
            broken. Changes to grey pictures are told by `PictureFacts.conversion` for all of them.
        """
        self._count += 1
        if cell is None or (cell["bytes"] is None and cell["path"] is None):
            self._broken.append(f"{place} has no picture")
            return b""
        try:
            picture = open_picture(cell)
            self._of_several += picture.info.get(SEVERAL, False)
            return self._seen(picture, place)
        except PictureFault as error:
            self._broken.append(f"{_named(place, cell)} {error.reason}")
            return b""

    def _seen(self, picture: Image, place: str) -> bytes:
        pixels: bytes = picture.tobytes()
        if picture.mode in WHOLE_MODES or picture.mode == REAL_MODE:
            values = np.asarray(picture)
            if values.size == 0 or not np.isfinite(values).all():
                raise PictureFault("holds values that are no finite numbers")
            kind = self._real if picture.mode == REAL_MODE else self._whole
            kind.add(float(values.min()), float(values.max()), place)
            return pixels
        if picture.mode in _PLAIN and not picture.has_transparency_data:
            return pixels
        seen = as_seen(picture, Scales()).tobytes()
        if not picture.has_transparency_data:
            return pixels
        with quiet():
            before = picture.convert("LA" if picture.mode == "La" else "RGB").tobytes()
        if before == seen:
            return pixels
        self._laid += 1
        return b"as seen:" + seen

    def facts(self) -> PictureFacts:
        """Return the findings.

        Raises:
            DataError: Pictures are broken, or grey ones hold values whose white is unclear. Broken ones are named
                together.
        """
        if self._broken:
            shown = listed(sorted(self._broken), _NAMED)
            raise DataError(
                "",
                "data.image",
                f"{len(self._broken):,} of {self._count:,} pictures cannot be used: {shown}; replace or remove them",
            )
        whole, real = self._whole, self._real
        scales = Scales(whole=_white_of_whole(whole), real=_white_of_real(real))
        notes, changed = [], []
        if whole.pictures and scales.whole > 255:
            changed.append(f"whole-{scales.whole}")
            notes.append(
                f"grey pictures of more than 8 bits: {whole.pictures:,}, with values from {whole.lowest:,.0f} to "
                f"{whole.highest:,.0f}; {scales.whole:,} is white"
            )
        if real.pictures and scales.real == 1:
            changed.append("real-1")
            notes.append(f"grey pictures of floats: {real.pictures:,}, with values from 0 to 1; 1 is white")
        if self._laid:
            changed.append("background")
            notes.append(
                f"pictures with transparent parts: {self._laid:,}, laid on white, or on black if white hides them"
            )
        if self._of_several:
            notes.append(f"files of several pages or frames: {self._of_several:,}; the first one of each is used")
        return PictureFacts(count=self._count, scales=scales, conversion="+".join(changed), notes=tuple(notes))


def inspect_pictures(rows: Dataset, column: str, place: Callable[[int], str]) -> PictureFacts:
    """Inspect the pictures of one data set.

    Args:
        rows: The rows.
        column: The column of the pictures, decoded by datasets or not.
        place: Returns the name of a row for messages.

    Raises:
        DataError: As `PictureInspection.facts` raises it.
    """
    inspection = PictureInspection()
    for index, cell in enumerate(undecoded(rows, column)[column]):
        inspection.add(cell, place(index))
    return inspection.facts()


def undecoded(rows: Dataset, column: str) -> Dataset:
    """Return rows whose pictures are cells of `bytes` and `path`, not opened by datasets.

    Raises:
        DataError: The column holds no pictures.
    """
    from datasets import Image

    feature: Any = rows.features[column]
    if isinstance(feature, Image):
        return rows.cast_column(column, Image(decode=False)) if feature.decode else rows
    if isinstance(feature, dict) and {"bytes", "path"} <= set(feature):
        return rows
    raise DataError("", "data.image", f"column {column!r} holds no pictures, but {feature!r:.80}")


def _named(place: str, cell: Cell) -> str:
    """Return a place with the picture's path, where the place is a line of a table."""
    if not cell["path"]:
        return place
    path = str(cell["path"]).replace("\\", "/").split("/")
    return place if place.endswith(path[-1]) else f"{place} ({'/'.join(path[-2:])})"


def _white_of_whole(values: _Range) -> int:
    if values.lowest < 0 or values.highest > _WHITES[-1]:
        place = values.darkest if values.lowest < 0 else values.brightest
        raise DataError(
            "",
            "data.image",
            f"grey pictures hold values from {values.lowest:,.0f} to {values.highest:,.0f}, such as {place}; "
            "save them with values from 0 to 255, or from 0 to 65,535",
        )
    return next(white for white in _WHITES if values.highest <= white)


def _white_of_real(values: _Range) -> int:
    if values.lowest >= -_ROUNDING and values.highest <= 1 + _ROUNDING:
        return 1
    if values.lowest >= -_ROUNDING and _FAINT <= values.highest <= 255.5:
        return 255
    place = values.darkest if values.lowest < -_ROUNDING else values.brightest
    raise DataError(
        "",
        "data.image",
        f"grey pictures of floats hold values from {values.lowest:g} to {values.highest:g}, such as {place}; "
        "save them with values from 0 to 1, or from 0 to 255",
    )
