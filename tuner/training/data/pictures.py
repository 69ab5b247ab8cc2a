"""Pictures: opened as files hold them, and converted to 8-bit RGB as a person sees them."""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tuner.errors import ModelError
from tuner.training.data.file_kinds import HEAD
from tuner.training.data.picture_faults import PictureFault, fault

if TYPE_CHECKING:
    from PIL.Image import Image

    #: A picture in a data set: `bytes` of its file or None, and the `path` of the file or None.
    Cell = Mapping[str, Any]

#: Modes of Pillow whose values are whole numbers of more than 8 bits.
WHOLE_MODES = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
#: The mode of Pillow whose values are floats.
REAL_MODE = "F"
#: The key of a picture's `info` that is true where its file has further pages or frames, which are not read.
SEVERAL = "tuner: several"
#: Formats that Pillow recognises and cannot read without a plugin of another package.
_UNREAD = frozenset({"BUFR", "GRIB", "HDF5", "MPEG", "WMF"})


@dataclass(frozen=True)
class Scales:
    """The values of white in grey pictures of more than 8 bits. One pair of values holds for all pictures of a study.

    A value of its own for each picture would change the brightness of one picture against another.
    """

    #: White of whole numbers: 255, 4095 (12 bits) or 65535 (16 bits).
    whole: int = 65535
    #: White of floats: 1 or 255.
    real: int = 1


def require_pillow() -> None:
    """Check that Pillow is installed.

    Raises:
        ModelError: It is not.
    """
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise ModelError("", "task", "images need Pillow; pip install 'shichimi[images]'") from error


def picture_endings() -> frozenset[str]:
    """Return the endings of files that Pillow reads, in small letters and with their point."""
    require_pillow()
    from PIL import Image

    Image.init()
    found = Image.registered_extensions().items()
    return frozenset(ending for ending, kind in found if kind in Image.OPEN and kind not in _UNREAD)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop the warnings of Pillow, of which files alone are the cause: damaged EXIF, many pixels, odd palettes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def open_picture(cell: Cell) -> Image:
    """Open a picture, turned upright as its EXIF says. Of an animation it is the first frame.

    Args:
        cell: Either `bytes` or `path` is there; `bytes` counts where both are.

    Raises:
        PictureFault: The file is no picture, or damaged, or not there.
    """
    from PIL import Image

    try:
        with quiet(), Image.open(_source(cell)) as picture:
            picture.load()
            if _is_one_of_several(picture, cell):
                picture.info[SEVERAL] = True
            return _upright(picture)
    except Exception as error:  # each plugin of Pillow fails in its own way on a damaged file
        raise fault(error, _head(cell)) from error


def _is_one_of_several(picture: Image, cell: Cell) -> bool:
    """Return whether a picture's file has further pages or frames."""
    from PIL import Image

    if picture.format != "GIF":
        # Phones put a second view into a JPEG, which is then an MPO; it is one picture to its owner.
        return picture.format != "MPO" and bool(getattr(picture, "is_animated", False))
    # To answer, Pillow reads the next frame of a GIF in place of the one that is loaded.
    with contextlib.suppress(Exception), Image.open(_source(cell)) as again:
        return bool(again.is_animated)
    return False


def _source(cell: Cell) -> Any:
    return cell["path"] if cell["bytes"] is None else BytesIO(cell["bytes"])


def _upright(picture: Image) -> Image:
    from PIL.Image import ExifTags, Transpose

    ways = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        way = ways.get(picture.getexif().get(ExifTags.Base.Orientation))
    except Exception:  # damaged EXIF does not make the picture itself worse
        return picture
    return picture if way is None else picture.transpose(way)


def _head(cell: Cell) -> bytes | None:
    if cell["bytes"] is not None:
        return bytes(cell["bytes"][:HEAD])
    try:
        with open(cell["path"], "rb") as file:
            return file.read(HEAD)
    except (OSError, ValueError):
        return None


def file_hash(cell: Cell | None) -> int:
    """Return a hash of 64 bits of a picture's file; of nothing where there is no file that can be read."""
    content = b""
    if cell is not None and cell["bytes"] is not None:
        content = cell["bytes"]
    elif cell is not None and cell["path"] is not None:
        with contextlib.suppress(OSError):
            content = Path(cell["path"]).read_bytes()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little", signed=True)


def as_seen(picture: Image, scales: Scales) -> Image:
    """Convert a picture to 8-bit RGB as a person sees it.

    Grey of more than 8 bits is scaled. Transparent parts are white, or black where the picture on white would be of
    one colour, as a white drawing is. All other modes are converted by Pillow.

    Args:
        picture: The picture, as `open_picture` returns it.
        scales: The values of white; `tuner.training.data.picture_inspection` finds them.

    Raises:
        PictureFault: Pillow cannot convert the mode.
    """
    try:
        with quiet():
            if picture.mode in WHOLE_MODES and scales.whole != 255:
                return _scaled(picture, scales.whole)
            if picture.mode == REAL_MODE and scales.real != 255:
                return _scaled(picture, scales.real)
            if picture.has_transparency_data and picture.mode not in WHOLE_MODES:
                return _on_background(picture)
            return picture.convert("RGB")
    except Exception as error:  # the conversions of rare modes fail in ways of their own
        raise PictureFault(f"has the mode {picture.mode}, which Pillow cannot convert to RGB") from error


def _scaled(picture: Image, white: int) -> Image:
    from PIL import Image

    values = np.asarray(picture)
    grey: npt.NDArray[Any] = values.astype(np.float64) * (255 / white)
    grey = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    # In 16-bit grey, one value may stand for transparency.
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        grey = np.where(values == clear, np.uint8(255), grey)
    return Image.fromarray(grey).convert("RGB")


def _on_background(picture: Image) -> Image:
    from PIL import Image

    clear = picture.convert("LA").convert("RGBA") if picture.mode == "La" else picture.convert("RGBA")
    opacity = clear.getchannel("A").getextrema()
    if opacity == (255, 255):
        return picture.convert("RGB")
    laid = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    if opacity[0] != opacity[1] and is_one_colour(laid):
        laid = Image.alpha_composite(Image.new("RGBA", clear.size, "black"), clear).convert("RGB")
    return laid


def is_one_colour(picture: Image) -> bool:
    """Return whether all pixels of an RGB picture are equal."""
    return all(lowest == highest for lowest, highest in picture.getextrema())
