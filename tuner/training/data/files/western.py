"""Whether bytes above 127 are Western European text, or the text of another alphabet that was taken for it.

Every byte is a letter in some one-byte encoding, so Polish, Czech or Russian text decodes as Western text without an
error. The letters tell: no Western language writes an ø beside an ì, a ³ inside a word or three accented letters in a
row. Libraries that guess encodings were measured for this and call plain Western text Central European too often.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

#: Letters beyond ASCII, by language or group: French, German, Spanish, Portuguese, Italian, Norwegian and Danish,
#: Swedish, Icelandic, Dutch, Catalan, Estonian and Finnish. They include letters of frequent loanwords and names.
_ALPHABETS = tuple(
    frozenset(letters + letters.upper())
    for letters in (
        "àâæçéèêëîïôœùûüÿ",
        "äöüßéèà",
        "áéíóúñüïºª",
        "ãõâêôáéíóúàçüºª",
        "àèéìíîòóùú",
        "æøåéäöüèàóòâôê",
        "åäöéüàèáæø",
        "áéíóúýðþæöå",
        "ëïéèöüáóíêâçûôàñ",
        "àèéíïóòúüç",
        "äöõüšžéå",
    )
)
#: Signs that stand between two letters in no Western text, and do so where a letter was decoded as a sign.
_SIGN_IN_WORD = re.compile(r"[^\W\d_][¡¢£¤¥¦§¨©ª«¬®¯±²³¶¸¹º»¼½¾¿×÷ƒˆ‰‹›†‡„˜€•][^\W\d_]")  # noqa: RUF001
_RUN_OF_LETTERS = re.compile(r"[À-ÖØ-öø-ÿŒœŠšŽžŸƒ]{3}")
#: Letters that come with others of their languages: a text with the letter and none of these is in no such language.
_COMPANIONS = {
    "õ": "ãä",
    "û": "èàê",
    "è": "éàê",
    "æ": "øåéð",
    "ð": "þáí",
    "š": "äõéö",
    "ž": "äõéö",
    "ý": "þðá",
    "ø": "åæ",
    "ò": "àèí",
    "ù": "àèé",
    "þ": "ðáí",
    "ã": "áéçõ",
    "å": "äöøæ",
    "ï": "éëèí",
    "î": "éèê",
    "ë": "éèïá",
}
#: The share of lines, or of letters, that may look odd in a Western text.
_TOLERATED = 0.1
#: Letters without companions that prove nothing: one word from another language.
_FEW = 3
#: Bytes that are signs in cp1252, and those of them that are no character at all.
_SIGNS = frozenset(range(0x80, 0xA0))
_UNDEFINED = frozenset((0x81, 0x8D, 0x8F, 0x90, 0x9D))


def is_odd(line: bytes) -> bool:
    """Return whether a line with bytes above 127 does not look like Western text."""
    try:
        text = line.decode("cp1252")
    except UnicodeDecodeError:  # five bytes are no character
        return True
    if _SIGN_IN_WORD.search(text) or _RUN_OF_LETTERS.search(text):
        return True
    letters = {character for character in text if not character.isascii() and character.isalpha()}
    return bool(letters) and not any(letters <= alphabet for alphabet in _ALPHABETS)


@dataclass
class WesternEvidence:
    """Counts over the lines of a file that have bytes above 127."""

    lines: int = 0
    odd: int = 0
    #: The first line that looks odd, or else the first line of all, and its number; 0 where there is none.
    number: int = 0
    #: Whether a byte occurs that is no character of cp1252.
    has_undefined: bool = False
    #: Odd lines, or else any lines, for a guess at the encoding.
    sample: bytearray = field(default_factory=bytearray)
    #: Whether bytes 0x80 to 0x9f occur, which are signs in cp1252 and nothing in latin-1.
    has_signs: bool = False
    _letters: Counter[str] = field(default_factory=Counter)

    def add(self, number: int, line: bytes) -> None:
        """Count a line that has bytes above 127."""
        odd = is_odd(line)
        self.lines += 1
        self.odd += odd
        if (odd and self.odd == 1) or not self.number:
            self.number = number
        if len(self.sample) < 1 << 16:
            self.sample += line
        text = line.decode("cp1252", "replace").lower()
        self._letters.update(character for character in text if "\x7f" < character < "\u2000")
        self.has_undefined = self.has_undefined or not _UNDEFINED.isdisjoint(line)
        self.has_signs = self.has_signs or not _SIGNS.isdisjoint(line)

    @property
    def is_western(self) -> bool:
        """Whether the lines so far are Western text."""
        if self.has_undefined or (self.odd and self.odd >= _TOLERATED * self.lines):
            return False
        letters = {letter: count for letter, count in self._letters.items() if letter.isalpha()}
        alone = sum(
            letters[letter]
            for letter, companions in _COMPANIONS.items()
            if letter in letters and sum(letters.get(each, 0) for each in companions) < _TOLERATED * letters[letter]
        )
        return alone < _FEW or alone < _TOLERATED * sum(letters.values())
