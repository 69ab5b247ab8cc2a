"""How a delimited file is written: the character between cells, quoting, escapes."""

from __future__ import annotations

from dataclasses import dataclass

#: Separators that are tried, the most usual first.
SEPARATORS = (",", ";", "\t", "|")
#: Quotes and escapes that are tried, the most usual first. Without an escape, a quote in a cell is doubled.
QUOTINGS = (('"', None), (None, None), ('"', "\\"), ("'", None), ("'", "\\"), (None, "\\"))
_WORDS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "space", "\\": "backslash"}


def character(value: str) -> str:
    """Return the word for a character that a study file may name by a word, or else the character."""
    return _WORDS.get(value, value)


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a delimited file is written."""

    separator: str
    #: The character around a cell; None where a quote at its beginning belongs to the cell.
    quote: str | None = None
    #: The character in front of a quote or separator that belongs to the cell; None where a quote is doubled.
    escape: str | None = None
    #: Lines in front of the first record, such as Excel's `sep=;`.
    skipped: int = 0

    def __str__(self) -> str:
        quoting = "no quoting" if self.quote is None else f"quoted by {self.quote}"
        escape = "" if self.escape is None else f", escaped by {character(self.escape)}"
        sep = ", Excel's sep line" if self.skipped else ""
        return f"separated by {character(self.separator)}, {quoting}{escape}{sep}"
