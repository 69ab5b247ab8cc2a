"""Short forms of values in lines for people: hyperparameters, durations, curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BARS = "▁▂▃▄▅▆▇█"


def describe(hyperparameters: Mapping[str, Any]) -> str:
    """Return hyperparameters in one line, with short names; those that are missing are left out."""
    short = {
        "learning_rate": "lr",
        "batch_size": "batch",
        "num_train_epochs": "epochs",
        "dropout": "dropout",
        "weight_decay": "decay",
        "lr_scheduler_type": "",
        "warmup_ratio": "warmup",
        "frozen_layers": "frozen",
    }
    parts = []
    for name, label in short.items():
        if name in hyperparameters:
            value = hyperparameters[name]
            shown = f"{value:.3g}" if isinstance(value, float) else str(value)
            parts.append(f"{label} {shown}".strip())
    return " ".join(parts)


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
