"""A text file on disk: its bytes (of compressed files, those inside), and its lines in an encoding."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any, BinaryIO

from tuner.errors import DataError, first_line
from tuner.training.data.file_kinds import HEAD

#: Bytes that are read at once.
CHUNK = 1 << 20
#: Characters of a first line. A longer one is that of another kind of file, such as JSON, whose name ends with .csv.
LONGEST_LINE = 16_000_000
#: Openers of compressed files, by the ending of the name.
_OPENERS: dict[str, Callable[[BinaryIO], Any]] = {
    ".gz": lambda raw: gzip.GzipFile(fileobj=raw),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}


@contextmanager
def open_bytes(path: Path, name: str) -> Iterator[tuple[IO[bytes], BinaryIO]]:
    """Open a file.

    Args:
        path: The file.
        name: The file's path as messages name it.

    Yields:
        The content, and the file on disk, whose position tells how much is read. Both are one where nothing is
        compressed.

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
    except EOFError as error:
        reason = f"{name} is cut off: the end of the compressed file is missing; copy or download it again"
        raise DataError("", "data.source", reason) from error
    except (OSError, zlib.error, lzma.LZMAError) as error:
        raise DataError("", "data.source", f"{name} cannot be read: {first_line(error)}") from error


def read_head(path: Path, name: str) -> bytes:
    """Return the first bytes of a file, as `open_bytes` yields them: they tell its kind."""
    with open_bytes(path, name) as (content, _raw):
        return content.read(HEAD)


@dataclass(frozen=True)
class TextFile:
    """A text file whose encoding is known."""

    path: Path
    #: The file's path as messages name it.
    name: str
    encoding: str
    #: The character that ends a line: a line feed, or the carriage return of old Macs.
    newline: str = "\n"
    #: Where lines hold carriage returns, which the module csv takes for their ends: a character that is not in the
    #: file, to stand for them while lines are parsed.
    stand_in: str | None = None

    @contextmanager
    def lines(self, skipped: int = 0) -> Iterator[tuple[Iterator[str], BinaryIO]]:
        """Open the lines, with the characters that end them.

        Args:
            skipped: Lines to skip at the beginning.

        Yields:
            The lines, and the file on disk, whose position tells how much is read.

        Raises:
            DataError: The file cannot be read or decoded.
        """
        with self._text(self.newline) as (text, raw):
            for _ in range(skipped):
                text.readline()
            first = text.readline(LONGEST_LINE)
            if len(first) == LONGEST_LINE:
                reason = f"{self.name}, line {skipped + 1} has more than {LONGEST_LINE:,} characters and is no header"
                raise DataError("", "data.source", f"{reason}; is it a csv or tsv file?")
            yield chain([first.removeprefix("\ufeff")] if first else [], text), raw

    @contextmanager
    def chunks(self) -> Iterator[Iterator[str]]:
        """Open the text in pieces of a million characters, whose line ends are as they are written."""
        with self._text("") as (text, _raw):
            first = text.read(CHUNK)
            yield chain([first.removeprefix("\ufeff")] if first else [], iter(lambda: text.read(CHUNK), ""))

    @contextmanager
    def _text(self, newline: str) -> Iterator[tuple[io.TextIOWrapper, BinaryIO]]:
        with open_bytes(self.path, self.name) as (content, raw):
            text = io.TextIOWrapper(content, encoding=self.encoding, newline=newline)
            try:
                yield text, raw
            except UnicodeError as error:
                raise DataError(
                    "",
                    "data.format.encoding",
                    f"{self.name} cannot be read as {self.encoding}: {first_line(error)}; name its encoding",
                ) from error
            finally:
                text.close()
