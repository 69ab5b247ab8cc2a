"""The use that a study makes of a column, and the values that the column can have."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import Any

from search_spaces import suggestion
from tuner.errors import DataError
from tuner.training.data.files.file_rows import PlaceKind, Wanted
from tuner.training.data.files.places import NAMED, place, with_others
from tuner.training.data.files.values import shown


class Use(Enum):
    """The use of a column. Each one takes other values."""

    #: A text: strings alone.
    TEXT = "text"
    #: A picture: its path, or its bytes.
    IMAGE = "image"
    #: A chat: a list of messages, or one that is written as JSON.
    CHAT = "chat"
    #: A label, a group, or a value to select rows by: one word, which `tuner.study.words.word` compares.
    WORD = "word"


_USES = {"text": Use.TEXT, "image": Use.IMAGE, "messages": Use.CHAT}


def use_of(wanted: Wanted, column: str) -> tuple[str, Use]:
    """Return the key of the study file that names a column, and the use. A text that selects rows, too, is a text."""
    keys = [key for key, names in wanted.by_key.items() if column in names]
    key = next((key for key in ("text", "messages", "image", "label", "group") if key in keys), keys[0])
    return key, _USES.get(key, Use.WORD)


@dataclass
class Mistakes:
    """The rows of one file that have one mistake: the value of the first, the numbers of some, and their count."""

    value: Any
    numbers: list[int]
    count: int = 1

    def add(self, number: int) -> None:
        """Count a row more."""
        self.count += 1
        if len(self.numbers) <= NAMED:
            self.numbers.append(number)

    def place(self, name: str, kind: PlaceKind) -> str:
        """Return the words that name the first row, and say how many more there are."""
        first, *others = self.numbers
        return with_others(place(name, kind, first), [f"{kind.value} {each}" for each in others], self.count - 1)


def value_error(key: str, column: str, places: str, value: Any) -> DataError:
    """Return the error for a value that a column cannot be used with.

    Args:
        key: The key of the study file that names the column, such as `text`.
        column: The column.
        places: Words on the rows that have such a value.
        value: The value of the first row.
    """
    if key == "messages":
        remedy = "a chat is a list of messages, each an object with role and content; name another column"
    elif isinstance(value, dict):
        inner = f"{column}.{next(iter(value), 'key')}"
        remedy = f"name a key inside of it, such as data.{key}: {inner}"
    elif key == "label" and isinstance(value, list):
        remedy = (
            "several labels a row are the task multi-label-classification, which is not there yet; "
            "give each row one label, not in a list"
        )
    elif key == "text":
        remedy = "a text is a string; write it as one, or name another column"
    elif key == "image":
        remedy = "a picture is named by its path; name another column"
    else:
        remedy = "a row has one word there; name another column"
    return DataError("", f"data.{key}", f"{places}: column {column!r} holds {_held(value)}: {remedy}")


def inner_hint(name: str, present: Collection[str]) -> str:
    """Return a question for a column that is missing, where one inside of an object is named alike; else nothing.

    Args:
        name: The missing column.
        present: The names that there are, those inside of objects with dots.
    """
    if suggestion(name, present):
        return ""
    ends = {each.rpartition(".")[2]: each for each in reversed([*present]) if "." in each}
    close = get_close_matches(name, ends, n=1)
    return f"did you mean {ends[close[0]]!r}?" if close else ""


def _held(value: object) -> str:
    names = {bool: "the boolean", int: "the number", float: "the number", list: "the list", dict: "the object"}
    return f"{names.get(type(value), f'a {type(value).__name__},')} {shown(value)}"
