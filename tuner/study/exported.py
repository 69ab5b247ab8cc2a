"""What an exported model is told beside its weights, so that it reads new rows as its study read those of training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tuner.errors import ConfigError
from tuner.study.data_config import DataConfig, FormatConfig
from tuner.study.data_endings import data_ending
from tuner.trial.run import ModelSource

#: File of the exported folder.
EXPORTED = "tuner.json"
#: Keys of `data` that say which rows a study has, and nothing of how a row is read.
_OF_THE_STUDY = frozenset(
    {"source", "subset", "revision", "where", "labels", "group", "deduplicate", "splits"},
)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """How a model's study read its rows."""

    task: str
    #: Tokens; longer texts are cut.
    max_length: int
    #: Keys of the study file's `data` that say how a row is read.
    data: Mapping[str, Any]
    #: The layout of the study's file, to which `data.format` and `data.field` belong; None where it was no file.
    kind: str | None

    @classmethod
    def of(cls, task: str, max_length: int, data: DataConfig) -> Exported:
        """Return what a study's models are told."""
        return cls(
            task=task,
            max_length=max_length,
            data=data.model_dump(mode="json", exclude=set(_OF_THE_STUDY)),
            kind=_kind(data.source),
        )

    @classmethod
    def read(cls, folder: Path) -> Exported:
        """Read what a folder's model was told.

        Raises:
            ConfigError: The folder has no such file, or a damaged one.
        """
        try:
            told = cls(**json.loads((folder / EXPORTED).read_text(encoding="utf-8")))
            told.config("rows.csv")
        except FileNotFoundError as error:
            how = " without --adapter" if (folder / "adapter_config.json").is_file() else ""
            reason = f"has no {EXPORTED}, so how its rows are read is unknown; export the model again{how}"
            raise ConfigError(str(folder), "", reason) from error
        except (OSError, ValueError, TypeError, ValidationError) as error:
            raise ConfigError(str(folder / EXPORTED), "", "is damaged; export the model again") from error
        return told

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        text = json.dumps({**vars(self), "data": dict(self.data)}, indent=2, ensure_ascii=False)
        (folder / EXPORTED).write_text(f"{text}\n", encoding="utf-8")

    def config(self, source: str) -> DataConfig:
        """Return how the rows of a file are read.

        Args:
            source: The file. One of another layout than the study's is read as it shows itself.
        """
        found = DataConfig.model_validate({**self.data, "source": source})
        if self.kind is not None and self.kind != _kind(source):
            found = found.model_copy(update={"format": FormatConfig(), "field": None})
        return found

    def of_lines(self) -> Exported:
        """Return how lines are read, each of which is a text or a prompt, or what the user says to begin a chat.

        Raises:
            ConfigError: A row of the study is more than one text.
        """
        if self.task == "image-classification" or not isinstance(self.data["text"], str):
            raise ConfigError("-", "", "a row of this study is more than one text; give a file")
        # A model that was exported before there were chats says nothing of them.
        renamed = {key: None if self.data.get(key) is None else key for key in ("prompt", "messages")}
        return Exported(
            task=self.task,
            max_length=self.max_length,
            data={**self.data, **renamed, "text": "text", "label": "label"},
            kind="lines",
        )

    def write_lines(self, lines: Sequence[str], file: Path) -> None:
        """Write lines into a JSON file that is read as `of_lines` says."""
        chats = self.data.get("messages")
        column = chats or self.data["prompt"] or self.data["text"]
        rows = [[{"role": "user", "content": line}] if chats else line for line in lines]
        text = "".join(f"{json.dumps({column: row})}\n" for row in rows)
        file.write_text(text, encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class PredictionRequest:
    """A model and the rows that it is to say something of."""

    #: Folder of the model.
    model: Path
    exported: Exported
    #: File of the rows, absolute.
    source: str
    #: Folder in which the library datasets may keep copies of files that it downloads.
    cache: Path
    #: Of a language model: tokens of a completion, at most.
    max_new_tokens: int
    #: Of a language model: the model before training, which is asked as well; None where it is not.
    untouched: ModelSource | None = None


def _kind(source: str) -> str | None:
    ending = data_ending(source)
    return None if ending is None else ending.kind.value
