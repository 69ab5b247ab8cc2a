"""A disk fills up while trials run: a person is told which, nothing is damaged, and all goes on once there is room."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Gate, Running, Tuner, records_of, wait_until
from servers import S3Server

from storage import CheckpointStore

pytestmark = pytest.mark.rest

NAME = "full"
MEGABYTE = 1 << 20


class SmallDisk:
    """A disk of a few megabytes in memory, to fill up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no room."""
        with self._ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * 4096):
                pass

    def make_room(self) -> None:
        """Remove what fills it up."""
        self._ballast.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    if os.geteuid() != 0:
        pytest.skip("mounting a disk needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> dict[str, Any]:
    """The trial, had there been room."""
    tuner = new_tuner(tmp_path_factory.mktemp("undisturbed"))
    tuner.ok("start", tuner.toy_study(NAME, budget={"trials": 1}))
    return records_of(NAME, f"sqlite:///{tuner.folder}/tuner.db").trials[0]


def started(tuner: Tuner, gate: Gate, url: str, checkpoints: str) -> tuple[Tuner, tuple[str, ...]]:
    """Return the command and the arguments that start a study of one trial, which goes no further than it is let."""
    tuner = tuner.within(**gate.environment, TOY_STEP_BYTES="100000", TOY_BEST_BYTES="100000")
    study = tuner.toy_study(NAME, budget={"trials": 1}, checkpoint_every="0.2s")
    return tuner, ("start", study, "--storage", url, "--checkpoints", checkpoints, "--lease", "20s")


def until_saved(running: Running, url: str) -> None:
    """Wait until the trial can go on from its second evaluation."""
    running.wait_for("trial 0 20 %")
    wait_until(lambda: max(resume_points(url), default=0) >= 8, "a checkpoint")


def resume_points(url: str) -> list[int]:
    (slot,) = records_of(NAME, url).slots
    return [ref.optimiser_steps for ref in slot.checkpoints.resume]


def check_all_is_well(url: str, undisturbed: dict[str, Any], *, attempts: int = 1) -> None:
    records = records_of(NAME, url)
    assert records.states == {"COMPLETE": 1}
    (trial,), (slot,) = records.trials, records.slots
    assert (trial["value"], trial["steps"]) == (undisturbed["value"], undisturbed["steps"])
    assert (slot.attempt, slot.crashes) == (attempts, 0)


def check_database(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def check_checkpoints(url: str, store: str, folder: Path) -> None:
    """Verify what the database points to against the manifests."""
    (slot,) = records_of(NAME, url).slots
    kept = CheckpointStore(store, NAME, scratch=folder / "verified")
    references = [ref for ref in (slot.checkpoints.best, *slot.checkpoints.resume) if ref is not None]
    assert references
    for ref in references:
        kept.release(kept.fetch(ref.key, ref.sha256)[0])


def test_training_goes_on_while_the_disk_of_the_database_is_full(
    tuner: Tuner, disk: SmallDisk, gate: Gate, undisturbed: dict[str, Any]
) -> None:
    path = disk.folder / "tuner.db"
    url, trace = f"sqlite:///{path}", tuner.folder / "trace"
    tuner, start = started(tuner.within(TOY_TRACE=str(trace)), gate, url, "store")
    with tuner.running(*start) as running:
        gate.open(9)
        until_saved(running, url)
        disk.fill()
        gate.open(24)
        running.wait_for(f"training goes on: the disk of {path} is full; make room there")
        wait_until(lambda: "0 24\n" in trace.read_text(encoding="ascii"), "steps without a database")
        check_database(path)
        check_checkpoints(url, str(tuner.folder / "store"), tuner.folder)
        disk.make_room()
        running.wait_for("the database answers again")
        gate.open()
        assert running.wait() == 0, running.stderr
        assert running.stderr.count("is full") == 1
    check_database(path)
    check_all_is_well(url, undisturbed)


def test_a_signal_on_a_full_disk_is_heeded_and_the_same_trial_goes_on_once_there_is_room(
    tuner: Tuner, disk: SmallDisk, gate: Gate, undisturbed: dict[str, Any]
) -> None:
    path = disk.folder / "tuner.db"
    url = f"sqlite:///{path}"
    tuner, start = started(tuner, gate, url, "store")
    start = (*start, "--lease", "2s")
    with tuner.running(*start, "--grace", "3s") as running:
        gate.open(9)
        until_saved(running, url)
        disk.fill()
        gate.open(24)
        running.wait_for("is full; make room there")
        began = time.monotonic()
        os.kill(running.pid, signal.SIGTERM)
        assert running.wait() == 75, running.stderr
        assert time.monotonic() - began < 3 + 5
    check_database(path)
    gate.open()
    with tuner.running(*start) as running:
        running.wait_for(f"the disk of {path} is full; make room there")
        assert records_of(NAME, url).states == {"RUNNING": 1}, "what reads needs no room"
        disk.make_room()
        running.wait_for(r"trial 0 again from optimiser step \d+")
        assert running.wait() == 0, running.stderr
    check_database(path)
    records = records_of(NAME, url)
    assert records.states == {"COMPLETE": 1}
    assert (records.trials[0]["value"], records.trials[0]["steps"]) == (undisturbed["value"], undisturbed["steps"])


def test_training_goes_on_while_the_disk_of_the_checkpoints_is_full_and_its_end_waits_for_room(
    tuner: Tuner, disk: SmallDisk, gate: Gate, undisturbed: dict[str, Any]
) -> None:
    url, store = f"sqlite:///{tuner.folder}/tuner.db", disk.folder / "store"
    tuner, start = started(tuner, gate, url, str(store))
    with tuner.running(*start) as running:
        gate.open(9)
        until_saved(running, url)
        before = resume_points(url)
        disk.fill()
        gate.open(24)
        told = running.wait_for("trial 0: no checkpoint, training goes on and the one before stays: ").string
        assert str(store) in told
        assert "full; make room there" in told
        assert set(resume_points(url)) & set(before)
        check_checkpoints(url, str(store), tuner.folder)
        gate.open()
        running.wait_for(
            "trial 0: trained to its end, which waits until its best weights are stored: .*make room there"
        )
        assert records_of(NAME, url).states == {"RUNNING": 1}
        disk.make_room()
        assert running.wait() == 0, running.stderr
    check_all_is_well(url, undisturbed)
    tuner.ok("export", NAME, "weights")


def test_training_goes_on_while_the_disk_of_the_cache_is_full_through_which_uploads_go(
    tuner: Tuner, disk: SmallDisk, gate: Gate, s3_server: S3Server, s3_url: str, undisturbed: dict[str, Any]
) -> None:
    url = f"sqlite:///{tuner.folder}/tuner.db"
    tuner, start = started(
        tuner.within(**s3_server.environment, TUNER_CACHE=str(disk.folder / "cache")), gate, url, s3_url
    )
    with tuner.running(*start) as running:
        gate.open(9)
        until_saved(running, url)
        disk.fill()
        gate.open(24)
        told = running.wait_for("trial 0: no checkpoint, training goes on and the one before stays: ").string
        assert str(disk.folder) in told
        assert "full; make room there" in told
        disk.make_room()
        running.wait_for("its checkpoints are stored again")
        gate.open()
        assert running.wait() == 0, running.stderr
    check_all_is_well(url, undisturbed)


def test_a_full_folder_for_temporary_files_is_of_no_consequence(
    tuner: Tuner, disk: SmallDisk, gate: Gate, undisturbed: dict[str, Any]
) -> None:
    url = f"sqlite:///{tuner.folder}/tuner.db"
    disk.fill()
    tuner, start = started(tuner.within(TMPDIR=str(disk.folder)), gate, url, "store")
    gate.open()
    tuner.ok(*start)
    check_all_is_well(url, undisturbed)


def test_a_study_is_refused_in_a_line_where_there_is_no_room_to_begin(
    tuner: Tuner, disk: SmallDisk, gate: Gate
) -> None:
    disk.fill()
    for url, store in (
        (f"sqlite:///{disk.folder}/tuner.db", "store"),
        (f"sqlite:///{tuner.folder}/tuner.db", str(disk.folder / "store")),
    ):
        command, start = started(tuner, gate, url, store)
        refused = command.run(*start)
        assert refused.returncode == 1, refused.stderr
        assert refused.stderr.startswith("Error: ")
        assert str(disk.folder) in refused.stderr
        assert "full; make room there" in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_data_that_find_no_room_in_the_cache_are_told_of_in_a_line(tuner: Tuner, disk: SmallDisk) -> None:
    disk.fill()
    refused = tuner.within(TUNER_CACHE=str(disk.folder / "cache")).run("start", tuner.study(NAME))
    assert refused.returncode == 1, refused.stderr
    assert str(disk.folder) in refused.stderr
    assert "full; make room there" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not (tuner.folder / "tuner.db").exists()
