"""Errors of search spaces.

SearchSpaceError (ValueError)
├── InvalidParameter    a parameter with impossible bounds or choices
├── InvalidSpace        a space document that cannot be read: names file, key and reason
├── InvalidRecipes      a recipe document that cannot be read
└── UnreadableDocument  a file that is missing, or that is not one YAML mapping
"""

from __future__ import annotations

import difflib
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


#: Letters that an abbreviation needs, to be taken for one.
_SHORTEST_ABBREVIATION = 3
#: Likeness from which on a word is taken for a slip of another one, 0 to 1. At 0.6, `bayes` was like `cmaes`.
_ALIKE = 0.65


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


def nearest(word: object, known: Iterable[str]) -> str | None:
    """Return the known word that a word is a slip or an abbreviation of; None where there is none, or no single one."""
    words = sorted(known)
    close = difflib.get_close_matches(str(word).lower(), words, n=1, cutoff=_ALIKE)
    if close:
        return close[0]
    begun = [each for each in words if each.startswith(str(word))] if len(str(word)) >= _SHORTEST_ABBREVIATION else []
    return begun[0] if len(begun) == 1 else None


def suggestion(word: object, known: Iterable[str], synonyms: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return `; did you mean 'x'?` where a known word is likely, else an empty string.

    Args:
        word: The word that is not known.
        known: The words that are.
        synonyms: Known words by what other tools call them; see `search_spaces.synonyms`.
    """
    words = set(known)
    meant = synonyms.get(plain(word))
    found = meant if meant in words else nearest(word, words)
    return f"; did you mean {found!r}?" if found else ""


def plain(word: object) -> str:
    """Return a word as tables of synonyms have it: without capitals, and with underscores for blanks and hyphens."""
    return str(word).strip().lower().replace("-", "_").replace(" ", "_")
