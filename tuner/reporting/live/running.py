"""The trials that run: a row each, with a bar, the last value, a curve and the hyperparameters that vary."""

from __future__ import annotations

from rich.text import Text

from tuner.reporting.columns import Column, fitted, table
from tuner.reporting.live.state import LiveState, RunningTrial
from tuner.reporting.live.symbols import Symbols
from tuner.reporting.text import clock, short_name, short_value, sparkline

#: Columns of a trial's bar, and the most points of a curve.
_BAR, _POINTS = 10, 20
#: Hyperparameters in the order in which they are left out where the terminal is narrow, the last one first.
_ORDER = ("learning_rate", "batch_size", "frozen_layers", "num_train_epochs", "lr_scheduler_type", "dropout")


def running(state: LiveState, width: int, symbols: Symbols, *, most: int) -> list[Text]:
    """Return the head and a row for each trial that runs.

    Args:
        state: What is shown.
        width: Columns of the terminal.
        symbols: Its characters.
        most: The most rows.
    """
    if not state.running:
        return []
    trials = state.running[: most if len(state.running) <= most else max(1, most - 1)]
    lines = table(_columns(state, trials, symbols), width, indent=1)
    if len(trials) < len(state.running):
        lines.append(fitted(Text(f"   and {len(state.running) - len(trials)} more", style="dim"), width))
    return lines


def _columns(state: LiveState, trials: tuple[RunningTrial, ...], symbols: Symbols) -> list[Column]:
    metric = "value" if state.about is None else state.about.metric
    scale = state.scale or (0.0, 0.0)
    head = "curve" if state.scale is None else f"curve, {scale[0]:.2f} to {scale[1]:.2f}"
    curves = [sparkline([value for _, value in each.curve[-_POINTS:]], scale, symbols.heights) for each in trials]
    columns = [
        Column(title="RUNNING", cells=[Text(f"{each.number:>4}") for each in trials]),
        Column(title="where", cells=[Text(each.where) for each in trials]),
        Column(title="done", cells=[_bar(each.percent, symbols) for each in trials]),
        Column(title=metric, cells=[_last(each) for each in trials], right=True),
        Column(title=head, cells=[Text(each, style="cyan") for each in curves]),
    ]
    if any(each.resumed_at is not None for each in trials):
        cells = [Text("" if each.resumed_at is None else f"{each.resumed_at} %") for each in trials]
        columns.append(Column(title="from", cells=cells, right=True, rank=1))
    names = () if state.about is None else state.about.varying
    ordered = [*(name for name in _ORDER if name in names), *(name for name in names if name not in _ORDER)]
    columns += [
        Column(
            title=short_name(name),
            cells=[_parameter(each, name) for each in trials],
            right=True,
            rank=2 + place,
        )
        for place, name in enumerate(ordered)
    ]
    columns.append(Column(title="for", cells=[Text(clock(each.seconds)) for each in trials], right=True, rank=9))
    return columns


def _bar(percent: float, symbols: Symbols) -> Text:
    full, empty = symbols.bar(percent / 100.0, _BAR)
    return Text(full, style="green").append(empty, style="dim")


def _last(trial: RunningTrial) -> Text:
    return Text(f"{trial.curve[-1][1]:.4f}" if trial.curve else "-")


def _parameter(trial: RunningTrial, name: str) -> Text:
    if name == "frozen_layers" and trial.frozen is not None:
        return Text(trial.frozen)
    return Text(short_value(name, trial.hyperparameters[name]) if name in trial.hyperparameters else "")
