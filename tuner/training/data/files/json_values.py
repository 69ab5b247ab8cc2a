"""Decoding of JSON: each key of an object once, and errors that name the line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from json import JSONDecodeError
from json.decoder import JSONObject  # type: ignore[attr-defined]  # the decoder in Python, for positions of errors
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from typing import Any

from tuner.training.data.files.values import shown

_BLANKS = re.compile(r"[ \t\n\r]*")
#: Characters of a broken document that a message shows.
_FRAGMENT = 30


class BrokenJson(Exception):
    """A text is no JSON that can be read.

    Attributes:
        line: The line, from 1.
        reason: The mistake.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


class Infinite(float):
    """A number that is written as `Infinity`, in contrast to one that is too large for a float."""


class _RepeatedKey(ValueError):
    """A key stands twice in an object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedKey(next(name for name in found if names.count(name) > 1))
    return found


def _constant(written: str) -> float | None:
    return None if written == "NaN" else Infinite(written)


# Not strict: a tab inside of a string is no JSON, but leaves no doubt about the value.
_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_constant, strict=False)


def is_too_large(value: object) -> bool:
    """Return whether a number was written with an exponent that no float has."""
    return isinstance(value, float) and math.isinf(value) and not isinstance(value, Infinite)


def decode(text: str, first_line: int = 1) -> Any:
    """Return the value of a document, or of a line of a file.

    `NaN` is None, as it is missing; `Infinity` is an `Infinite`.

    Args:
        text: The document.
        first_line: Its line in the file.

    Raises:
        BrokenJson: The text is not one JSON value, or not one that can be read.
    """
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise _broken(error, text, 0, first_line) from error


def is_value(text: str) -> bool:
    """Return whether a text is one JSON value, though perhaps one that `decode` complains about."""
    try:
        _DECODER.decode(text)
    except JSONDecodeError:
        return False
    except (ValueError, RecursionError):
        return True
    return True


def elements(text: str) -> Iterator[tuple[Any, int]]:
    """Yield the elements of a JSON array one by one, so that none needs be kept, each with the position behind it.

    Raises:
        BrokenJson: The text is no JSON array, or not one that can be read.
    """
    position = _after_blanks(text, 0)
    awaited = "["
    try:
        while True:
            if not text.startswith(awaited, position):
                raise JSONDecodeError("Expecting ',' delimiter", text, position)
            position = _after_blanks(text, position + 1)
            if awaited == "[" and text.startswith("]", position):
                break
            value, end = _DECODER.raw_decode(text, position)
            yield value, end
            position = _after_blanks(text, end)
            if text.startswith("]", position):
                break
            awaited = ","
        if (end := _after_blanks(text, position + 1)) != len(text):
            raise JSONDecodeError("Extra data", text, end)
    except (ValueError, RecursionError) as error:
        raise _broken(error, text, position, 1) from error


def _after_blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    assert match is not None  # it matches nothing, too
    return match.end()


def _broken(error: Exception, text: str, start: int, first_line: int) -> BrokenJson:
    """Return the error for a value that begins at `start`."""
    if isinstance(error, JSONDecodeError):
        if not text[error.pos :].strip():
            lines = text.rstrip().count("\n")
            return BrokenJson(first_line + lines, "no JSON, as it ends in the middle of a value; is the file cut off?")
        fragment = shown(text[error.pos : error.pos + _FRAGMENT])
        said = error.msg.removesuffix(" at")  # `Unterminated string starting at`
        reason = f"{said[:1].lower()}{said[1:]} at column {error.colno}: {fragment}{_remedy(error, text)}"
        return BrokenJson(first_line + error.lineno - 1, f"no JSON, {reason}")
    if isinstance(error, _RepeatedKey):
        start = _start_of_repetition(text, start)
        reason = f"the key {shown(str(error))} stands twice in an object; drop one"
    elif isinstance(error, RecursionError):
        reason = "lists and objects have too many levels"
    else:
        reason = "a number has too many digits"
    return BrokenJson(first_line + text.count("\n", 0, start), reason)


def _remedy(error: JSONDecodeError, text: str) -> str:
    rest = text[error.pos : error.pos + 1]
    if rest in "]}" and text[: error.pos].rstrip().endswith(","):
        return "; drop the comma in front of it"
    if error.msg == "Extra data":
        return "; write one record a line with nothing between them, or all of them as one list"
    return "; JSON has double quotes around texts and keys" if rest == "'" else ""


def _start_of_repetition(text: str, start: int) -> int:
    """Return the position of the object with a repeated key; finds it by the slow decoder that is written in Python."""
    decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_constant, strict=False)
    found: list[int] = []

    def parse_object(text_and_start: tuple[str, int], *rest: Any) -> Any:
        try:
            return JSONObject(text_and_start, *rest)
        except _RepeatedKey:
            found.append(text_and_start[1])
            raise

    decoder.parse_object = parse_object  # type: ignore[attr-defined]
    scan = py_make_scanner(decoder)
    try:
        scan(text, start)
    except (ValueError, RecursionError, StopIteration):
        return found[0] if found else start
    return start
