"""Arrays of one number for each row of a split, as JSON values: what is stored of a model's predictions."""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt


def encoded_array(values: npt.NDArray[Any]) -> dict[str, str]:
    """Return an array as JSON values. Shape: (rows,)."""
    import numpy as np

    packed = base64.b64encode(zlib.compress(np.ascontiguousarray(values).tobytes())).decode("ascii")
    return {"dtype": values.dtype.str, "values": packed}


def decoded_array(stored: Mapping[str, str]) -> npt.NDArray[Any]:
    """Return the array that `encoded_array` was given. Shape: (rows,)."""
    import numpy as np

    return np.frombuffer(zlib.decompress(base64.b64decode(stored["values"])), dtype=np.dtype(stored["dtype"]))
