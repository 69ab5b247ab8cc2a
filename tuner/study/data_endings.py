"""Endings of the names of data files: the layout that each one stands for, and compressed files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath


class DataKind(Enum):
    """The layout of a data file."""

    #: Lines of cells, with a separator that the file shows.
    DELIMITED = "delimited"
    #: JSON: a document, or one record a line.
    JSON = "json"
    PARQUET = "parquet"


@dataclass(frozen=True)
class DataEnding:
    """The meaning of a file's ending."""

    kind: DataKind
    #: The compression that is around the file, as `COMPRESSIONS` names it; None for a plain file.
    compression: str | None = None


#: Layouts by ending, in small letters. The reader of JSON finds out by itself whether a file holds lines.
ENDINGS: Mapping[str, DataKind] = {
    ".csv": DataKind.DELIMITED,
    ".tsv": DataKind.DELIMITED,
    ".tab": DataKind.DELIMITED,
    ".txt": DataKind.DELIMITED,
    ".data": DataKind.DELIMITED,
    ".json": DataKind.JSON,
    ".jsonl": DataKind.JSON,
    ".ndjson": DataKind.JSON,
    ".parquet": DataKind.PARQUET,
}
#: Compressions by the ending that stands behind one of `ENDINGS`.
COMPRESSIONS: Mapping[str, str] = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz"}


def is_data_file(name: str) -> bool:
    """Return whether a file in a folder holds data, by its ending. README.txt and the like do not."""
    return data_ending(name) is not None and PurePosixPath(name).suffix.lower() != ".txt"


def data_ending(name: str) -> DataEnding | None:
    """Return the meaning of the ending of a file's name, path or URL; None where it is no ending of a data file."""
    if "://" in name:
        name = name.partition("?")[0].partition("#")[0]
    path = PurePosixPath(name)
    compression = COMPRESSIONS.get(path.suffix.lower())
    if compression is not None:
        path = path.with_suffix("")
    kind = ENDINGS.get(path.suffix.lower())
    return None if kind is None else DataEnding(kind, compression)
