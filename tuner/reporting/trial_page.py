"""A trial on the terminal: how it ended, its settings, its learning curve and what was trained. See `trial_note`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from storage import TrialRecord
from tuner.reporting.columns import Column, printable, table
from tuner.reporting.effective_lines import effective_settings
from tuner.reporting.state_styles import STATE_STYLES
from tuner.reporting.text import clock, plain_reason, scientific, size

_INDENT = "  "


def trial_page(
    trial: TrialRecord, study: str, metric: str, width: int, *, recipe: str | None = None, everything: bool = False
) -> list[Text]:
    """Return all that people want to know of a trial, in lines.

    Args:
        trial: The trial.
        study: Name of its study.
        metric: Name of the study's metric.
        width: Characters of a line.
        recipe: Of trial 0, in words what it is: see `tuner.reporting.text.recipe_words`.
        everything: Whether to add how things were computed, all metrics, and the checkpoints that are kept.
    """
    lines = [_title(trial, study, metric)]
    told = [
        *([plain_reason(trial.reason)] if trial.reason else []),
        *([f"This is {recipe}."] if recipe else []),
        _cost(trial),
    ]
    lines += [Text(line) for each in told for line in _wrapped(printable(each), width, indent=_INDENT)]
    lines += _section("Hyperparameters", _pairs(_hyperparameters(trial.hyperparameters), width))
    if trial.evaluations:
        lines += _section("Learning curve", _curve(trial.evaluations, trial.value, metric, width))
    if everything and (metrics := _other_metrics(trial.evaluations, width)):
        lines += _section("Other metrics", metrics)
    if trial.effective:
        settings = effective_settings(trial.effective)
        shown = [(each.word, each.text) for each in settings if everything or not each.is_internal]
        lines += _section("What was trained", _pairs(shown, width))
    if everything and trial.checkpoints.refs:
        lines += _section("Checkpoints", _pairs(_checkpoints(trial), width))
    return lines


def _title(trial: TrialRecord, study: str, metric: str) -> Text:
    title = Text(f"Trial {trial.number} of {study}: ", style="bold")
    title.append(trial.state.value, style=STATE_STYLES[trial.state])
    title.append("" if trial.value is None else f", {metric} {trial.value:.4f}")
    best = _best_step(trial.value, trial.evaluations)
    title.append("" if best is None else f" at {best} %")
    return title


def _best_step(value: float | None, evaluations: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the percent at which a trial had its value; None where that was its last evaluation."""
    steps = [each["step"] for each in evaluations if each.get("value") == value]
    return None if value is None or not steps or steps[0] == evaluations[-1]["step"] else int(steps[0])


def _cost(trial: TrialRecord) -> str:
    began = "" if trial.started is None else f", began {trial.started.replace('T', ' ').removesuffix('Z')} UTC"
    again = f", begun again {trial.restarts} time{'' if trial.restarts == 1 else 's'}" if trial.restarts else ""
    return f"{clock(trial.device_s)} of device time{began}{again}"


def _section(title: str, lines: Sequence[Text]) -> list[Text]:
    return [Text(""), Text(title, style="bold"), *lines]


def _hyperparameters(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    shown = {name: _value(value) for name, value in values.items()}
    if "head_learning_rate_factor" in shown and values.get("frozen_layers") == 0:
        shown["head_learning_rate_factor"] += " (of no effect, as nothing is frozen)"
    return list(shown.items())


def _value(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _curve(evaluations: Sequence[Mapping[str, Any]], value: float | None, metric: str, width: int) -> list[Text]:
    best = _best_step(value, evaluations)
    rates = [scientific(each.get("learning_rate") or 0.0) for each in evaluations]
    columns = [
        _done(evaluations),
        _numbers("epoch", [each.get("epoch") for each in evaluations], digits=2),
        _numbers(metric, [each.get("value") for each in evaluations]),
        _numbers("training loss", [each.get("train_loss") for each in evaluations]),
        _numbers("validation loss", [each.get("validation_loss") for each in evaluations]),
        Column(title="rate", cells=rates, right=True),
        *([] if best is None else [Column(title="", cells=["best" * (each["step"] == best) for each in evaluations])]),
    ]
    return table(columns, width)


def _other_metrics(evaluations: Sequence[Mapping[str, Any]], width: int) -> list[Text]:
    names = dict.fromkeys(name for each in evaluations for name in _metrics(each))
    columns = [_numbers(name, [_metrics(each).get(name) for each in evaluations]) for name in names]
    return table([_done(evaluations), *columns], width) if columns else []


def _done(evaluations: Sequence[Mapping[str, Any]]) -> Column:
    return Column(title=f"{_INDENT}done", cells=[f"{each['step']} %" for each in evaluations], right=True)


def _numbers(title: str, values: Sequence[Any], digits: int = 4) -> Column:
    cells = [f"{value:.{digits}f}" if isinstance(value, int | float) else "" for value in values]
    return Column(title=title, cells=cells, right=True)


def _metrics(evaluation: Mapping[str, Any]) -> Mapping[str, float]:
    metrics = evaluation.get("metrics")
    return metrics if isinstance(metrics, Mapping) else {}


def _checkpoints(trial: TrialRecord) -> list[tuple[str, str]]:
    refs = [("to go on from", ref) for ref in trial.checkpoints.resume]
    refs += [("best weights", trial.checkpoints.best)] if trial.checkpoints.best else []
    return [(word, f"{ref.key}, {size(ref.bytes)}, optimiser step {ref.optimiser_steps:,}") for word, ref in refs]


def _pairs(pairs: Sequence[tuple[str, str]], width: int) -> list[Text]:
    """Return words with their texts beside them, in two columns; long texts go on in the second one."""
    first = min(max((len(word) for word, _ in pairs), default=0), width // 3)
    lines: list[Text] = []
    for word, text in pairs:
        space = " " * (len(_INDENT) + first + 2)
        before = f"{_INDENT}{printable(word):<{first}}  "
        if len(before) > len(space):  # a long word has a line of its own
            lines.append(Text(before.rstrip()))
            before = space
        lines += [Text(each) for each in _wrapped(printable(text), width, indent=space, first=before)]
    return lines


def _wrapped(text: str, width: int, *, indent: str, first: str | None = None) -> Iterator[str]:
    yield from textwrap.wrap(
        text,
        max(width, len(indent) + 20),
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
    ) or [first or indent]
