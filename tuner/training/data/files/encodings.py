"""The encoding of a text file, found over the whole file."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tuner.errors import DataError, first_line
from tuner.training.data.file_kinds import kind_without_rows
from tuner.training.data.files.places import NAMED, with_others
from tuner.training.data.files.text_file import CHUNK, open_bytes
from tuner.training.data.files.values import shown
from tuner.training.data.files.western import WesternEvidence

#: Marks at the beginning of a file. That of utf-32 begins with that of utf-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Beginnings of Japanese text in seven bits, which is valid ASCII.
_SEVEN_BITS = (b"\x1b$B", b"\x1b$@")
_KEY = "data.format.encoding"
#: Encodings whose first half is ASCII, and whose decoders keep no state behind ASCII.
_ASCII_LIKE = ("utf-8", "utf-8-sig", "ascii", "cp1252", "iso8859-1")
#: Bytes at the beginning that are searched for the pattern of utf-16.
_HEAD = 1 << 16


def find_encoding(path: Path, given: str | None, name: str = "") -> str:
    """Return the encoding of a text file. The whole file is read, in pieces, and decodes in that encoding.

    Args:
        path: The file; a compressed one is unpacked, by its ending.
        given: The encoding that the study names, which overrules; None to find it.
        name: The file's path as messages name it; the path itself where empty.

    Raises:
        DataError: The file holds no text, does not decode, is damaged, mixes encodings, or is in an encoding that the
            bytes alone do not tell. Names the line and `data.format.encoding`.
    """
    name = name or str(path)
    with open_bytes(path, name) as (content, _raw):
        head = content.read(_HEAD)
    if (kind := kind_without_rows(head)) is not None:
        raise DataError("", "data.source", f"{name} is {kind.words}")
    found = given if given is not None else _by_head(head)
    if found is not None and given is not None and codecs.lookup(given).name == "utf-8":
        found = "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"
    if found is not None:
        failure = undecodable_line(path, found, name)
        if failure is not None:
            source = "as data.format.encoding says" if given is not None else "as its first bytes say"
            remedy = "name the encoding that the file is in, or mend the line"
            raise DataError("", _KEY, f"{name}, line {failure} is not {found}, {source}; {remedy}")
        return found
    failure = undecodable_line(path, "utf-8", name)
    if failure is None:
        _check_seven_bits(path, name)
        return "utf-8"
    _check_halves(path, name, failure)
    return _one_byte(path, name)


def undecodable_line(path: Path, encoding: str, name: str = "") -> int | None:
    """Return the number of the first line with bytes that an encoding does not have; None where all decode.

    Args:
        path: The file; a compressed one is unpacked, by its ending.
        encoding: An encoding that Python knows.
        name: The file's path as messages name it.

    Raises:
        DataError: The file cannot be read, or the encoding turns text into something else, as `rot13` does.
    """
    if not codecs.lookup(encoding)._is_text_encoding:
        raise DataError("", _KEY, f"{encoding!r} is no encoding of text, such as utf-8 or cp1252")
    decoder = codecs.getincrementaldecoder(encoding)()
    is_ascii_like = codecs.lookup(encoding).name in _ASCII_LIKE
    pending = False
    with open_bytes(path, name or str(path)) as (content, _raw):
        for piece in count():
            chunk = content.read(CHUNK)
            if chunk and is_ascii_like and not pending and chunk.isascii():
                continue
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeError as error:
                return _line_of_failure(path, encoding, piece, _before(error, decoder))
            except Exception as error:  # codecs of Python's own kinds, such as punycode, raise errors of their own
                raise DataError("", _KEY, f"{encoding!r} cannot be used: {first_line(error)}") from error
            if not chunk:
                break
            pending = bool(decoder.getstate()[0])
    return None


def _line_of_failure(path: Path, encoding: str, pieces: int, rest: str) -> int:
    # Lines are counted only where they are needed: counting takes longer than decoding.
    decoder = codecs.getincrementaldecoder(encoding)("ignore")
    feeds, returns = rest.count("\n"), rest.count("\r")
    with open_bytes(path, str(path)) as (content, _raw):
        for _ in range(pieces):
            text = decoder.decode(content.read(CHUNK))
            feeds, returns = feeds + text.count("\n"), returns + text.count("\r")
    return 1 + (feeds or returns)


def _before(error: UnicodeError, decoder: codecs.IncrementalDecoder) -> str:
    # The characters in front of the failure, of the piece that the decoder was given.
    if not isinstance(error, UnicodeDecodeError):
        return ""
    decoder.reset()
    encoding = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(error.encoding, error.encoding)
    return error.object[: error.start].decode(encoding, "ignore")


def _by_head(head: bytes) -> str | None:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    # A header in ASCII shows utf-16, and the rows may be in any alphabet.
    first = head[:8]
    for zeros, others, encoding in ((first[1::2], first[::2], "utf-16-le"), (first[::2], first[1::2], "utf-16-be")):
        if len(first) == 8 and zeros == bytes(4) and all(31 < byte < 127 for byte in others):
            return encoding
    even, odd = head[::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if half and max(even, odd) > half * 0.3 and min(even, odd) < half * 0.05:
        return "utf-16-le" if odd > even else "utf-16-be"
    if half > 1 and head.count(0) > 0.7 * len(head):
        return "utf-32-le" if head[0] else "utf-32-be"
    return None


def _check_seven_bits(path: Path, name: str) -> None:
    with open_bytes(path, name) as (content, _raw):
        while chunk := content.read(CHUNK):
            if b"\x1b" not in chunk:
                continue
            if any(sign in chunk for sign in _SEVEN_BITS):
                advice = "write data.format.encoding: iso2022_jp"
                raise DataError("", _KEY, f"{name} looks like Japanese in iso2022_jp; {advice}")


def _check_halves(path: Path, name: str, number: int) -> None:
    # Oracle and Java write characters outside of the basic plane, such as emoji, as two halves of utf-8 each.
    with open_bytes(path, name) as (content, _raw):
        line = next((line for at, line in enumerate(content, start=1) if at == number), b"")
    try:
        line.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeError:
        return
    reason = f"{name}, line {number} holds halves of characters, as the variant CESU-8 of utf-8 has them"
    raise DataError("", _KEY, f"{reason}; save the file as utf-8")


@dataclass
class _Mixture:
    """Lines with bytes above 127 that are utf-8, and that are not."""

    valid: int = 0
    broken: int = 0
    #: The numbers of the first of them.
    valid_lines: list[int] = field(default_factory=list)
    broken_lines: list[int] = field(default_factory=list)
    #: In the broken lines: characters of utf-8, and bytes that belong to none.
    characters: int = 0
    strays: int = 0
    western: WesternEvidence = field(default_factory=WesternEvidence)

    def add(self, number: int, line: bytes) -> None:
        self.western.add(number, line)
        try:
            line.decode()
        except UnicodeDecodeError:
            self.broken += 1
            if self.broken <= NAMED + 1:
                self.broken_lines.append(number)
            kept = line.decode("utf-8", "ignore")
            self.characters += sum(not character.isascii() for character in kept)
            self.strays += len(line) - len(kept.encode())
        else:
            self.valid += 1
            if self.valid <= NAMED + 1:
                self.valid_lines.append(number)


def _one_byte(path: Path, name: str) -> str:
    mixture = _Mixture()
    with open_bytes(path, name) as (content, _raw):
        for number, line in enumerate(content, start=1):
            if not line.isascii():
                mixture.add(number, line)
    western = mixture.western
    is_other = not western.is_western
    if mixture.valid * 10 > mixture.broken or mixture.characters >= mixture.strays or (mixture.valid and not is_other):
        if mixture.valid >= mixture.broken or not mixture.valid:
            numbers, count, kind = mixture.broken_lines, mixture.broken, "is not utf-8 while the rest of the file is"
        else:
            numbers, count, kind = mixture.valid_lines, mixture.valid, "is utf-8 while the rest of the file is not"
        number, *others = numbers
        places = with_others(f"{name}, line {number}", [f"line {each}" for each in others], count - 1)
        advice = "mend these lines, or name the encoding of all of them"
        raise DataError("", _KEY, f"{places} {kind}: {_shown(path, name, number)}; {advice}")
    if is_other:
        raise DataError("", _KEY, _not_western(path, name, western))
    return "cp1252" if western.has_signs else "latin-1"


def _not_western(path: Path, name: str, western: WesternEvidence) -> str:
    import charset_normalizer

    line = _shown(path, name, western.number)
    reason = f"{name} is not utf-8, and line {western.number} is no Western European text: {line}"
    if "\\x00" in line:
        return f"{reason}; bytes of 0 stand in it, as in utf-16: if it is, write data.format.encoding: utf-16-le"
    best = charset_normalizer.from_bytes(bytes(western.sample)).best()
    if best is None or best.encoding in ("cp1252", "latin_1", "ascii", "utf_8"):
        return f"{reason}; name the encoding in which it was saved, such as cp1250 or cp1251, or save it as utf-8"
    # The guess is right for four files of five, so that the line is shown for the user to judge it.
    guessed = _shown(path, name, western.number, best.encoding)
    return (
        f"{reason}; it may be {best.encoding}, in which the line is {guessed}: if that is right, write "
        f"data.format.encoding: {best.encoding}"
    )


def _shown(path: Path, name: str, number: int, encoding: str = "cp1252") -> str:
    with open_bytes(path, name) as (content, _raw):
        line = next(line for at, line in enumerate(content, start=1) if at == number)
    return shown(line.decode(encoding, "backslashreplace").strip())
