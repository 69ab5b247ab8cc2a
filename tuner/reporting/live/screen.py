"""The whole live view: its parts, one below the other, fitted to a terminal of a width and a height."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.text import Text

from tuner.reporting.columns import fitted
from tuner.reporting.live import footer, header, results
from tuner.reporting.live.running import running
from tuner.reporting.live.state import LiveState
from tuner.reporting.live.symbols import UNICODE, Symbols

#: Rows of the parts that may take more on a high terminal: the best, those that ended last, and notices.
_BEST, _ENDED, _MESSAGES, _DEVICES = 4, 3, 2, 2
#: The highest that the view gets of its own; a higher terminal is filled with more of the trials that ended last.
_LOW = 24


def screen(state: LiveState, width: int, height: int, symbols: Symbols = UNICODE) -> list[Text]:
    """Return the lines of the live view: at most `height`, none wider than `width`.

    Where it is too high, blank lines go first, then rows, and then parts from below.
    """
    more = max(0, height - _LOW)
    rows = _Rows(running=max(2, height // 3), best=_BEST + more // 4, ended=_ENDED + more // 4, messages=_MESSAGES)
    lines = _joined(_parts(state, width, symbols, rows))
    while len(lines) > height and (smaller := rows.fewer()) is not None:
        rows = smaller
        lines = _joined(_parts(state, width, symbols, rows))
    if len(lines) > height:
        lines = [line for line in lines if line.plain]
    return [fitted(symbols.shown(line), width, symbols.more) for line in lines[:height]]


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """The most rows of each part that can do with fewer."""

    running: int
    best: int
    ended: int
    messages: int

    def fewer(self) -> _Rows | None:
        """Return one row less of the part that needs it least; None where each has its least."""
        if self.ended > 1:
            return replace(self, ended=self.ended - 1)
        if self.best > 2:
            return replace(self, best=self.best - 1)
        if self.messages > 1:
            return replace(self, messages=self.messages - 1)
        return replace(self, running=self.running - 1) if self.running > 2 else None


def _parts(state: LiveState, width: int, symbols: Symbols, rows: _Rows) -> list[list[Text]]:
    return [
        header.header(state, width, symbols),
        header.preparation(state.stages, width, symbols),
        running(state, width, symbols, most=rows.running),
        results.best(state, width, most=rows.best),
        results.ended(state, width, most=rows.ended),
        [
            *footer.counts(state, width),
            *footer.search(state, width),
            *footer.devices(state, width, most=_DEVICES),
            *footer.messages(state, width, most=rows.messages),
            *footer.hint(state, width),
        ],
    ]


def _joined(parts: list[list[Text]]) -> list[Text]:
    lines: list[Text] = []
    for part in parts:
        if part:
            lines += [*([Text("")] if lines else []), *part]
    return lines
