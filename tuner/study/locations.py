"""Where a study's checkpoints, caches and logs are."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from storage import CheckpointError, CheckpointStore, CheckpointsUnreachable, store_url
from tuner.errors import ConfigError
from tuner.study.config import StudyConfig


def cache_folder() -> Path:
    """Return the folder for encoded data: `TUNER_CACHE`, or the platform's own for caches."""
    return Path(os.environ.get("TUNER_CACHE") or platformdirs.user_cache_dir("shichimi")).absolute()


def trunk_limit(environ: Mapping[str, str]) -> int | None:
    """Return the bytes that `TUNER_TRUNK_LIMIT` leaves to the trunk cache; None where it is not set.

    Raises:
        ConfigError: It is no size.
    """
    written = environ.get("TUNER_TRUNK_LIMIT", "").strip()
    if not written:
        return None
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:i?b)?", written, re.IGNORECASE)
    if match is None:
        raise ConfigError("TUNER_TRUNK_LIMIT", "", f"{written!r} is no size; write 500MB or 20GB, or 0 to keep nothing")
    return int(float(match[1]) * 1024 ** "_kmgt".index(match[2].lower() or "_"))


def checkpoint_store(config: StudyConfig, database: Path | None) -> CheckpointStore:
    """Return the store of a study's checkpoints; without a word from the user, beside the database's file.

    Raises:
        ConfigError: The database is on a server, and the study file names no place.
        CheckpointError: The place cannot be used.
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
    """Say of an error of the checkpoint store in which file and at which key it is to be mended."""
    try:
        yield
    except CheckpointsUnreachable:
        raise  # there is nothing to mend in a file
    except CheckpointError as error:
        raise ConfigError(source, "checkpoints", str(error)) from error


def missing_folders(folder: Path) -> list[Path]:
    """Return a folder and those above it, as far as they do not exist, the deepest first."""
    return [each for each in (folder, *folder.parents) if not each.exists()]


def remove_empty(folders: list[Path]) -> None:
    """Remove those of the folders that exist and are empty."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def trainers_log(store: CheckpointStore) -> Path:
    """Return the file for the trainers' output: beside the checkpoints where these are local, else in the cache."""
    if store.is_local:
        return Path(store.url) / "trainers.log"
    folder = cache_folder() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{store.study}.log"


@contextmanager
def removed_on_failure(store: CheckpointStore) -> Iterator[None]:
    """Remove the store's new, empty folders and the trainers' log where the body fails, so that nothing is left."""
    missing = missing_folders(Path(store.url)) if store.is_local else []
    try:
        yield
    except BaseException:
        if missing:
            with suppress(OSError):
                trainers_log(store).unlink()
        remove_empty(missing)
        raise
