"""Facts about the whole text of a delimited file that are cheap to find, before any of it is parsed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tuner.training.data.files.text_file import TextFile

_BREAK = re.compile(r"\r+\n|\n|\r")
_INNER_RETURN = re.compile(r"\r(?=[^\r\n])")
#: No characters, so that no text holds them.
_STAND_INS = ("\ufdd0", "\ufdd1")
QUOTES = ('"', "'")


@dataclass(frozen=True)
class Survey:
    """Which quotes and escapes may matter to a file."""

    #: Quotes that some cell begins with.
    opening: frozenset[str]
    #: Quotes that a backslash stands in front of; all of them where one stands in front of another.
    escaped: frozenset[str]
    #: Whether a backslash stands in front of a separator.
    separator_escaped: bool


def with_newline(file: TextFile) -> TextFile:
    """Return the file with the line end that its first line has."""
    with file.chunks() as chunks:
        for chunk in chunks:
            if (found := _BREAK.search(chunk)) is not None:
                return replace(file, newline="\r" if found[0] == "\r" else "\n")
    return file


def survey(file: TextFile, separators: Iterable[str], quotes: Iterable[str] = QUOTES) -> tuple[TextFile, Survey]:
    """Scan a file.

    Args:
        file: The file, with its line end.
        separators: The characters that may separate its cells.
        quotes: The characters that may quote them.

    Returns:
        The file, with a stand-in where it needs one, and the facts.
    """
    separators = tuple(separators)
    # By the fact, a character that it needs, and the quote that it is about.
    needles = {
        **{("opening", quote, quote): {before + quote for before in (*separators, "\n", "\r")} for quote in quotes},
        **{("escaped", "\\", quote): {"\\" + quote, "\\\\"} for quote in quotes},
        ("separator", "\\", ""): {"\\" + separator for separator in separators},
    }
    found: set[tuple[str, str, str]] = set()
    inner_return = False
    absent = list(_STAND_INS)
    # A line end in front lets the first cell of all begin like that of any other line.
    tail = file.newline
    with file.chunks() as chunks:
        for chunk in chunks:
            text = tail + chunk
            for fact in needles.keys() - found:
                # One character is found much faster than two.
                if fact[1] in text and any(needle in text for needle in needles[fact]):
                    found.add(fact)
            inner_return = inner_return or ("\r" in text and _INNER_RETURN.search(text) is not None)
            absent = [each for each in absent if each not in text]
            tail = text[-1:]
    hides = inner_return and file.newline == "\n" and absent
    return replace(file, stand_in=absent[0] if hides else None), Survey(
        opening=frozenset(quote for kind, _, quote in found if kind == "opening"),
        escaped=frozenset(quote for kind, _, quote in found if kind == "escaped"),
        separator_escaped=("separator", "\\", "") in found,
    )
