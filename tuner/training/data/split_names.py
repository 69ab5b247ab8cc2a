"""Names of splits: the words by which folders and files call them."""

from __future__ import annotations

import re
from collections.abc import Collection

#: By word: the split that it names. The words are those of the library datasets.
_WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "dev": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}
#: A word counts where digits, blanks or punctuation surround it: `train2017`, `my-val`, but not `trainer`.
_BETWEEN = re.compile(r"[-._ 0-9]+")


def canonical_split(name: str) -> str | None:
    """Return `train`, `validation` or `test` where a name says one of them in another word; None where it says none.

    Capitals do not matter. A name that says two of them, such as `train-val`, says none.
    """
    said = {_WORDS[part] for part in _BETWEEN.split(name.casefold()) if part in _WORDS}
    return said.pop() if len(said) == 1 else None


def find_split(name: str, present: Collection[str]) -> str | None:
    """Return the split of a source that a study file names; None where there is none, or more than one.

    Args:
        name: The name in the study file: the split's own name, such as `val`, or `validation` for it.
        present: The names of the source's splits.
    """
    if name in present:
        return name
    wanted = canonical_split(name)
    found = [each for each in present if wanted is not None and canonical_split(each) == wanted]
    return found[0] if len(found) == 1 else None
