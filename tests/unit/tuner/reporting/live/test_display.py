"""The live view on a real pseudo-terminal, as a terminal emulator understands it."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyte
import pytest
from live_states import search
from rich.console import Console

from tuner.reporting.events import Notice
from tuner.reporting.lines import Lines
from tuner.reporting.live.view import LiveView
from tuner.reporting.terminal import progress


class Terminal:
    """A pseudo-terminal, and an emulator that reads what is written to it."""

    def __init__(self, columns: int, lines: int) -> None:
        self._ours, theirs = pty.openpty()
        self.file = os.fdopen(theirs, "w", encoding="utf-8")
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.received = b""
        self._lock = threading.Lock()
        self.resize(columns, lines)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def resize(self, columns: int, lines: int) -> None:
        with self._lock:
            self.screen.resize(lines, columns)
            fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 1 << 16)
            except OSError:  # the other end is closed
                return
            with self._lock:
                self.received += data
                self._stream.feed(data)

    def shown(self) -> list[str]:
        with self._lock:
            return [line.rstrip() for line in self.screen.display]

    def wait_for(self, condition: Callable[[list[str]], bool]) -> list[str]:
        deadline = time.monotonic() + 20
        while not condition(lines := self.shown()):
            assert time.monotonic() < deadline, "\n".join(lines)
            time.sleep(0.01)
        return lines

    def close(self) -> None:
        self.file.close()
        self._reader.join(timeout=10)
        os.close(self._ours)


@contextmanager
def terminal(columns: int, lines: int) -> Iterator[Terminal]:
    found = Terminal(columns, lines)
    try:
        yield found
    finally:
        found.close()


def console(found: Terminal) -> Console:
    return Console(file=found.file, force_terminal=True, color_system="standard", legacy_windows=False)


def is_whole(lines: list[str]) -> bool:
    return bool(lines and lines[0].startswith(" rotten-tomatoes")) and any("Ctrl-C saves" in line for line in lines)


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (200, 50)])
def test_each_picture_takes_the_place_of_the_one_before(columns: int, lines: int) -> None:
    with terminal(columns, lines) as found:
        with LiveView(console(found)) as view:
            for event in search():
                view(event)
                view._display.show()
            shown = found.wait_for(lambda now: is_whole(now) and any("RUNNING" in line for line in now))
            assert sum("RUNNING" in line for line in shown) == 1
            assert sum("Ctrl-C saves" in line for line in shown) == 1
            assert not any("PREPARING" in line for line in shown)
        notice = "the database does not answer, training goes on: connection refused"
        found.wait_for(lambda now: [line for line in now if line] == [notice])


def test_after_a_change_of_size_the_view_is_drawn_anew_and_fits() -> None:
    with terminal(200, 50) as found, LiveView(console(found)) as view:
        for event in search():
            view(event)
        found.wait_for(lambda lines: is_whole(lines) and "schedule" in "".join(lines))
        found.resize(80, 24)
        shown = found.wait_for(lambda lines: is_whole(lines) and "schedule" not in "".join(lines))
        assert sum("RUNNING" in line for line in shown) == 1
        found.resize(120, 30)
        shown = found.wait_for(lambda lines: is_whole(lines) and "batch" in "".join(lines))
        assert sum("RUNNING" in line for line in shown) == 1


def test_lines_that_have_not_changed_are_not_written_again() -> None:
    with terminal(80, 24) as found, LiveView(console(found)) as view:
        for event in search():
            view(event)
        view._display.show()
        found.wait_for(is_whole)
        before = found.received.count(b"rotten-tomatoes")
        for _ in range(3):
            view._display.show()
        assert found.received.count(b"rotten-tomatoes") == before


def test_what_other_code_prints_on_stderr_does_not_break_the_view() -> None:
    with terminal(80, 24) as found:
        with LiveView(console(found)) as view:
            for event in search():
                view(event)
            sys.stderr.write("a library warns\n")
            shown = found.wait_for(lambda lines: any("a library warns" in line for line in lines))
            assert any(re.fullmatch(r" ! \d\d:\d\d a library warns", line) for line in shown)
        found.wait_for(lambda lines: "a library warns" in lines)


def test_without_colour_no_colour_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with terminal(80, 24) as found, LiveView(console(found)) as view:
        for event in search():
            view(event)
        view._display.show()
        found.wait_for(is_whole)
        assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m", found.received)


@pytest.mark.parametrize(
    ("term", "terminal_too", "lines"), [("dumb", True, True), ("xterm", False, True), ("xterm", True, False)]
)
def test_a_file_and_a_dumb_terminal_get_lines(
    term: str, terminal_too: bool, lines: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    text = io.StringIO()
    with progress(Console(file=text, force_terminal=terminal_too)) as watch:
        assert isinstance(watch, Lines) == lines
        watch(Notice(text="hello"))
    assert ("\x1b[0J" in text.getvalue()) != lines
    assert "hello" in text.getvalue()
