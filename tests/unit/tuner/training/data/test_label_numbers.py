from __future__ import annotations

from collections.abc import Iterable

import pytest

from tuner.errors import DataError
from tuner.training.data.label_numbers import check_numbers, number_of


def equally(numbers: Iterable[object], rows: int = 20) -> dict[str, int]:
    return {str(number): rows for number in numbers}


@pytest.mark.parametrize(
    ("word", "number"),
    [("3", 3), ("-1", -1), ("0.5", 0.5), ("3,45", 3.45), ("12 %", 12), ("$9.99", 9.99), ("1e-05", 1e-5), (".5", 0.5)],
)
def test_a_number_is_read_as_people_write_it(word: str, number: float) -> None:
    assert number_of(word) == number


@pytest.mark.parametrize("word", ["0010", "1E5", "003.1", "", "-", "nan", "inf", "1.2.3", "v1", "$"])
def test_codes_and_words_are_no_numbers(word: str) -> None:
    assert number_of(word) is None


@pytest.mark.parametrize(
    "counts",
    [
        {},
        equally(range(77)),  # numbered classes
        equally(range(1, 151), rows=4),
        equally(at / 2 for at in range(1, 11)),  # stars in steps of a half
        equally([10, 2280, 50, 1280, *range(2500, 2900, 17)], rows=30),  # codes of products
        equally((-1, 0, 1)),
    ],
)
def test_numbers_that_name_classes_are_believed(counts: dict[str, int]) -> None:
    assert check_numbers(counts) == []


@pytest.mark.parametrize(
    ("counts", "seen"),
    [
        (equally(range(18, 91)), "73 different numbers from 18 to 90 on 1,460 rows"),  # ages
        (equally(range(1990, 2021)), "31 different numbers from 1990 to 2020"),
        (equally(at / 10 for at in range(11)), "11 different numbers from 0 to 1 on 220 rows"),
        (equally(range(0, 9000, 37), rows=3), "244 different numbers from 0 to 8991"),  # votes
    ],
)
def test_numbers_that_may_be_amounts_are_a_warning(counts: dict[str, int], seen: str) -> None:
    (warning,) = check_numbers(counts)
    assert warning.startswith(f"{seen}")
    assert warning.endswith("look like numbers to predict; each is a class of its own here")


@pytest.mark.parametrize(
    "counts",
    [
        equally((at / 7 for at in range(30)), rows=9),
        equally(range(60), rows=1),
        equally(f"{at},5" for at in range(9, 99)),
    ],
)
def test_numbers_to_predict_are_refused(counts: dict[str, int]) -> None:
    with pytest.raises(DataError, match=r"look like numbers to predict( or ids)?, not like classes; .* regression"):
        check_numbers(counts)
