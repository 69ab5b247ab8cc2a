"""Short forms of values in lines for people: hyperparameters, durations, curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tuner.trial.evaluation import is_better

_BARS = "▁▂▃▄▅▆▇█"
#: Short names of hyperparameters, in the order in which they are shown; a schedule's name speaks for itself.
_SHORT = {
    "learning_rate": "lr",
    "batch_size": "batch",
    "num_train_epochs": "epochs",
    "dropout": "dropout",
    "weight_decay": "decay",
    "lr_scheduler_type": "",
    "warmup_ratio": "warmup",
    "frozen_layers": "frozen",
}


def describe(hyperparameters: Mapping[str, Any]) -> str:
    """Return hyperparameters in one line, with short names; those that are missing are left out."""
    parts = []
    for name, label in _SHORT.items():
        if name in hyperparameters:
            parts.append(f"{label} {_shown(hyperparameters[name])}".strip())
    return " ".join(parts)


def changes(values: Mapping[str, Any], published: Mapping[str, Any]) -> str:
    """Return the hyperparameters whose values are not the published ones, such as `epochs 3 (published 5)`.

    Args:
        values: Values by name.
        published: The published values of the same names.
    """
    return ", ".join(
        f"{_SHORT.get(name) or name} {_shown(value)} (published {_shown(published[name])})"
        for name, value in values.items()
        if value != published[name]
    )


def size(count: int) -> str:
    """Return a number of bytes for people, such as `1.2 GB`."""
    number = float(count)
    for unit in ("bytes", "kB", "MB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.3g} GB" if number < 999.5 else f"{number:,.0f} GB"


def count(number: int) -> str:
    """Return a large number for people, such as `22.7 million`."""
    for unit, word in ((10**9, "billion"), (10**6, "million")):
        if number >= unit:
            return f"{number / unit:.3g} {word}"
    return f"{number:,}"


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def beside_guess(metric: str, value: float, guess: float | None) -> str:
    """Return a value of the metric beside the one that guessing reaches.

    Args:
        metric: Name of the metric.
        value: The value.
        guess: The metric where every row is given the largest class; None where it is not known.
    """
    shown = f"{metric} {value:.4f}"
    return shown if guess is None else f"{shown} (guessing the largest class: {guess:.4f})"


def no_better_than_guess(value: float, guess: float | None, direction: str) -> str | None:
    """Return a sentence where the best value of a study is no better than guessing; otherwise None."""
    if guess is None or is_better(value, guess, direction):
        return None
    return f"No trial beats guessing the largest class ({guess:.4f}): the search has found nothing that is of use yet."


def clock(seconds: float | None) -> str:
    """Return a duration for people, such as `1h01m`; `?` for None."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


def sparkline(values: list[float]) -> str:
    """Return values as a curve of block characters, scaled between their minimum and maximum."""
    if not values:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return "".join(_BARS[round((value - low) / span * (len(_BARS) - 1))] for value in values)
