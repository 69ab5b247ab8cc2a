"""The columns that a study needs, and the rows of one file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING
from unicodedata import category, normalize

from search_spaces import suggestion
from tuner.errors import DataError
from tuner.training.data.files.values import listed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

#: Name of the one split of a source without splits.
ONLY = "train"
#: Columns that a message names.
_COLUMNS = 20


class PlaceKind(Enum):
    """The thing that a user counts to find a row in its file."""

    #: A line of a text file; lines are counted from 1, the header included.
    LINE = "line"
    #: A record of a JSON array, of a parquet file or of a hub data set, counted from 1.
    RECORD = "record"
    #: A picture: the path alone names the row.
    PICTURE = "picture"


@dataclass(frozen=True)
class Wanted:
    """The columns that a study needs. Readers read no others."""

    #: By the key of the study file that names them: `text`, `messages`, `image`, `label`, `where`, `group`.
    by_key: Mapping[str, tuple[str, ...]]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All columns, each once, in the order of the keys."""
        return tuple(dict.fromkeys(name for names in self.by_key.values() for name in names))

    def check(self, present: Collection[str], hint: str = "") -> None:
        """Check that all wanted columns are there.

        Args:
            present: The columns of the source.
            hint: A sentence that the message ends with, about why a column may be missing.

        Raises:
            DataError: Columns are missing; names their keys, the nearest names and all names.
        """
        missing = [(key, name) for key, names in self.by_key.items() for name in names if name not in present]
        if not missing:
            return
        (key, name), *others = missing
        there = listed([_as_written(each) for each in present], _COLUMNS)
        also = "".join(f"; nor is there {name!r}, for data.{key}{_nearest(name, present)}" for key, name in others)
        more = f"; {hint}" if hint else ""
        reason = f"there is no column {name!r}{_nearest(name, present)}; there are {there}{more}{also}"
        raise DataError("", f"data.{key}", reason)


def _nearest(name: str, present: Collection[str]) -> str:
    """Return a question about the column that is likely to be meant; nothing where none is."""
    # A column named `Text` or `text ` is a better guess than one that looks alike.
    same = [each for each in present if _plain(each) == _plain(name)]
    if not same:
        return suggestion(name, present)
    # Names that look the same are shown with the codes of their characters.
    show = ascii if same[0].strip().casefold() != name.strip().casefold() else repr
    return f"; did you mean {show(same[0])}?"


def _plain(name: str) -> str:
    """Return a name without the differences that a reader does not see."""
    seen = (character for character in normalize("NFKC", name) if category(character) != "Cf")
    return "".join(seen).strip().casefold()


@dataclass(frozen=True, kw_only=True)
class FileRows:
    """The rows of one file."""

    #: The file's path as messages name it.
    name: str
    #: The wanted columns. Columns of csv files are strings, in which an empty cell is an empty string.
    table: pa.Table
    kind: PlaceKind
    #: The line or the record of each row, from 1; for pictures their index in `paths`. Shape: (rows,)
    numbers: npt.NDArray[np.int64]
    #: Paths of pictures as messages name them; none for other files.
    paths: tuple[str, ...] = ()
    #: How the file was read, for `tuner check`: `5,574 lines, separated by tab, no quoting, utf-8`.
    reading: str
    #: Rows that hold nothing, such as empty lines, and were left out.
    blank: int = 0
    #: Sentences for the user about what else the reader noticed, such as a column without a name.
    notes: tuple[str, ...] = ()
    #: Names of the classes of columns whose source has numbers for them, by column. The table has the names; a study
    #: file may have either.
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def _as_written(name: str) -> str:
    return name if name == name.strip() and name.isprintable() else repr(name)


def meaning(word: str, names: Sequence[str]) -> str:
    """Return the word in a table that a word of the study file means: the class of a number, else the word.

    Args:
        word: The word in the study file.
        names: The names of the column's classes; none where the source has words in place of numbers.
    """
    is_number = word.isdecimal() and len(word) < 10 and word not in names and int(word) < len(names)
    return names[int(word)] if is_number else word
