"""The encoding of a text file."""

from __future__ import annotations

import codecs
from pathlib import Path

from tuner.errors import DataError
from tuner.training.data.files.text_file import open_bytes

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def find_encoding(path: Path, given: str | None, name: str = "") -> str:
    """Return the encoding of a text file. The whole file decodes in it.

    Raises:
        DataError: The file does not decode.
    """
    with open_bytes(path, name) as (content, _raw):
        head = content.read(4)
        encoding = given or next((each for mark, each in _MARKS if head.startswith(mark)), "utf-8")
        whole = head + content.read()
    try:
        whole.decode(encoding)
    except UnicodeError as error:
        line = whole.count(b"\n", 0, getattr(error, "start", 0)) + 1
        reason = f"{name or path}, line {line} is not {encoding}; name the encoding that the file is in"
        raise DataError("", "data.format.encoding", reason) from error
    return encoding
