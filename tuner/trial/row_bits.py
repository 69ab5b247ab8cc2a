"""Which rows of a split a model gets right, as text of a bit each: two models then compare row by row."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def packed(scores: npt.NDArray[np.float64]) -> str | None:
    """Return a bit for each row; None where a score is neither 0 nor 1, as those of graded tasks are.

    Args:
        scores: 1 for each row that is right, else 0. Shape: (rows,).
    """
    import numpy as np

    if not np.isin(scores, (0.0, 1.0)).all():
        return None
    return base64.b64encode(np.packbits(scores.astype(bool)).tobytes()).decode("ascii")


def unpacked(bits: str, rows: int) -> npt.NDArray[np.bool_]:
    """Return whether each row is right, from `packed`'s result. Shape: (rows,)."""
    import numpy as np

    return np.unpackbits(np.frombuffer(base64.b64decode(bits), dtype=np.uint8), count=rows).astype(bool)
