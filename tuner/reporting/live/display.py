"""Draws the live view on a terminal, in place, and leaves nothing of it behind."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable
from typing import IO

from rich.console import Console
from rich.text import Text

#: Seconds between two pictures, and between two looks at the size of the terminal.
PICTURE_S, LOOK_S = 0.5, 0.1
#: Escape sequences: to the first column and so many lines up, erase this line, erase from here on, clear the screen.
_UP, _ERASE_LINE, _ERASE_BELOW, _CLEAR = "\r\x1b[{}A", "\x1b[2K", "\x1b[0J", "\x1b[H\x1b[2J"


def size_of(file: IO[str]) -> tuple[int, int] | None:
    """Return columns and lines of a file's terminal; None where it has none that knows its size."""
    try:
        size = os.get_terminal_size(file.fileno())
    except (OSError, ValueError):
        return None
    return (size.columns, size.lines) if size.columns > 0 and size.lines > 0 else None


class Display:
    """Draws lines in place, from a thread of its own: a terminal that is stopped stops no trial.

    Only lines that have changed are written. After a change of the terminal's size its screen is cleared, since the
    terminal may have broken the lines anew.

    Args:
        console: The terminal.
        draw: Returns the lines for a width and a height. It is called in the display's thread.
    """

    def __init__(self, console: Console, draw: Callable[[int, int], list[Text]]) -> None:
        self._console = console
        # A file of our own: while the view is shown, `sys.stderr` is another one.
        self._file = console.file
        self._draw = draw
        self._codes_of = Console(
            file=io.StringIO(),
            force_terminal=True,
            color_system=console.color_system,  # type: ignore[arg-type]  # rich names it as it takes it
            no_color=console.no_color,
        )
        self._lines: list[Text] = []
        self._size: tuple[int, int] | None = None
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="live view", daemon=True)

    def start(self) -> None:
        """Show the first picture, and then one after the other."""
        self.show()
        self._thread.start()

    def stop(self, *, keep: bool = False) -> None:
        """Erase the view, or leave its last picture.

        Args:
            keep: Whether the last picture stays.
        """
        self._ending.set()
        self._thread.join()
        if keep:
            self.show()
            self._write("\n")
        else:
            self._write(self._up() + _ERASE_BELOW)

    def show(self) -> None:
        """Draw a picture now."""
        with self._lock:
            size = self._measure()
            lines = self._draw(size[0], max(1, size[1] - 1))
            clear = self._size is not None and size != self._size
            old = [] if clear else self._lines
            self._write((_CLEAR if clear else self._up()) + self._changes(old, lines))
            self._lines, self._size = lines, size

    def _measure(self) -> tuple[int, int]:
        return size_of(self._file) or (self._console.width, self._console.height)

    def _run(self) -> None:
        drawn = time.monotonic()
        while not self._ending.wait(LOOK_S):
            if time.monotonic() - drawn >= PICTURE_S or self._measure() != self._size:
                self.show()
                drawn = time.monotonic()

    def _up(self) -> str:
        return _UP.format(len(self._lines) - 1) if len(self._lines) > 1 else "\r"

    def _changes(self, old: list[Text], new: list[Text]) -> str:
        parts = []
        for place, line in enumerate(new):
            is_known = place < len(old) and old[place] == line
            parts.append(("\r\n" if place else "") + ("" if is_known else _ERASE_LINE + self._codes(line)))
        if len(old) > len(new):
            # To the end of the last line that stays: what follows it is erased, and not a part of it.
            last = new[-1].cell_len if new else 0
            parts.append((f"\r\x1b[{last}C" if last else "\r") + _ERASE_BELOW)
        return "".join(parts)

    def _codes(self, line: Text) -> str:
        with self._codes_of.capture() as capture:
            self._codes_of.print(line, end="", soft_wrap=True, highlight=False, markup=False)
        return capture.get()

    def _write(self, text: str) -> None:
        encoding = getattr(self._file, "encoding", None) or "utf-8"
        self._file.write(text.encode(encoding, "backslashreplace").decode(encoding))
        self._file.flush()
