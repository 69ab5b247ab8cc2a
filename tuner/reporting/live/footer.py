"""The foot of the live view: counts, the last checkpoint, the search, the devices, notices and what the keys do."""

from __future__ import annotations

from rich.text import Text

from storage import TrialState
from tuner.reporting.columns import fitted
from tuner.reporting.live.state import LiveState
from tuner.reporting.text import clock

#: States whose counts are shown even where they are 0.
_ALWAYS = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED, TrialState.RUNNING)
#: States of trials that wait for a worker, which are counted as such.
_WAITING = (TrialState.INTERRUPTED, TrialState.PAUSED)


def counts(state: LiveState, width: int) -> list[Text]:
    """Return the trials by state, and how long ago a checkpoint was stored, in one line."""
    if state.about is None or (state.stages and not state.finished):
        return []
    parts = [
        f"{state.counts.get(each, 0)} {'put aside' if each is TrialState.SHELVED else each.value}"
        for each in TrialState
        if each in _ALWAYS or (state.counts.get(each, 0) and each not in _WAITING)
    ]
    parts.append(f"{state.waiting} waiting")
    line = Text(" " + "  ".join(parts))
    saved = "" if state.saved_s is None else f"    last saved {clock(state.saved_s)} ago"
    if line.cell_len + len(saved) <= width:
        line.append(saved, style="dim")
    return [fitted(line, width)]


def search(state: LiveState, width: int) -> list[Text]:
    """Return what the search has decided last."""
    return [] if not state.search else [fitted(Text(f" search: {state.search}"), width)]


def devices(state: LiveState, width: int, *, most: int) -> list[Text]:
    """Return the use of the devices, as many on a line as fit.

    Args:
        state: What is shown.
        width: Columns of the terminal.
        most: The most lines.
    """
    lines: list[Text] = []
    for each in state.devices:
        if lines and lines[-1].cell_len + 3 + len(each) <= width:
            lines[-1].append(f"   {each}", style="dim")
        else:
            lines.append(Text(f" {each}", style="dim"))
    return [fitted(line, width) for line in lines[:most]]


def messages(state: LiveState, width: int, *, most: int) -> list[Text]:
    """Return the last notices, each with its time.

    Args:
        state: What is shown.
        width: Columns of the terminal.
        most: The most lines.
    """
    kept = state.messages[-most:] if most > 0 else ()
    return [fitted(Text(f" ! {each.moment} {each.text}", style="yellow"), width) for each in kept]


def hint(state: LiveState, width: int) -> list[Text]:
    """Return what the keys do."""
    return [fitted(Text(f" {state.hint}", style="dim"), width)] if state.hint else []
