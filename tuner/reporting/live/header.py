"""The head of the live view: the study, how much of it is done, and the time."""

from __future__ import annotations

from rich.text import Text

from tuner.reporting.columns import fitted
from tuner.reporting.events import About
from tuner.reporting.live.state import LiveState, Stage
from tuner.reporting.live.symbols import Symbols
from tuner.reporting.text import clock, counted

#: Columns that the text beside the bar takes at most; the bar has the others.
_BESIDE = 40
#: Stages that are shown at most.
_STAGES = 6


def header(state: LiveState, width: int, symbols: Symbols) -> list[Text]:
    """Return two lines: what the study is, and a bar with what is done, the time gone and the time left."""
    if state.about is None:
        return []
    lines = [fitted(_title(state.about, width), width)]
    if state.trials is not None or state.about.runs is not None:
        lines.append(fitted(_progress(state, width, symbols), width))
    return lines


def _title(about: About, width: int) -> Text:
    word = "higher" if about.direction == "maximize" else "lower"
    parts = [f"{about.metric}, {word} is better"]
    if about.model is not None:
        parts.append(about.model)
    if about.sizes and "train" in about.sizes and "validation" in about.sizes:
        parts.append(f"{about.sizes['train']:,} train / {about.sizes['validation']:,} val")
    line = Text(" ").append(about.study, style="bold")
    for part in parts:
        if line.cell_len + 3 + len(part) <= width:
            line.append("   ").append(part)
    return line


def done_share(state: LiveState) -> float:
    """Return how much of the study is done, 0 to 1: of its full runs, or of its trials with those that run."""
    runs = None if state.about is None else state.about.runs
    if state.trials is None:
        return 0.0 if not runs or state.spent is None else min(1.0, state.spent / runs)
    going = sum(each.percent for each in state.running) / 100.0
    return min(1.0, (state.finished + going) / state.trials) if state.trials else 0.0


def _progress(state: LiveState, width: int, symbols: Symbols) -> Text:
    done = f"{state.finished}/{state.trials}"
    if state.trials is None:
        runs = None if state.about is None else state.about.runs
        spent = "?" if state.spent is None else f"{state.spent:.1f}"
        done = counted(state.finished, "trial")
        if runs is not None:
            done = f"{spent} of {runs:g} full runs, {done}"
    left = "" if state.left_s is None else f", about {clock(state.left_s)} left"
    beside = f"  {done}  {clock(state.seconds)} gone{left}"
    full, empty = symbols.bar(done_share(state), max(10, min(width - 2 - max(len(beside), _BESIDE), 120)))
    return Text(" ").append(full, style="green").append(empty, style="dim").append(beside)


def preparation(stages: tuple[Stage, ...], width: int, symbols: Symbols) -> list[Text]:
    """Return a line for each stage of the preparation: what is done, how far, and for how long."""
    if not stages:
        return []
    lines = [Text(" PREPARING", style="bold")]
    for stage in stages[-_STAGES:]:
        is_last = stage is stages[-1]
        share = stage.done / stage.total if stage.total > 0 else (0.0 if is_last else 1.0)
        full, empty = symbols.bar(share if is_last else 1.0, 10)
        told = f"{stage.done:,} of {stage.total:,}" if stage.total > 0 and is_last else ""
        line = Text("   ").append(full, style="green").append(empty, style="dim")
        line.append(f"  {clock(stage.seconds):>6}  {stage.name}")
        lines.append(fitted(line.append(f": {told}" if told else ""), width))
    return lines
