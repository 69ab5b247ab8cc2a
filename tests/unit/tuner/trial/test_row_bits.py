"""Which rows are right, as text."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tuner.trial.row_bits import packed, unpacked


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 1000])
def test_the_rows_that_are_right_come_back_from_their_text(rows: int) -> None:
    right = np.random.default_rng(rows).random(rows) < 0.6
    bits = packed(right.astype(np.float64))
    assert bits is not None
    assert len(json.dumps(bits)) <= rows / 6 + 8, "a bit a row, and a third for the text"
    assert unpacked(bits, rows).tolist() == right.tolist()


def test_graded_scores_have_no_bits() -> None:
    assert packed(np.array([0.0, 1.0, 0.5])) is None
    assert packed(np.array([0.0, np.nan])) is None
