"""Label columns that look like something else than classes: numbers to predict, lists, twins, ids."""

from __future__ import annotations

import ast
import unicodedata
from collections import defaultdict
from collections.abc import Mapping

from tuner.errors import DataError
from tuner.training.data.files.values import shown

#: Above this many different numbers with fractions, a column is taken for numbers to predict. Ratings in half steps
#: have nine or ten values; scores averaged over several people have 20 and more.
FRACTIONS = 20
#: Labels with fewer rows than this, on average, are no classes: nothing can be learnt of most of them.
ROWS_A_CLASS = 2.0
#: Columns with fewer different labels than this are not taken for ids.
FEWEST_IDS = 10
#: Characters that people write between several labels.
_BETWEEN = ("|", ";", ",")


def check_labels(counts: Mapping[str, int], names: Mapping[str, str] | None) -> list[str]:
    """Judge the words of a label column.

    Args:
        counts: Rows by word.
        names: The study's names of the words (`data.labels`), None where it has none. Words that it names are the
            user's word: they are believed.

    Returns:
        Warnings, as sentences.

    Raises:
        DataError: The words are no classes.
    """
    if names is not None and all(word in names for word in counts):
        return []
    total = sum(counts.values())
    _check_lists(counts)
    _check_numbers(counts)
    if len(counts) >= FEWEST_IDS and total < ROWS_A_CLASS * len(counts):
        example = max(counts, key=len)
        raise DataError(
            "",
            "data.label",
            f"{len(counts):,} different labels on {total:,} rows look like ids or texts, such as {shown(example)}; "
            "name the column of the classes",
        )
    _check_twins(counts)
    return _several_labels(counts)


def _check_lists(counts: Mapping[str, int]) -> None:
    lists = [word for word in counts if _is_list(word)]
    if lists and 2 * len(lists) > len(counts):
        raise DataError(
            "",
            "data.label",
            f"the cells hold lists, such as {shown(lists[0])}: several labels a row are for the task "
            "multi-label-classification, which is not there yet; give a column with one label a row",
        )


def _is_list(word: str) -> bool:
    if not word.startswith(("[", "{", "(")):
        return False
    try:
        return isinstance(ast.literal_eval(word), list | set | tuple)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        # ['a' 'b'] is the way in which NumPy writes a list.
        return word.startswith("[") and word.endswith("]")


def _check_numbers(counts: Mapping[str, int]) -> None:
    numbers = [number for word in counts if (number := _number(word)) is not None]
    if len(numbers) < len(counts):
        return
    fractions = [number for number in numbers if not number.is_integer()]
    total = sum(counts.values())
    scattered = len(counts) >= FEWEST_IDS and total < ROWS_A_CLASS * len(counts)
    if (fractions and len(counts) > FRACTIONS) or scattered:
        raise DataError(
            "",
            "data.label",
            f"{len(counts):,} different numbers from {min(numbers):g} to {max(numbers):g} on {total:,} rows look like "
            "numbers to predict, not like classes; they are for the task regression, which is not there yet; "
            "give a column of classes, or name each number in data.labels",
        )


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _check_twins(counts: Mapping[str, int]) -> None:
    twins: defaultdict[str, list[str]] = defaultdict(list)
    for word in counts:
        twins[" ".join(unicodedata.normalize("NFKC", word).casefold().split())].append(word)
    alike = [words for words in twins.values() if len(words) > 1]
    if not alike:
        return
    first = sorted(alike[0], key=lambda word: -counts[word])
    listed = " and ".join(f"{shown(word)} ({counts[word]:,} rows)" for word in first)
    more = f"; {len(alike) - 1} more such groups" if len(alike) > 1 else ""
    named = ", ".join(f"{shown(word)}: {first[0].strip()}" for word in first)
    raise DataError(
        "",
        "data.label",
        f"the labels {listed} differ in blanks or capitals alone{more}; to make them one class, name all labels: "
        f"labels: {{{named}, …}}; to keep them apart, give them different names there",
    )


def _several_labels(counts: Mapping[str, int]) -> list[str]:
    for between in _BETWEEN:
        several = [word for word in counts if between in word]
        parts = {part.strip() for word in several for part in word.split(between)}
        # `price|quality` is two labels where `price` and `quality` are labels of other rows.
        if several and parts <= set(counts):
            return [
                f"the label {shown(several[0])} is made of other labels; each combination is a class of its own here"
            ]
    return []
