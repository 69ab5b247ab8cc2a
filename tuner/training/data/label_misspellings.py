"""Labels of a few rows that are spelt almost like a frequent one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping

from tuner.training.data.files.values import shown

#: A label is rare with at most so many rows, and at most this share of the rows of the one that it is spelt like.
_RARE_ROWS, _RARE_SHARE = 5, 0.01
#: Words with fewer letters are alike by chance, as the codes of languages are.
_LETTERS = 4
#: Most misspellings that are named.
_NAMED = 3


def misspelt(counts: Mapping[str, int], named: Collection[str]) -> list[str]:
    """Return a warning for each label that may be a misspelling, the first ones alone.

    Args:
        counts: Rows by word.
        named: Words that the study names: they are believed.
    """
    frequent = [word for word, rows in counts.items() if rows * _RARE_SHARE >= 1]
    rare = [word for word, rows in counts.items() if rows <= _RARE_ROWS and word not in named]
    if not frequent or not rare:
        return []
    spelt: defaultdict[str, list[str]] = defaultdict(list)
    for word in sorted(frequent, key=lambda word: -counts[word]):
        for shorter in _shorter(word):
            spelt[shorter].append(word)
    found = []
    for word in rare:
        alike = {other: None for shorter in _shorter(word) for other in spelt.get(shorter, ())}
        likely = [
            other for other in alike if counts[word] <= _RARE_SHARE * counts[other] and _may_be_meant(word, other)
        ]
        if likely:
            found.append((word, max(likely, key=counts.__getitem__)))
    warnings = [
        f"class {shown(word)} has {_rows(counts[word])} and is spelt almost like {shown(other)} "
        f"({_rows(counts[other])}): a typo?"
        for word, other in found[:_NAMED]
    ]
    if len(found) > _NAMED:
        warnings.append(f"{len(found) - _NAMED:,} more classes of few rows are spelt almost like others")
    return warnings


def _shorter(word: str) -> set[str]:
    """Return a word as it is, and with each of its letters left out.

    Two words that have one of these in common differ by a letter that is missing, wrong or in another place. So words
    are found without a look at each pair of them.
    """
    plain = word.casefold()
    return {plain, *(plain[:at] + plain[at + 1 :] for at in range(len(plain)))}


def _may_be_meant(word: str, other: str) -> bool:
    """Return whether a word may be a misspelling of another one: `topic 1` is none of `topic 10`."""
    if max(sum(each.isalpha() for each in spelt) for spelt in (word, other)) < _LETTERS:
        return False
    return re.findall(r"\d+", word) == re.findall(r"\d+", other)


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
