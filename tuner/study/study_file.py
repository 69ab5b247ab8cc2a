"""Reading study files and stored configurations."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from search_spaces import read_yaml, suggestion
from storage import Database, StudyRecord
from tuner.errors import ConfigError
from tuner.study.budget_config import BudgetConfig
from tuner.study.config import (
    ConfirmConfig,
    EarlyStoppingConfig,
    SpeedConfig,
    StudyConfig,
    shown_value,
)
from tuner.study.data_config import DataConfig, FormatConfig
from tuner.study.data_endings import data_ending
from tuner.study.metric_config import MetricConfig
from tuner.study.search_config import PrunerConfig, SamplerConfig, SearchConfig

#: Keys whose values are words of the data: names of columns, values in their cells, names of classes. YAML would read
#: `no` as a boolean, `0010` as the number 8, and `2020-01-01` as a date.
_WORDS = tuple(
    ("data", *keys.split("."))
    for keys in (
        "source",
        "subset",
        "revision",
        "field",
        "where",
        "text",
        "image",
        "label",
        "labels",
        "group",
        "format.header",
    )
)


def parse_config(document: Mapping[str, Any], *, source: str, folder: Path) -> StudyConfig:
    """Build a configuration from a study file's content.

    Args:
        document: The content.
        source: The file's name in errors, usually its path.
        folder: Folder that relative paths in the file start from.

    Returns:
        The configuration, with absolute paths.

    Raises:
        ConfigError: Names the file, the key and the reason.
    """
    own_training = document.get("train") is not None
    for key in () if own_training else ("model", "data"):
        if document.get(key) is None and "name" in document:
            raise ConfigError(source, key, "is missing")
    try:
        return StudyConfig.model_validate(_absolute(dict(document), folder), context={"own_training": own_training})
    except ValidationError as error:
        raise _first_error(error, document, source) from error


def parse_stored(document: Mapping[str, Any], *, source: str) -> StudyConfig:
    """Build a configuration from the values that `StudyConfig.to_dict` returned.

    Raises:
        ConfigError: A value cannot be used.
    """
    # All paths in it are absolute, and hub ids look like relative paths. No path exists below a file, so that with
    # this folder no hub id is taken for a path.
    nowhere = Path(os.devnull)
    return parse_config(document, source=source, folder=nowhere)


def read_config(path: Path) -> StudyConfig:
    """Read a study file.

    Raises:
        ConfigError: Names the file, the key and the reason.
        UnreadableDocument: The file is missing or not YAML.
    """
    document = read_yaml(path, words=_WORDS)
    if not document:
        raise ConfigError(str(path), "", "is empty; `tuner init` writes one to start from")
    return parse_config(document, source=str(path), folder=path.absolute().parent)


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the dotted keys at which two stored configurations differ."""
    changed: list[str] = []
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            changed += changed_keys(before, after, f"{prefix}{key}.")
        elif before != after:
            changed.append(f"{prefix}{key}")
    return changed


def _absolute(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the document with its paths made absolute; relative ones start from the study file's folder."""
    for key in ("model", "checkpoints"):
        if isinstance(document.get(key), str):
            document[key] = absolute_path(document[key], folder, always=key == "checkpoints")
    data = document.get("data")
    if isinstance(data, dict) and isinstance(data.get("source"), str):
        document["data"] = {**data, "source": absolute_path(data["source"], folder)}
    space = document.get("search_space")
    if isinstance(space, str) and space.endswith((".yaml", ".yml")):
        # The space is stored, not the path: a machine that resumes from the database does not have the file.
        document["search_space"] = read_yaml(folder / space)
    return document


def absolute_path(written: str, folder: Path, *, always: bool = False) -> str:
    """Return a source in the form in which it is stored: paths are made absolute, other sources stay.

    Args:
        written: Path, URL, `package:NAME/PATH` or hub id.
        folder: Folder that relative paths start from.
        always: Whether the source must be a path or a URL, so that it cannot be a hub id.
    """
    if "://" in written or written.startswith("package:"):
        return written
    path = folder / Path(written).expanduser()
    # A hub id looks like a relative path. It counts as a path where the path exists, or where its form is a path's.
    plainly_a_path = written.startswith((".", "/", "~")) or data_ending(written) is not None
    return str(path.absolute()) if always or plainly_a_path or path.exists() else written


#: Our words for the complaints of pydantic that speak of types, by their kind.
_PLAIN = {
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "int_type": "write a number",
    "float_type": "write a number",
    "dict_type": "write `key: value` lines below it",
    "model_type": "write `key: value` lines below it",
    "string_type": "write one word",
}


def _first_error(error: ValidationError, document: Mapping[str, Any], source: str) -> ConfigError:
    errors = [(_key(each["loc"], document), each) for each in error.errors(include_url=False, include_context=False)]
    # A value that is none of several types is reported once a type; the deepest location says most.
    top = errors[0][0]
    same = [(key, each) for key, each in errors if key == top or key.startswith(f"{top}.")]
    key, first = max(same, key=lambda pair: pair[0].count("."))
    reason = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"][:-1])
        reason = f"is no key here{suggestion(str(first['loc'][-1]), known)}; known: {', '.join(known)}"
    elif first["type"] == "missing":
        reason = "is missing"
    elif first["type"] in _PLAIN:
        reason = f"is {shown_value(first['input'])}: {_PLAIN[first['type']]}"
    elif not reason.startswith(("is ", shown_value(first["input"]))) and isinstance(first["input"], str | int | float):
        reason = f"is {shown_value(first['input'])}: {reason[:1].lower()}{reason[1:]}"
    others = len({each for each, _ in errors} - {each for each, _ in same})
    return ConfigError(source, key, f"{reason} (and {others} more)" if others else reason)


def _key(location: tuple[int | str, ...], document: Mapping[str, Any]) -> str:
    """Return the dotted key of an error, without the names of types that pydantic puts into its location."""
    parts = []
    value: Any = document
    for part in location:
        is_key = isinstance(value, Mapping) and part in value
        is_index = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if is_key or is_index:
            value = value[part]
        elif _is_type_tag(str(part)):
            continue
        parts.append(str(part))
    return ".".join(parts)


def _is_type_tag(part: str) -> bool:
    return part in {"str", "int", "float", "bool", "list[str]", "dict[str,any]", "function-after[_one_text_or_a_pair()"}


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    model: Any = StudyConfig
    parts = {
        "data": DataConfig,
        "format": FormatConfig,
        "metric": MetricConfig,
        "budget": BudgetConfig,
        "confirm": ConfirmConfig,
        "early_stopping": EarlyStoppingConfig,
        "pruner": PrunerConfig,
        "search": SearchConfig,
        "sampler": SamplerConfig,
        "speed": SpeedConfig,
    }
    for part in location:
        model = parts.get(str(part), model)
    return sorted(model.model_fields)


def stored_config(record: StudyRecord, database: Database) -> StudyConfig:
    """Return the configuration of a study that exists.

    Raises:
        ConfigError: The stored configuration cannot be used, or has the name of another study.
    """
    source = f"study {record.name!r} in {database.url}"
    config = parse_stored(record.config, source=source)
    if config.name != record.name:  # the name selects the Optuna study and the store's folder
        raise ConfigError(
            source, "name", f"is {config.name!r} in its stored configuration; another program may have changed it"
        )
    return config
