"""Folders that take no files: what needs one says so in a line and leaves nothing behind; what does not goes on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from acceptance_support import Tuner, records_of
from servers import S3Server

pytestmark = pytest.mark.rest

NAME = "locked"


@pytest.fixture
def read_only() -> Iterator[Callable[[Path], Path]]:
    """Make a folder take no files: by a mount for root, who may write anywhere else; by its mode for others."""
    done: list[Callable[[], object]] = []

    def make(folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        if os.geteuid() != 0:
            folder.chmod(0o555)
            done.append(lambda: folder.chmod(0o755))
            return folder
        commands = (["mount", "--bind", folder, folder], ["mount", "-o", "remount,ro,bind", folder])
        for number, command in enumerate(commands):
            outcome = subprocess.run(command, capture_output=True, text=True, check=False)
            if outcome.returncode:
                pytest.skip(f"nothing can be mounted here: {outcome.stderr.strip()}")
            if number == 0:
                done.append(lambda: subprocess.run(["umount", "--lazy", folder], check=True))
        return folder

    yield make
    for undo in reversed(done):
        undo()


def arguments(tuner: Tuner, *, database: Path | None = None, checkpoints: Path | str = "store") -> tuple[str, ...]:
    """Return what starts a study of one trial."""
    url = f"sqlite:///{database or tuner.folder / 'tuner.db'}"
    return ("start", f"{NAME}.yaml", "--storage", url, "--checkpoints", str(checkpoints))


def check_refused(tuner: Tuner, command: tuple[str, ...], code: int, *said: str) -> None:
    done = tuner.run(*command)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("Error: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert all(text in done.stderr for text in said), done.stderr
    assert done.stdout == ""


def test_checkpoints_that_cannot_be_written_are_refused_before_there_is_a_study(
    tuner: Tuner, read_only: Callable[[Path], Path]
) -> None:
    tuner.toy_study(NAME, budget={"trials": 1})
    folder = read_only(tuner.folder / "locked")
    check_refused(tuner, arguments(tuner, checkpoints=folder / "store"), 78, "checkpoints", str(folder))
    assert not (tuner.folder / "tuner.db").exists()


def test_a_database_that_cannot_be_made_is_refused_and_leaves_no_folder_of_checkpoints(
    tuner: Tuner, read_only: Callable[[Path], Path]
) -> None:
    tuner.toy_study(NAME, budget={"trials": 1})
    folder = read_only(tuner.folder / "locked")
    check_refused(tuner, arguments(tuner, database=folder / "tuner.db"), 78, str(folder))
    assert list(folder.iterdir()) == []
    assert not (tuner.folder / "store").exists()


def test_a_database_that_has_become_read_only_is_named_and_stays_as_it_was(
    tuner: Tuner, read_only: Callable[[Path], Path]
) -> None:
    tuner.toy_study(NAME, budget={"trials": 1})
    folder = tuner.folder / "home"
    folder.mkdir()
    database = folder / "tuner.db"
    tuner.ok(*arguments(tuner, database=database))
    before = database.read_bytes()
    read_only(folder)
    more = (*arguments(tuner, database=database), "--trials", "2")
    check_refused(tuner, more, 78, str(database))
    assert database.read_bytes() == before


def test_a_working_folder_that_takes_no_files_is_of_no_consequence_where_nothing_is_put_there(
    tuner: Tuner, read_only: Callable[[Path], Path], tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tuner.folder / "work").mkdir()
    at_work = Tuner(folder=tuner.folder / "work", environment=tuner.environment, model=tuner.model, data=tuner.data)
    at_work.toy_study(NAME, budget={"trials": 1})
    home = read_only(tmp_path / "home")
    read_only(at_work.folder)
    locked = at_work.within(HOME=str(home), TUNER_CACHE=str(home / "cache"), TMPDIR=str(home))
    locked.ok(*arguments(locked, database=elsewhere / "tuner.db", checkpoints=elsewhere / "store"))
    assert records_of(NAME, f"sqlite:///{elsewhere}/tuner.db").states == {"COMPLETE": 1}
    locked.ok("status", NAME, "--storage", f"sqlite:///{elsewhere}/tuner.db")
    check_refused(locked, ("start", f"{NAME}.yaml"), 78, str(at_work.folder))


def test_a_cache_through_which_uploads_cannot_go_is_refused_before_there_is_a_study(
    tuner: Tuner, read_only: Callable[[Path], Path], s3_server: S3Server, s3_url: str
) -> None:
    tuner.toy_study(NAME, budget={"trials": 1})
    cache = read_only(tuner.folder / "cache")
    locked = tuner.within(**s3_server.environment, TUNER_CACHE=str(cache))
    check_refused(locked, arguments(locked, checkpoints=s3_url), 78, str(cache), "TUNER_CACHE")
    assert not (tuner.folder / "tuner.db").exists()
    home = tuner.within(**s3_server.environment, HOME=str(cache), XDG_CACHE_HOME="", TUNER_CACHE="")
    check_refused(home, arguments(home, checkpoints=s3_url), 78, str(cache), "TUNER_CACHE")


def test_data_that_cannot_be_cached_are_told_of_in_a_line(tuner: Tuner, read_only: Callable[[Path], Path]) -> None:
    cache = read_only(tuner.folder / "cache")
    check_refused(tuner.within(TUNER_CACHE=str(cache)), ("start", tuner.study(NAME)), 1, str(cache), "TUNER_CACHE")
    assert not (tuner.folder / "tuner.db").exists()
