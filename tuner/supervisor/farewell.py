"""What a run that a signal ended says: which trials are saved, where, and which command goes on."""

from __future__ import annotations

import signal
from collections.abc import Mapping


def farewell(study: str, number: signal.Signals, left: Mapping[int, int | None]) -> str:
    """Return what a run says that a signal has ended, such as `Stopped. Trial 3 is saved at 60 %; ...`.

    Args:
        study: Name of the study.
        number: The signal.
        left: By number of each trial that ran, the percent of its schedule from which it goes on: 0 where it has no
            checkpoint, None where the percent is not known.
    """
    stopped = "Stopped." if number == signal.SIGINT else f"Stopped by {number.name}."
    saved = [(trial, percent) for trial, percent in sorted(left.items()) if percent != 0]
    fresh = [trial for trial, percent in sorted(left.items()) if percent == 0]
    parts = []
    if saved:
        places = [f"{trial}" + ("" if percent is None else f" at {percent} %") for trial, percent in saved]
        parts.append(_of_trials(places, "is saved", "are saved"))
    if fresh:
        parts.append(_of_trials([str(trial) for trial in fresh], "begins again", "begin again"))
    told = ", ".join(parts)
    told = f"{told[:1].upper()}{told[1:]}; " if told else ""
    return f"{stopped} {told}`tuner resume {study}` goes on."


def _of_trials(trials: list[str], one: str, more: str) -> str:
    if len(trials) > 1:
        return f"trials {', '.join(trials[:-1])} and {trials[-1]} {more}"
    number, _, where = trials[0].partition(" ")
    return f"trial {number} {one} {where}".rstrip()
