"""The encoding of a text file."""

from __future__ import annotations

import codecs
from pathlib import Path

from tuner.errors import DataError

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def find_encoding(path: Path, given: str | None) -> str:
    """Return the encoding of a file, as `open` takes it.

    Args:
        path: The file.
        given: The study file's `data.format.encoding`.

    Raises:
        DataError: The encoding is not plain.
    """
    if given is not None:
        return given
    with path.open("rb") as file:
        start = file.read(4)
        for bom, name in _BOMS:
            if start.startswith(bom):
                return name
        file.seek(0)
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                reason = f"line {number} of {path.name} is no utf-8; name the encoding, such as cp1252"
                raise DataError("", "data.format.encoding", reason) from error
    return "utf-8"
