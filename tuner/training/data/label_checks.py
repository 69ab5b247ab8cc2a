"""Label columns that look like something else than classes: numbers to predict, lists, twins, ids, dates."""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping

from tuner.errors import DataError
from tuner.training.data.files.values import shown
from tuner.training.data.label_misspellings import misspelt
from tuner.training.data.label_numbers import ROWS_AN_ID, check_numbers, number_of

#: Columns with fewer different labels than this are not taken for ids.
FEWEST_IDS = 10
#: Labels with fewer rows than this, on average, are worth a warning: little can be learnt of most of them.
ROWS_A_CLASS = 2.0
#: Single letters that are there in both cases: from so many on, they are the classes of an alphabet.
_ALPHABET = 10
#: Characters that people write between several labels.
_BETWEEN = ("|", ";", ",")
#: Words for a missing number, in small letters.
_MISSING = ("nan", "na", "n/a", "#n/a", "<na>", "null", "none", "nil", "?", "-", "\\n")
#: The word for a missing value in exports of MySQL and PostgreSQL.
_DATABASE_NULL = "\\N"
_DROP = "remove these rows; it is a class now"
#: A cell whose quotes are no quotes, since a blank stands in front of them.
_QUOTED = re.compile(r"""\s+(["']).*\1\s*""", re.DOTALL)
_DATE = re.compile(r"(\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{2,4})([ T]\d\d?:\d\d.*)?")


class LabelProblem(DataError):
    """A word of the label column is no class.

    Attributes:
        word: The word. Its rows are named in the message to the user.
    """

    def __init__(self, word: str, reason: str) -> None:
        super().__init__("", "data.label", reason)
        self.word = word


def check_labels(counts: Mapping[str, int], names: Mapping[str, str] | None) -> list[str]:
    """Judge the words of a label column.

    Args:
        counts: Rows by word.
        names: The study's names of the words (`data.labels`), None where it has none. Words that it names are the
            user's word: they are believed.

    Returns:
        Warnings, as sentences.

    Raises:
        LabelProblem: A word is no class.
        DataError: The words as a whole are no classes.
    """
    if names is not None and all(word in names for word in counts):
        return []
    total = sum(counts.values())
    _check_lists(counts)
    _check_quotes(counts)
    beside = _beside_numbers(counts)
    warnings = check_numbers({word: count for word, count in counts.items() if word not in beside})
    if len(counts) >= FEWEST_IDS and total < ROWS_AN_ID * len(counts):
        example = max(counts, key=len)
        raise DataError(
            "",
            "data.label",
            f"{len(counts):,} different labels on {total:,} rows look like ids or texts, such as {shown(example)}; "
            "name the column of the classes",
        )
    _check_twins(counts)
    return [
        *warnings,
        *_dates(counts),
        *_scarce(counts, total),
        *(f"{_stands(word, counts)} among numbers; if it means that the label is missing, {_DROP}" for word in beside),
        *(_signs(counts) if not beside else ()),
        *_several_labels(counts),
        *misspelt(counts, names or {}),
    ]


def _stands(word: str, counts: Mapping[str, int]) -> str:
    return f"the label {shown(word)} stands in {counts[word]:,} {'row' if counts[word] == 1 else 'rows'}"


def _check_quotes(counts: Mapping[str, int]) -> None:
    first = next(iter(counts))
    if all(_QUOTED.fullmatch(word) for word in counts):
        raise DataError(
            "",
            "data.label",
            f"blanks stand between the separators and the quotes of the labels, such as {shown(first)}, so that the "
            "quotes are part of them; remove these blanks from the file",
        )


def _check_lists(counts: Mapping[str, int]) -> None:
    objects = [word for word in counts if _is_object(word)]
    if 2 * len(objects) > len(counts):
        raise LabelProblem(
            objects[0], f"the cells hold objects, such as {shown(objects[0])}; write the label alone into a column"
        )
    lists = [word for word in counts if _is_list(word)]
    if 2 * len(lists) > len(counts):
        raise LabelProblem(
            lists[0],
            f"the cells hold lists, such as {shown(lists[0])}: several labels a row are for the task "
            "multi-label-classification, which is not there yet; give a column with one label a row",
        )


def _is_list(word: str) -> bool:
    if not word.startswith(("[", "{", "(")):
        return False
    try:
        return isinstance(ast.literal_eval(word), list | set | tuple)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        # ['a' 'b'] and [0 1 0] are the way in which NumPy writes a list; [CLS] is a word.
        is_list = any(sign in word for sign in "'\",") or not any(character.isalpha() for character in word)
        return word.startswith("[") and word.endswith("]") and is_list


def _is_object(word: str) -> bool:
    if not (word.startswith("{") and word.endswith("}") and ":" in word):
        return False
    try:
        return isinstance(ast.literal_eval(word), dict)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        # JSON has words that Python does not have, such as null.
        return word.startswith('{"')


def _beside_numbers(counts: Mapping[str, int]) -> list[str]:
    """Return the words for a missing number, where all other words are numbers."""
    missing = [word for word in counts if word.strip().lower() in _MISSING]
    others = [word for word in counts if word not in missing]
    return missing if others and all(number_of(word) is not None for word in others) else []


def _signs(counts: Mapping[str, int]) -> list[str]:
    """Return a warning for a word of signs alone among words that have letters: SNLI has `-` for no label."""
    signs = [word for word in counts if not any(character.isalnum() for character in word)]
    if _DATABASE_NULL in counts:
        signs = [_DATABASE_NULL]
    elif len(counts) < 3 or len(signs) != 1:
        return []
    return [f"{_stands(signs[0], counts)}; if it means that the label is missing, {_DROP}"]


def _dates(counts: Mapping[str, int]) -> list[str]:
    if len(counts) < FEWEST_IDS or not all(_DATE.fullmatch(word) for word in counts):
        return []
    return [f"{len(counts):,} different labels look like dates, such as {shown(next(iter(counts)))}; each is a class"]


def _scarce(counts: Mapping[str, int], total: int) -> list[str]:
    if len(counts) < FEWEST_IDS or total >= ROWS_A_CLASS * len(counts):
        return []
    return [f"there are {len(counts):,} different labels on {total:,} rows: most have too few rows to be learnt"]


def _check_twins(counts: Mapping[str, int]) -> None:
    twins: defaultdict[str, list[str]] = defaultdict(list)
    for word in counts:
        twins[_plain(unicodedata.normalize("NFKC", word))].append(word)
    alike = [words for words in twins.values() if len(words) > 1]
    if len(alike) >= _ALPHABET and all(len(word) == 1 for words in alike for word in words):
        return
    if not alike:
        return
    first = sorted(alike[0], key=lambda word: -counts[word])
    # Words with characters that are not seen are shown with the codes of these, which YAML reads, too.
    is_coding = len({_plain(word) for word in first}) > 1
    show = json.dumps if is_coding or any("\\" in repr(word) for word in first) else shown
    difference = "the coding of their characters" if is_coding else "blanks or capitals"
    listed = " and ".join(f"{show(word)} ({counts[word]:,} rows)" for word in first)
    more = f"; {len(alike) - 1} more such groups" if len(alike) > 1 else ""
    named = ", ".join(f"{show(word)}: {' '.join(first[0].split())}" for word in first)
    raise LabelProblem(
        first[-1],
        f"the labels {listed} differ in {difference} alone{more}; to make them one class, name all labels: "
        f"labels: {{{named}, …}}; to keep them apart, give them different names there",
    )


def _plain(word: str) -> str:
    # Characters of the category Cf, such as the space without a width, are not seen.
    seen = "".join(character for character in word if unicodedata.category(character) != "Cf")
    return " ".join(seen.casefold().split())


def _several_labels(counts: Mapping[str, int]) -> list[str]:
    if lists := [word for word in counts if _is_list(word)]:
        return [f"{_stands(lists[0], counts)} and looks like a list of labels; it is a class of its own here"]
    for between in _BETWEEN:
        several = {word: [part.strip() for part in word.split(between)] for word in counts if between in word}
        if not several:
            continue
        parts = Counter(part for found in several.values() for part in found)
        # `price|quality` is two labels where `price` and `quality` are labels of other rows. So it is where parts
        # come again and again, in any place; in `toys|dolls` and `toys|cars` the first part is always the upper one.
        first = {found[0] for found in several.values()}
        moves = any(part in first for found in several.values() for part in found[1:])
        is_combined = moves and 2 * len(several) > len(counts) and parts.total() >= 2 * len(parts)
        if parts.keys() <= counts.keys() or is_combined:
            example = shown(next(iter(several)))
            made = "is made of other labels" if parts.keys() <= counts.keys() else "looks like several labels"
            return [f"the label {example} {made}; each combination is a class of its own here"]
    return []
