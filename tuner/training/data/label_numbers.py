"""Label columns of numbers: names of classes, or numbers to predict."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tuner.errors import DataError

#: Above this many different numbers with fractions, a column is taken for numbers to predict. Ratings in half steps
#: have nine or ten values; scores averaged over several people have 20 and more. Whole numbers of which there are more
#: are worth a warning, unless they are numbered classes.
MANY = 20
#: From this many different numbers on, numbers with rows of their own are no classes.
FEW = 10
#: Numbers with fewer rows than this, on average, are scattered: most of them come once.
SCATTERED = 2.0
#: Labels with fewer rows than this, on average, are ids or texts: hardly any of them comes twice.
ROWS_AN_ID = 1.2
#: Whole numbers with fewer rows than this, on average, are hardly codes of classes.
_CODED = 10
#: Different numbers with steps finer than a half from which they are worth a warning.
_FINE = 8
#: A number as people write it: with a point or a comma, a percent sign, a currency. A code such as 0010 or 1E5 is none.
_NUMBER = re.compile(r"\s*[$€£]?\s*([+-]?(?:0|[1-9]\d*)?(?:[.,]\d+)?(?:e[+-]\d+)?)\s*[%$€£]?\s*", re.IGNORECASE)


def number_of(word: str) -> float | None:
    """Return the number that a label is written as; None where it is a word or a code."""
    match = _NUMBER.fullmatch(word)
    try:
        return float(match[1].replace(",", ".")) if match is not None else None
    except ValueError:  # a sign or an exponent alone
        return None


def check_numbers(counts: Mapping[str, int]) -> list[str]:
    """Judge the words of a label column, if all of them are numbers.

    Args:
        counts: Rows by word.

    Returns:
        A warning where the numbers may be numbers to predict.

    Raises:
        DataError: They are.
    """
    numbers = [number for word in counts if (number := number_of(word)) is not None]
    if not numbers or len(numbers) < len(counts):
        return []
    total = sum(counts.values())
    halves = all((2 * number).is_integer() for number in numbers)
    whole = halves and all(number.is_integer() for number in numbers)
    numbered = whole and _are_numbered(numbers)
    seen = f"{len(counts):,} different numbers from {min(numbers):g} to {max(numbers):g} on {total:,} rows look like"
    scattered = len(counts) >= FEW and total < (ROWS_AN_ID if numbered else SCATTERED) * len(counts)
    if scattered or (not whole and len(counts) > MANY):
        looks = f"{seen} numbers to predict{' or ids' if scattered and whole else ''}, not like classes"
        raise DataError(
            "",
            "data.label",
            f"{looks}; numbers to predict are for the task regression, which is not there yet; "
            "give a column of classes, or name each number in data.labels",
        )
    span = max(numbers) - min(numbers) + 1
    dense = 2 * len(counts) >= span or total < _CODED * len(counts)
    if (not halves and len(counts) >= _FINE) or (whole and len(counts) > MANY and dense and not numbered):
        return [f"{seen} numbers to predict; each is a class of its own here"]
    return []


def _are_numbered(numbers: Sequence[float]) -> bool:
    """Return whether whole numbers look like those of classes: counted from 0 or 1, with few of them left out."""
    return min(numbers) in (0, 1) and max(numbers) - min(numbers) + 1 <= 1.5 * len(numbers)
