"""What commands read before they begin: a study file, or a study that exists."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from storage import Database, Studies, StudyRecord

if TYPE_CHECKING:
    from tuner.study.config import StudyConfig


def read_study_file(path: Path, checkpoints: str | None) -> StudyConfig:
    """Read a study file, with the folder for checkpoints that a flag names.

    Raises:
        ConfigError: Names the file, the key and the reason.
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
    """Open a study to read it.

    Raises:
        StudyNotFound: There is none of that name.
        DatabaseMissing: There is no database.
    """
    with Database(url) as database:
        yield database, Studies(database).get(name)
