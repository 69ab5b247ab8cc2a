"""Reading study files and stored configurations."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from search_spaces import LORA, NONE, InvalidSpace, UnreadableDocument, read_yaml, recipe_for, space_mistakes
from storage import Database, StudyRecord
from tuner.errors import ConfigError
from tuner.study.config import StudyConfig, plain_keys_complaint
from tuner.study.config_mistakes import mistakes_of, raise_mistakes, unknown_keys
from tuner.study.data_endings import data_ending
from tuner.study.key_hints import repaired
from tuner.study.sources import find_data, find_model
from tuner.study.tasks import DEFAULT_TASK, declaration_of

#: Endings of study files. A file of any other name is taken for one as well, if it can be read as one.
_ENDINGS = (".yaml", ".yml", ".json")
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
    parsed = _parsed(_absolute(dict(document), folder), source)
    raise_mistakes(parsed.mistakes, source, parsed.moved)
    assert parsed.config is not None  # or there are mistakes
    return parsed.config


@dataclass(frozen=True, kw_only=True)
class _Parsed:
    """A study file's content, parsed."""

    #: None where there are mistakes.
    config: StudyConfig | None
    mistakes: Sequence[ConfigError]
    #: The content, without its unknown keys.
    document: Mapping[str, Any]
    #: Paths of keys in the file, by their paths in `document`, where they differ.
    moved: Mapping[str, str]


def _parsed(document: Mapping[str, Any], source: str) -> _Parsed:
    """Parse a study file's content, and find all of its mistakes.

    An unknown key hides mistakes: pydantic compares keys with each other where all of them are known. So the rest of
    the mistakes is that of the file without its unknown keys.
    """
    moved: Mapping[str, str] = {}
    config, error = _validated(document)
    found = [] if error is None else mistakes_of(error, document, source)
    if error is not None and (unknown := unknown_keys(error, document)):
        of_keys = {".".join(path) for path in unknown}
        found = [each for each in found if each.key in of_keys]
        document, moved = repaired(document, unknown)
        _, error = _validated(document)
        if error is not None:
            hidden = {".".join(path) for path in unknown_keys(error, document)}
            found += [each for each in mistakes_of(error, document, source) if each.key not in hidden]
    named = {each.key for each in found}
    needed = () if _has_own_training(document) else ("model", "data")
    missing = [key for key in needed if document.get(key) is None and key not in named]
    mistakes = [*found, *(ConfigError(source, key, "is missing") for key in missing)]
    if found and "" not in named and (reason := plain_keys_complaint(document)):
        mistakes.append(ConfigError(source, "search", reason))
    return _Parsed(config=None if mistakes else config, mistakes=mistakes, document=document, moved=moved)


def _validated(document: Mapping[str, Any]) -> tuple[StudyConfig | None, ValidationError | None]:
    try:
        return StudyConfig.model_validate(document, context={"own_training": _has_own_training(document)}), None
    except ValidationError as error:
        return None, error


def _has_own_training(document: Mapping[str, Any]) -> bool:
    return document.get("train") is not None


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
    try:
        document = read_yaml(path, words=_WORDS)
    except UnreadableDocument as error:
        if not path.exists() or path.suffix.lower() in _ENDINGS:
            raise
        # Where YAML stumbles over somebody's data tells nothing of the mistake: data were given for a study file.
        reason = f"is no study file; `tuner init --data {path} --model MODEL` writes one for data"
        raise ConfigError(str(path), "", reason) from error
    if not document:
        raise ConfigError(str(path), "", "is empty; `tuner init` writes one to start from")
    source, folder = str(path), path.absolute().parent
    parsed = _parsed(_absolute(document, folder), source)
    mistakes: list[ConfigError | InvalidSpace] = [*parsed.mistakes, *_of_space(parsed.document, source)]
    if mistakes:  # without any, `tuner.study.setup` finds model and data
        mistakes += _of_places(parsed.document, source, {each.key for each in mistakes})
    raise_mistakes(mistakes, source, parsed.moved)
    assert parsed.config is not None  # or there are mistakes
    return parsed.config


def _of_places(document: Mapping[str, Any], source: str, named: Collection[str]) -> list[ConfigError]:
    """Return a mistake for the model and the data if they are paths of this machine at which nothing is."""
    found = []
    data = document.get("data")
    places = (
        ("model", document.get("model"), partial(find_model, revision=None)),
        ("data.source", data.get("source") if isinstance(data, Mapping) else None, find_data),
    )
    for key, written, find in places:
        if key in named or not isinstance(written, str) or not Path(written).is_absolute() or Path(written).exists():
            continue
        try:
            find(written)
        except ConfigError as error:
            found.append(type(error)(source, error.key, error.reason))
    return found


def _of_space(document: Mapping[str, Any], source: str) -> list[InvalidSpace]:
    """Return the mistakes of a file's search space, as far as they show without its model."""
    written, adapter = document.get("search_space"), document.get("adapter")
    if not isinstance(written, str | Mapping):
        return []
    try:
        declaration = declaration_of(document.get("task", DEFAULT_TASK))
    except (ValueError, TypeError):  # reported already
        declaration = declaration_of(DEFAULT_TASK)
    return space_mistakes(
        written,
        preset=declaration.preset,
        recipe=recipe_for("", "", None, document=declaration.recipes),
        source=f"{source}: search_space",
        fixed={"adapter": adapter} if adapter in (NONE, LORA) else None,
        free=_has_own_training(document),
    )


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
