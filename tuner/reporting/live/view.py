"""The live view of a run: a watcher that draws what it is told of."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from typing import IO, TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tuner.reporting.events import Began, Event, Notice
from tuner.reporting.live.display import Display
from tuner.reporting.live.model import LiveModel
from tuner.reporting.live.screen import screen
from tuner.reporting.live.symbols import symbols_for
from tuner.security.redaction import redact

if TYPE_CHECKING:
    from tuner.machine.device_use import DeviceUse

#: What the keys do while trials run, and while a study is only watched.
RUN_HINT = "Ctrl-C saves and leaves; again leaves at once.   tuner dashboard: curves"
WATCH_HINT = "Ctrl-C ends the view; the study goes on.   tuner dashboard: curves"


class LiveView:
    """Shows a study while it runs, for as long as it is entered. Notices are printed again when it is left.

    Args:
        console: A terminal.
        hint: What the keys do.
        keep: Whether the last picture stays.
    """

    def __init__(self, console: Console, *, hint: str = RUN_HINT, keep: bool = False) -> None:
        self._console, self._hint, self._keep = console, hint, keep
        self._file = console.file
        self._symbols = symbols_for(getattr(console.file, "encoding", None) or "utf-8")
        self._model = LiveModel()
        self._use: DeviceUse | None = None
        self._display = Display(console, self._draw)
        self._others = contextlib.ExitStack()

    def __enter__(self) -> LiveView:
        self._display.start()
        said = _Said(self._file, lambda text: self._model.take(Notice(text=text)))
        self._others.enter_context(contextlib.redirect_stderr(said))
        return self

    def __exit__(self, *_: object) -> None:
        self._others.close()
        self._display.stop(keep=self._keep)
        if self._use is not None:
            self._use.close()
        if not self._keep:
            for message in (each for each in self._model.messages() if not each.is_passing):
                line = Text(message.text, style="yellow")
                Console(file=self._file, soft_wrap=True).print(line, highlight=False, markup=False)

    def __call__(self, event: Event) -> None:
        """Take one event. It is seen in the next picture."""
        if isinstance(event, Began) and event.devices:
            from tuner.machine.device_use import DeviceUse

            self._use = DeviceUse(event.devices)
        self._model.take(event)

    def _draw(self, width: int, height: int) -> list[Text]:
        use = self._use
        state = self._model.state(hint=self._hint, devices=() if use is None else use.texts())
        return screen(state, width, height, self._symbols)


class _Said(io.TextIOBase):
    """Takes what other code prints on stderr while the view is shown, which would break the picture.

    Args:
        file: The file in whose place it stands.
        tell: Takes a line.
    """

    def __init__(self, file: IO[str], tell: Callable[[str], None]) -> None:
        self._file, self._tell = file, tell
        self._rest = ""

    def write(self, text: str) -> int:
        """Take a text, and tell of each line that is whole."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line.strip():
                self._tell(redact(line))
        return len(text)

    def fileno(self) -> int:
        """Return the file's descriptor."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Return whether the file is a terminal."""
        return self._file.isatty()


def is_shown_on(console: Console) -> bool:
    """Return whether a console can show a view in place, and nothing else writes to it."""
    return console.is_terminal and not console.is_dumb_terminal and "--debug" not in sys.argv
