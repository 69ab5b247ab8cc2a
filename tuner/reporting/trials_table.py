"""The trials of a study in columns, in an order that the user chooses, and as csv."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from rich.text import Text

from search_spaces import NAMES
from storage import TrialRecord, TrialState
from tuner.reporting.columns import Column, print_lines, table, width_of
from tuner.reporting.state_styles import STATE_STYLES
from tuner.reporting.text import clock, frozen_words, plain_reason, scientific, short_name, sparkline

#: Words of `--sort` besides the names of hyperparameters.
ORDERS = ("number", "value", "time")
#: Hyperparameters in the order in which they are given a place, where the terminal has not enough for all.
_FIRST = ("learning_rate", "batch_size", "frozen_layers", "num_train_epochs", "lr_scheduler_type", "adapter")
#: Characters of a reason that are worth a column.
_REASON = 12
#: Characters to which the name of a schedule may be cut.
_WORD = 9


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which trials are shown, and in which order."""

    #: `number`, `value`, `time`, or the name of a hyperparameter, or the title of its column.
    sort: str = "number"
    #: At most so many, the first ones; None for all.
    top: int | None = None
    #: Trials in these states alone; empty for all.
    states: Collection[str] = ()

    def of(self, trials: Sequence[TrialRecord], direction: str) -> list[TrialRecord]:
        """Return the trials that are shown, in order.

        Args:
            trials: All trials of the study.
            direction: `maximize` or `minimize`; by value, complete trials come first, the best of them at the top.
        """
        chosen = [trial for trial in trials if not self.states or trial.state in self.states]
        if self.sort == "value":
            chosen.sort(key=lambda trial: _by_value(trial, direction))
        elif self.sort == "time":
            chosen.sort(key=lambda trial: (-trial.device_s, trial.number))
        elif self.sort != "number":
            name = full_name(self.sort)
            chosen.sort(key=lambda trial: (*_by_parameter(trial.hyperparameters.get(name)), trial.number))
        return chosen[: self.top]


def full_name(name: str) -> str:
    """Return the name of a hyperparameter that was given as the title of its column; any other name as it is."""
    return {short_name(each): each for each in NAMES}.get(name, name)


def parameters_of(trials: Iterable[TrialRecord]) -> list[str]:
    """Return the names of the hyperparameters that trials have, the usual ones first."""
    found = list(dict.fromkeys(name for trial in trials for name in trial.hyperparameters))
    return [*(name for name in NAMES if name in found), *(name for name in found if name not in NAMES)]


def print_trials(trials: Sequence[TrialRecord], every: Sequence[TrialRecord], metric: str, width: int) -> None:
    """Print trials in columns.

    Args:
        trials: The trials to show, in order.
        every: All trials of the study, which say what varies and how curves are drawn.
        metric: Name of the metric.
        width: Characters of a line.
    """
    columns, left_out = columns_of(trials, every, metric, width)
    print_lines(table(columns, width))
    if left_out:
        names = ", ".join(left_out)
        print_lines([Text(f"No room for {names}: --csv prints all columns.", style="dim")])


def columns_of(
    trials: Sequence[TrialRecord], every: Sequence[TrialRecord], metric: str, width: int
) -> tuple[list[Column], list[str]]:
    """Return the columns of a table of trials, and the hyperparameters for which there is no room.

    Args:
        trials: As in `print_trials`.
        every: As in `print_trials`.
        metric: As in `print_trials`.
        width: As in `print_trials`.
    """
    varying = {name: _parameter(name, trials, every) for name in parameters_of(every) if _varies(name, every)}
    before = [
        Column(title="trial", cells=[str(each.number) for each in trials], right=True),
        Column(title="state", cells=[Text(each.state.value, style=STATE_STYLES[each.state]) for each in trials]),
        Column(title=metric, cells=[_value(each) for each in trials], right=True),
    ]
    time = Column(title="time", cells=[clock(each.device_s) for each in trials], right=True)
    curve = Column(title="curve", cells=_curves(trials, every))
    reasons = [plain_reason(each.reason or "") for each in trials]
    after = [Column(title="reason", cells=reasons, least=_REASON)] if any(reasons) else []
    by_importance = [*(name for name in _FIRST if name in varying), *(name for name in varying if name not in _FIRST)]
    shown: list[str] = []
    for name in by_importance:
        if width_of([*before, *(varying[each] for each in (*shown, name)), time, *after]) <= width:
            shown.append(name)
    columns = [*before, *(varying[name] for name in varying if name in shown), time]
    if any(curve.cells) and width_of([*columns, curve, *after]) <= width:
        columns.insert(len(before), curve)
    return [*columns, *after], [name for name in varying if name not in shown]


def write_csv(file: IO[str], trials: Sequence[TrialRecord], every: Sequence[TrialRecord]) -> None:
    """Write trials as csv: every hyperparameter, numbers in full precision, and nothing where there is no value.

    Args:
        file: Receives the csv.
        trials: The trials to write, in order.
        every: All trials of the study, so that a selection has the same columns.
    """
    names = parameters_of(every)
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        ["number", "state", "value", *names, "percent", "device_s", "restarts", "started", "ended", "reason"]
    )
    for each in trials:
        percent = each.steps[-1][0] if each.steps else None
        values = [each.hyperparameters.get(name) for name in names]
        end = [percent, each.device_s, each.restarts, each.started, each.ended, each.reason]
        writer.writerow([each.number, each.state.value, each.value, *values, *end])


def shown_numbers(values: Sequence[float]) -> list[str]:
    """Return the numbers of a column, in one form: `1.5e-4` where some are too small or too large for `0.015`."""
    sizes = [abs(value) for value in values if value and math.isfinite(value)]
    are_round = all(math.isclose(size, float(f"{size:.0e}")) for size in sizes)
    # Rates have powers of ten; shares up to 1 with a small one among them do not.
    are_rates = bool(sizes) and min(sizes) < 1e-3 and max(sizes) < 0.05 and not are_round
    if sizes and (max(sizes) >= 1e6 or min(sizes) < 1e-5 or are_rates):
        return [scientific(value) for value in values]
    return [f"{value:.3g}" if abs(value) >= 1e-4 or not value else f"{value:.5f}" for value in values]


def _by_value(trial: TrialRecord, direction: str) -> tuple[int, float, int]:
    sign = -1.0 if direction == "maximize" else 1.0
    if trial.value is None or not math.isfinite(trial.value):
        return 2, 0.0, trial.number
    # A value that was reached on the way is that of an unfinished training.
    return int(trial.state != TrialState.COMPLETE), sign * trial.value, trial.number


def _by_parameter(value: Any) -> tuple[int, float, str]:
    if value is None:
        return 2, 0.0, ""
    if isinstance(value, int | float):
        return 0, float(value), ""
    return 1, 0.0, str(value)


def _varies(name: str, trials: Sequence[TrialRecord]) -> bool:
    return len({str(trial.hyperparameters.get(name)) for trial in trials}) > 1


def _value(trial: TrialRecord) -> str:
    return "" if trial.value is None else f"{trial.value:.4f}"


def _curves(trials: Sequence[TrialRecord], every: Sequence[TrialRecord]) -> list[str]:
    values = [value for each in every for _, value in each.steps if math.isfinite(value)]
    if not values:
        return ["" for _ in trials]
    scale = (min(values), max(values))
    return [sparkline([value for _, value in each.steps if math.isfinite(value)], scale) for each in trials]


def _parameter(name: str, trials: Sequence[TrialRecord], every: Sequence[TrialRecord]) -> Column:
    title = short_name(name)
    values = [each.hyperparameters.get(name) for each in trials]
    if name == "frozen_layers":
        layers = _layers(every)
        return Column(title=title, cells=[frozen_words(value, layers) for value in values], right=True)
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) == sum(value is not None for value in values):
        words = iter([scientific(rate) for rate in numbers] if name == "learning_rate" else shown_numbers(numbers))
        return Column(title=title, cells=["" if value is None else next(words) for value in values], right=True)
    return Column(title=title, cells=["" if value is None else str(value) for value in values], least=_WORD)


def _layers(trials: Iterable[TrialRecord]) -> int | None:
    """Return the layers of the study's model; None where its trials do not say, or do not agree."""
    found = {trial.effective.get("layers") for trial in trials if isinstance(trial.effective, Mapping)}
    (layers,) = found if len(found) == 1 else (None,)
    return layers if isinstance(layers, int) and layers > 0 else None
