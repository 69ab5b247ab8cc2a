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
from tuner.study.config import (
    BudgetConfig,
    EarlyStoppingConfig,
    MetricConfig,
    SpeedConfig,
    StudyConfig,
    shown_value,
)
from tuner.study.data_config import DataConfig, FormatConfig
from tuner.study.search_config import PrunerConfig, SamplerConfig


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
        raise _first_error(error, source) from error


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
    document = read_yaml(path)
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
    plainly_a_path = written.startswith((".", "/", "~")) or path.suffix in _DATA_SUFFIXES
    return str(path.absolute()) if always or plainly_a_path or path.exists() else written


_DATA_SUFFIXES = {".csv", ".json", ".jsonl", ".parquet", ".tsv"}


def _first_error(error: ValidationError, source: str) -> ConfigError:
    errors = error.errors(include_url=False, include_context=False)
    first = errors[0]
    key = ".".join(str(part) for part in first["loc"] if not _is_type_tag(str(part)))
    reason = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"][:-1])
        reason = f"is no key here{suggestion(str(first['loc'][-1]), known)}; known: {', '.join(known)}"
    elif first["type"] == "missing":
        reason = "is missing"
    elif not reason.startswith(("is ", shown_value(first["input"]))) and isinstance(first["input"], str | int | float):
        reason = f"is {shown_value(first['input'])}: {reason[:1].lower()}{reason[1:]}"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return ConfigError(source, key, f"{reason}{more}")


def _is_type_tag(part: str) -> bool:
    return part in {
        "str",
        "int",
        "float",
        "list[str]",
        "dict[str,any]",
        "function-after[_one_text_or_a_pair()",
    }


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    model: Any = StudyConfig
    parts = {
        "data": DataConfig,
        "format": FormatConfig,
        "metric": MetricConfig,
        "budget": BudgetConfig,
        "early_stopping": EarlyStoppingConfig,
        "pruner": PrunerConfig,
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
