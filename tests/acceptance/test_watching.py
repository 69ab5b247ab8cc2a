"""`tuner status --watch`: a view of a study that others run, from the database alone."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from acceptance_support import Gate, Tuner, wait_until

pytestmark = pytest.mark.rest


class Watching:
    """The command at a terminal of its own, and what it has written there."""

    def __init__(self, tuner: Tuner, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*tuner.command, *arguments],
            cwd=tuner.folder,
            env={**tuner.environment, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self._received = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                self._received += os.read(self._ours, 1 << 16)
            except OSError:  # the other end is closed
                return

    def shown(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._received.decode("utf-8", "replace"))

    def wait_for(self, pattern: str) -> None:
        wait_until(lambda: re.search(pattern, self.shown()), pattern)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        os.close(self._ours)


@contextmanager
def watching(tuner: Tuner, *arguments: str) -> Iterator[Watching]:
    found = Watching(tuner, "status", "--watch", *arguments)
    try:
        yield found
    finally:
        found.close()


def test_ctrl_c_ends_the_view_and_not_the_study(tuner: Tuner, gated: Tuner, gate: Gate) -> None:
    study = tuner.toy_study("watched", budget={"trials": 2})
    with gated.running("start", study) as running:
        gate.open(8)
        running.wait_for(r"trial 0 20 %")
        with watching(tuner) as view:  # the only study needs no name
            view.wait_for(r" 0 +cpu:0 +██░{8} ")
            view.process.send_signal(signal.SIGINT)
            assert view.process.wait(timeout=20) == 0
            view.wait_for(r"watched: running, 0 of 2 trials over")
        with watching(tuner, "watched") as view:
            view.wait_for(r" 0 +cpu:0 +██░{8} ")
            gate.open()
            assert running.wait() == 0
            assert view.process.wait(timeout=30) == 0
            view.wait_for(r"watched: finished, 2 of 2 trials over")
    piped = tuner.ok("status", "watched", "--watch")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d study watched: 2 of 2 trials finished, 0 workers\n", piped.stderr
    )


def test_it_asks_for_a_name_where_there_are_several_studies_and_for_one_answer_without_a_view(tuner: Tuner) -> None:
    for name in ("one", "two"):
        tuner.ok("start", tuner.toy_study(name, budget={"trials": 1}))
    done = tuner.run("status", "--watch")
    assert done.returncode == 2
    assert "name the study to watch; there are 2: one, two" in done.stderr
    done = tuner.run("status", "one", "--watch", "--json")
    assert done.returncode == 2
    assert "--json is for one answer" in done.stderr
