"""Kinds of files that hold no rows, told by their first bytes, with words for messages."""

from __future__ import annotations

from dataclasses import dataclass

#: Bytes at the beginning of a file that tell its kind.
HEAD = 512


@dataclass(frozen=True)
class FileKind:
    """A kind of file."""

    #: A noun: `a PDF`.
    thing: str
    #: The way to make a table of it; empty where there is none.
    remedy: str = ""

    @property
    def words(self) -> str:
        """The noun and the remedy, for the end of a sentence."""
        return f"{self.thing}; {self.remedy}" if self.remedy else self.thing


#: A file that git has left out. It is the only kind with the same remedy for tables and pictures.
LFS = FileKind("a pointer of Git LFS", "run `git lfs pull`")
_TABLE, _UNPACK, _NAME = "save its table as csv", "unpack it", "let its name end with"
#: Kinds by the beginning of a file. No text and no picture that Pillow reads begins so.
_BINARY: tuple[tuple[bytes, FileKind], ...] = (
    (b"version https://git-lfs", LFS),
    (b"PK\x03\x04", FileKind("a zip archive or an Excel workbook", "unpack it, or save the sheet as csv")),
    (b"\xd0\xcf\x11\xe0", FileKind("an old Excel workbook or Word document", _TABLE)),
    (b"\x1f\x8b", FileKind("compressed by gzip", f"{_NAME} .gz, or unpack it")),
    (b"BZh", FileKind("compressed by bzip2", f"{_NAME} .bz2, or unpack it")),
    (b"\xfd7zXZ", FileKind("compressed by xz", f"{_NAME} .xz, or unpack it")),
    (b"\x28\xb5\x2f\xfd", FileKind("compressed by zstd", _UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", FileKind("an archive of 7-Zip", _UNPACK)),
    (b"Rar!", FileKind("a RAR archive", _UNPACK)),
    (b"PAR1", FileKind("a parquet file", f"{_NAME} .parquet")),
    (b"ARROW1", FileKind("an Arrow or feather file", "save it as parquet")),
    (b"\xff\xff\xff\xff", FileKind("an Arrow file", "name the folder that save_to_disk wrote, or save it as parquet")),
    (b"SQLite format 3", FileKind("a database of SQLite", _TABLE)),
    (b"\x89HDF", FileKind("an HDF5 file", _TABLE)),
    (b"\x93NUMPY", FileKind("an array of numpy", _TABLE)),
    (b"GRIB", FileKind("a GRIB file", _TABLE)),
    (b"%PDF", FileKind("a PDF", _TABLE)),
    (b"{\\rtf", FileKind("a document of rich text", _TABLE)),
)
#: Beginnings of pictures.
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
#: Place of the mark in a tar archive.
_TAR = slice(257, 262)


def kind_of(head: bytes) -> FileKind | None:
    """Return the kind of a file that holds neither a text nor a picture that Pillow reads; None for all others."""
    for beginning, kind in _BINARY:
        if head.startswith(beginning):
            return kind
    return FileKind("a tar archive", _UNPACK) if head[_TAR] == b"ustar" else None


def kind_without_rows(head: bytes) -> FileKind | None:
    """Return the kind of a file that holds no rows: as `kind_of`, or a picture or an HTML page; else None."""
    if (kind := kind_of(head)) is not None:
        return kind
    if head.startswith(_PICTURES):
        return FileKind("a picture", "name the folder that it lies in, or a table of pictures")
    return FileKind("an HTML page", "a download may have failed") if is_html(head) else None


def is_html(head: bytes) -> bool:
    """Return whether a file is an HTML page."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body"))
