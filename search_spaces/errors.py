"""Errors of search spaces.

SearchSpaceError (ValueError)
├── InvalidParameter    a parameter with impossible bounds or choices
├── InvalidSpace        a space document that cannot be read: names file, key and reason
├── InvalidRecipes      a recipe document that cannot be read
└── UnreadableDocument  a file that is missing, or that is not one YAML mapping
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


#: Letters that an abbreviation needs, to be taken for one.
_SHORTEST_ABBREVIATION = 3


class SearchSpaceError(ValueError):
    """An error in a search space or a recipe."""


class InvalidParameter(SearchSpaceError):
    """A parameter with impossible bounds or choices, or a value that its name does not allow."""


class InvalidSpace(SearchSpaceError):
    """A search space that cannot be used.

    Attributes:
        source: File, preset or part of a study file that holds the space.
        key: The parameter, or the key below it, that has the error.
        reason: The error, and how to correct it.
    """

    def __init__(self, source: str, key: str, reason: str) -> None:
        super().__init__(f"{source}: {key}: {reason}" if key else f"{source}: {reason}")
        self.source = source
        self.key = key
        self.reason = reason


class InvalidRecipes(SearchSpaceError):
    """A recipe document that cannot be read."""


class UnreadableDocument(SearchSpaceError):
    """A file that is missing, or that is not one YAML mapping."""


def suggestion(word: object, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` where a known word is close or is abbreviated, else an empty string."""
    words = sorted(known)
    close = difflib.get_close_matches(str(word), words, n=1, cutoff=0.6)
    if not close and len(str(word)) >= _SHORTEST_ABBREVIATION:
        close = [each for each in words if each.startswith(str(word))]
    return f"; did you mean {close[0]!r}?" if close else ""
