"""The part `data` of a study's configuration: where the examples come from, and how they are split."""

from __future__ import annotations

import codecs
from typing import Any

from pydantic import Field, field_validator, model_validator

from search_spaces import suggestion
from tuner.security.urls import holds_secret
from tuner.study.config_part import ConfigPart
from tuner.study.words import word

#: Names of splits, in the order in which rows are assigned to them.
SPLITS = ("train", "validation", "test")
#: The word for a character that a file does not have.
NONE = "none"
#: Characters that are easier to write as words.
_CHARACTERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " ", "backslash": "\\"}
#: Words that stand for a boolean.
_TRUTHS = ("true", "false", "yes", "no", "on", "off")


class FormatConfig(ConfigPart):
    """How a text file is written. A key that is left out is detected."""

    #: The character between two cells of a line: one character, or `tab`, `comma`, `semicolon`, `pipe`, `space`.
    separator: str | None = None
    #: The character around a cell: one character, or `none`.
    quote: str | None = None
    #: The character in front of a quote or separator that belongs to a cell: one character, `backslash`, or `none`
    #: where a quote inside a cell is doubled.
    escape: str | None = None
    #: An encoding that Python knows.
    encoding: str | None = None
    #: Whether the first line names the columns, or their names. Columns without names are named 1, 2, 3.
    header: bool | list[str] | None = None

    @field_validator("separator", "quote", "escape", mode="before")
    @classmethod
    def _is_one_character(cls, value: Any) -> Any:
        if value is None or value == NONE:
            return value
        character = _CHARACTERS.get(str(value), str(value))
        if len(character) != 1 or character in "\r\n":
            raise ValueError(f"{value!r} is no single character; words are {', '.join((NONE, *_CHARACTERS))}")
        return character

    @field_validator("separator")
    @classmethod
    def _separator_is_there(cls, value: str | None) -> str | None:
        if value == NONE:
            raise ValueError("'none' separates nothing; name a character")
        return value

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, value: str | None) -> str | None:
        try:
            return value if value is None else codecs.lookup(value).name
        except LookupError as error:
            raise ValueError(f"{value!r} is no encoding that Python knows, such as utf-8 or cp1252") from error

    @field_validator("header", mode="before")
    @classmethod
    def _columns_are_words(cls, value: Any) -> Any:
        if isinstance(value, list):
            return [str(name) if isinstance(name, int | float) else name for name in value]
        if value is not None and str(value).lower() not in _TRUTHS:
            raise ValueError(f"{value!r} is neither true nor false, nor a list of the columns' names")
        return value

    @field_validator("header")
    @classmethod
    def _columns_differ(cls, value: bool | list[str] | None) -> bool | list[str] | None:
        if isinstance(value, list) and (twice := [name for name in value if value.count(name) > 1]):
            raise ValueError(f"names {twice[0]!r} twice; give each column its own name")
        return value


class DataConfig(ConfigPart):
    """Where the examples come from, and how they are split."""

    #: Hub id, csv/json/parquet file or URL, folder, or `package:NAME/PATH`.
    source: str
    #: Configuration of a hub data set.
    subset: str | None = None
    #: Commit of a hub data set.
    revision: str | None = None
    #: How text files are written, where detection is wrong or refuses to decide.
    format: FormatConfig = Field(default_factory=FormatConfig)
    #: In a JSON document, the dotted key below which the rows are.
    field: str | None = None
    #: Only rows with these words are used, by column; see `tuner.study.words`. An empty word is an empty cell.
    where: dict[str, str | list[str]] = Field(default_factory=dict)
    #: Column of the text; two columns make a pair. A dotted name is a key inside a JSON object.
    text: str | list[str] = "text"
    #: Of a language model: column of the completion, whose tokens count, and of the prompt before it. Without a
    #: completion, all tokens of `text` do.
    completion: str | None = None
    prompt: str | None = None
    #: Of a language model: column of chats, lists of messages with role and content. The assistant's tokens count.
    messages: str | None = None
    #: Column of the image.
    image: str = "image"
    #: Column of the label.
    label: str = "label"
    #: Names of the labels, by the word in the label column. Words of one name are one class.
    labels: dict[str, str] | None = None
    #: Column whose rows of one value, such as a patient, go into one split.
    group: str | None = None
    #: Whether a text that stands twice is used once.
    deduplicate: bool = False
    #: By split: the name of an existing split, a number of examples, or a share of them.
    splits: dict[str, int | float | str] = Field(default={"train": 0.8, "validation": 0.1, "test": 0.1})

    @field_validator("source")
    @classmethod
    def _source_holds_no_secret(cls, value: str) -> str:
        if holds_secret(value):
            raise ValueError(
                "is a URL with a user, password or token in it, which would be stored with the study and shown; "
                "fetch the file and name it, or give credentials by the environment"
            )
        return value

    @field_validator("where", mode="before")
    @classmethod
    def _values_are_words(cls, value: Any) -> Any:
        def as_word(wanted: Any) -> Any:
            return wanted if isinstance(wanted, list | dict) else word(wanted) or ""

        def as_words(wanted: Any) -> Any:
            return [as_word(each) for each in wanted] if isinstance(wanted, list) else as_word(wanted)

        return {str(column): as_words(wanted) for column, wanted in value.items()} if isinstance(value, dict) else value

    @field_validator("labels", mode="before")
    @classmethod
    def _labels_are_words(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        names: dict[str, Any] = {}
        for written, name in value.items():
            label = word(written) or ""
            if label in names:
                raise ValueError(f"{label!r} is named twice: {written!r} is the same label; drop one")
            if name is None or name == "":
                raise ValueError(f"the label {written!r} has no name; write one behind it")
            names[label] = name if isinstance(name, list | dict) else str(name)
        return names

    @field_validator("text", "completion", "prompt", "messages", "label", "image", "group", mode="before")
    @classmethod
    def _columns_have_names(cls, value: Any) -> Any:
        # Columns of a file without a header are named by numbers, which YAML reads as such.
        def named(column: Any) -> Any:
            return str(column) if isinstance(column, int) and not isinstance(column, bool) else column

        return [named(each) for each in value] if isinstance(value, list) else named(value)

    @field_validator("text")
    @classmethod
    def _one_text_or_a_pair(cls, value: str | list[str]) -> str | list[str]:
        if isinstance(value, list) and len(value) not in (1, 2):
            raise ValueError("give one column, or two for a pair of texts")
        return value

    @model_validator(mode="after")
    def _columns_differ(self) -> DataConfig:
        texts = [self.text] if isinstance(self.text, str) else self.text
        if self.label in texts or len(set(texts)) != len(texts):
            raise ValueError(f"{', '.join(texts)} and {self.label}: text and label must be different columns")
        return self

    @model_validator(mode="after")
    def _chats_are_alone(self) -> DataConfig:
        if self.messages is not None and (self.prompt is not None or self.completion is not None):
            raise ValueError("give messages, or prompt and completion; a row is one or the other")
        return self

    @field_validator("splits")
    @classmethod
    def _splits_are_known(cls, value: dict[str, int | float | str]) -> dict[str, int | float | str]:
        for name, size in value.items():
            if name not in SPLITS:
                raise ValueError(f"{name!r} is no split{suggestion(name, SPLITS)}; known: {', '.join(SPLITS)}")
            if not isinstance(size, str) and size <= 0:
                raise ValueError(f"{name} is empty ({size!r}); give a number of examples or a share")
            if isinstance(size, float) and size >= 1 and not size.is_integer():
                raise ValueError(f"{name} is {size!r}; give a whole number, or a share below 1")
        for name in ("train", "validation"):
            if name not in value:
                raise ValueError(f"{name} is missing; give a name of a split, a number of examples or a share")
        return value
