"""A first look at data: their columns and splits, before a study says which column is which."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ColumnKind(Enum):
    """The kind of the values of a column."""

    #: Words, numbers or texts.
    WORDS = "words"
    #: Chats: lists of messages with role and content.
    CHATS = "chats"
    #: Paths of pictures, or pictures.
    PICTURES = "pictures"


@dataclass(frozen=True, kw_only=True)
class ColumnSketch:
    """A column, as the first rows show it."""

    name: str
    kind: ColumnKind
    #: Rows that were looked at and have a value.
    filled: int
    #: Different values among them.
    distinct: int
    #: Words of a value, on average.
    words: float


@dataclass(frozen=True, kw_only=True)
class DataSketch:
    """Data, as the first rows show them."""

    #: Rows of the split that was looked at, which is the training split where there is one.
    rows: int
    #: Rows that were looked at.
    seen: int
    #: Names of the splits of the source.
    splits: tuple[str, ...]
    columns: tuple[ColumnSketch, ...]
    #: Whether the source is a folder of pictures, whose folders are the classes.
    is_picture_folder: bool = False

    def column(self, name: str) -> ColumnSketch | None:
        """Return a column by its name; None where there is none."""
        return next((each for each in self.columns if each.name == name), None)
