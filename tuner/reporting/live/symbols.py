"""The characters of the live view: blocks where the terminal takes UTF-8, otherwise ASCII."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.text import Text


@dataclass(frozen=True, kw_only=True)
class Symbols:
    """The characters that bars and curves are made of."""

    full: str
    empty: str
    #: Heights of a curve's points, the lowest first.
    heights: str
    #: Follows text that is cut off.
    more: str

    #: Characters of words that are written otherwise.
    written: Mapping[str, str]

    def shown(self, line: Text) -> Text:
        """Return a line in which each character can be shown; styles stay as long as all lengths do."""
        plain = line.plain
        for character, instead in self.written.items():
            plain = plain.replace(character, instead)
        if plain != line.plain:
            line.plain = plain
        return line

    def bar(self, share: float, width: int) -> tuple[str, str]:
        """Return the full and the empty part of a bar.

        Args:
            share: The full part, 0 to 1.
            width: Columns of both parts together.
        """
        full = min(width, max(0, int(share * width + 0.5)))
        return self.full * full, self.empty * (width - full)


UNICODE = Symbols(full="█", empty="░", heights="▁▂▃▄▅▆▇█", more="…", written={})
ASCII = Symbols(full="#", empty=".", heights="_.-=+*#@", more="~", written={"±": "~", "…": "~"})


def symbols_for(encoding: str) -> Symbols:
    """Return the characters that a terminal of an encoding can show."""
    try:
        (UNICODE.full + UNICODE.empty + UNICODE.heights + UNICODE.more).encode(encoding)
    except (LookupError, UnicodeError):
        return ASCII
    return UNICODE
