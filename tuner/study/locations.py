"""Locations of a study's checkpoints, caches and logs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from storage import CheckpointError, CheckpointStore, CheckpointsUnreachable, store_url
from tuner.errors import ConfigError
from tuner.study.config import StudyConfig
from tuner.study.sizes import parse_size


def cache_folder() -> Path:
    """Return the cache folder: `TUNER_CACHE`, or the platform's folder for caches."""
    return Path(os.environ.get("TUNER_CACHE") or platformdirs.user_cache_dir("shichimi")).absolute()


def trunk_limit(environ: Mapping[str, str]) -> int | None:
    """Return `TUNER_TRUNK_LIMIT`, the size limit of the trunk cache, in bytes; None where it is not set.

    Raises:
        ConfigError: The value is not a size.
    """
    written = environ.get("TUNER_TRUNK_LIMIT", "").strip()
    if not written:
        return None
    try:
        return parse_size(written)
    except ValueError as error:
        raise ConfigError("TUNER_TRUNK_LIMIT", "", f"{error}, or 0 to keep nothing") from error


def checkpoint_store(config: StudyConfig, database: Path | None) -> CheckpointStore:
    """Return the checkpoint store of a study: the one that it names, else a folder beside the database's file.

    Args:
        config: The study.
        database: The database's file; None where it is on a server.

    Raises:
        ConfigError: The database is on a server, and the study names no store.
        CheckpointError: The store's URL cannot be used.
    """
    scratch = cache_folder() / "checkpoints"
    if config.checkpoints is not None:
        return CheckpointStore(store_url(config.checkpoints), config.name, scratch=scratch)
    if database is None:
        raise ConfigError(
            "",
            "checkpoints",
            "is missing: a database on a server needs a place that every machine reaches, such as s3://bucket/tuner "
            "or a shared folder; give --checkpoints URL",
        )
    return CheckpointStore(
        store_url(str(database.with_name(f"{database.stem}-checkpoints"))), config.name, scratch=scratch
    )


@contextmanager
def naming_checkpoints(source: str) -> Iterator[None]:
    """Turn an error of the checkpoint store into a ConfigError that names the study file and the key `checkpoints`."""
    try:
        yield
    except CheckpointsUnreachable:
        raise  # no change of the study file would help
    except CheckpointError as error:
        raise ConfigError(source, "checkpoints", str(error)) from error


def missing_folders(folder: Path) -> list[Path]:
    """Return those of a folder and its parents that do not exist, the deepest first."""
    return [each for each in (folder, *folder.parents) if not each.exists()]


def remove_empty(folders: list[Path]) -> None:
    """Remove the folders that exist and are empty."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def trainers_log(store: CheckpointStore) -> Path:
    """Return the file for the trainers' output: in the checkpoint store where it is local, else in the cache folder."""
    if store.is_local:
        return Path(store.url) / "trainers.log"
    folder = cache_folder() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{store.study}.log"


@contextmanager
def removed_on_failure(store: CheckpointStore) -> Iterator[None]:
    """Where the body fails, remove the trainers' log of a new local store and those of its folders that are empty."""
    missing = missing_folders(Path(store.url)) if store.is_local else []
    try:
        yield
    except BaseException:
        if missing:
            with suppress(OSError):
                trainers_log(store).unlink()
        remove_empty(missing)
        raise
