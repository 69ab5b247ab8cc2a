"""The bytes of a text file; of compressed files, those inside."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

from tuner.errors import DataError, first_line

_OPENERS: dict[str, Callable[[BinaryIO], Any]] = {
    ".gz": lambda raw: gzip.GzipFile(fileobj=raw),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}


@contextmanager
def open_bytes(path: Path, name: str) -> Iterator[tuple[IO[bytes], BinaryIO]]:
    """Open a file; yields its content, and the file on disk, whose position tells how much is read.

    Raises:
        DataError: The file cannot be read, or is not compressed as its ending says.
    """
    try:
        with path.open("rb") as raw:
            opener = _OPENERS.get(path.suffix.lower())
            if opener is None:
                yield raw, raw
            else:
                with opener(raw) as content:
                    yield content, raw
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError("", "data.source", f"{name} cannot be read: {first_line(error)}") from error
