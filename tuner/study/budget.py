"""A study's budget in time: whether it is spent, summed over all machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def overdrawn(study: str, budget: Mapping[str, Any], *, wall_s: float, device_s: float) -> str | None:
    """Return which part of a budget is spent and which commands raise it; None where no part is spent.

    Args:
        study: The study's name.
        budget: The study's budget as it is stored; a part that is None has no bound.
        wall_s: Seconds during which at least one worker held a trial.
        device_s: Device seconds, summed over all trials.
    """
    if (time_s := budget.get("time")) is not None and wall_s >= time_s:
        return f"the budget's time of {duration(time_s)} is spent; {_raised(study, '--time TIME')}"
    if (hours := budget.get("device_hours")) is not None and device_s >= hours * 3600:
        return f"the budget's {hours:g} device hours are spent; {_raised(study, '--device-hours H')}"
    return None


def _raised(study: str, option: str) -> str:
    return f"`tuner edit {study} {option}` raises it, then `tuner resume {study}` goes on"


def duration(seconds: float) -> str:
    """Return seconds in the notation of study files: `90s`, `30m`, `2h`."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
