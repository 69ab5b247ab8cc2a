from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.study.words import word


@pytest.mark.parametrize(
    "same",
    [
        (1, 1.0, "1", "1.0", "1.00"),
        (True, "TRUE", "True", "true"),
        (False, "FALSE", "false"),
        (0, "0", "0.0", "-0.0", -0.0),
        (-3, "-3.0"),
        (0.5, "0.5"),
        (None, "", float("nan")),
    ],
)
def test_values_of_one_meaning_have_one_word(same: tuple[object, ...]) -> None:
    assert len({word(value) for value in same}) == 1


@pytest.mark.parametrize(
    "different",
    [("0010", "10", "010"), ("1E5", "100000"), ("1.10", "1.1"), ("neg", "neg ", "Neg"), ("None", "none", "null", "")],
)
def test_codes_capitals_and_blanks_keep_their_meaning(different: tuple[str, ...]) -> None:
    assert len({word(value) for value in different}) == len(different)


@pytest.mark.parametrize(
    ("value", "expected"), [(1e300, "1e+300"), (1e15, "1000000000000000"), (10**20, "1" + "0" * 20)]
)
def test_large_numbers_have_the_digits_that_they_are_written_with(value: object, expected: str) -> None:
    assert word(value) == expected


@given(st.one_of(st.text(), st.floats(allow_nan=False), st.integers(), st.booleans()))
def test_the_word_of_a_word_is_the_word_itself(value: object) -> None:
    first = word(value)
    assert word(first) == first
