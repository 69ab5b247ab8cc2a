"""The budget in time: what a study may take, and what it has taken, over all machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def overdrawn(budget: Mapping[str, Any], *, wall_s: float, device_s: float) -> str | None:
    """Return which part of a budget is spent and how to raise it, or None while there is something left.

    Args:
        budget: The study's budget as it is stored; a part that is None has no bound.
        wall_s: Seconds during which some worker held a trial.
        device_s: Seconds of devices, over all trials.
    """
    if (time_s := budget.get("time")) is not None and wall_s >= time_s:
        return f"the budget's time of {duration(time_s)} is spent; `tuner edit --time` raises it"
    if (hours := budget.get("device_hours")) is not None and device_s >= hours * 3600:
        return f"the budget's {hours:g} device hours are spent; `tuner edit --device-hours` raises it"
    return None


def duration(seconds: float) -> str:
    """Return seconds as a study file would say them: `90s`, `30m`, `2h`."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
