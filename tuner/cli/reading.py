"""Reads the input of a command: a study file, or a study in the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from storage import Database, Studies, StudyRecord

if TYPE_CHECKING:
    from tuner.study.config import StudyConfig

#: What is said of a database without studies.
NO_STUDY = "There is no study yet; `tuner start STUDY.yaml` makes one once data and model are read."


def read_study_file(path: Path, checkpoints: str | None) -> StudyConfig:
    """Read a study file. A folder for checkpoints from a flag replaces that of the file.

    Raises:
        ConfigError: The file is not a valid study. The message names file, key and reason.
        UnreadableDocument: The file is missing or not YAML.
    """
    from tuner.study.study_file import read_config

    config = read_config(path)
    if checkpoints is None:
        return config
    return config.model_copy(update={"checkpoints": _absolute(checkpoints)})


def _absolute(written: str) -> str:
    return written if "://" in written else str(Path(written).absolute())


@contextmanager
def opened(name: str, url: str) -> Iterator[tuple[Database, StudyRecord]]:
    """Open the database, and read a study's record from it.

    Raises:
        StudyNotFound: There is no study of that name.
        DatabaseMissing: There is no database.
    """
    with Database(url) as database:
        yield database, Studies(database).get(name)
