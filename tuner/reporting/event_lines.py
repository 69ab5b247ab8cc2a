"""The event log in lines for people: times of this machine, short names of workers, and percents as steps."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping

from storage import EventKind, EventRecord, TrialRecord
from storage.keys import parse_key

#: Name of a supervisor in the database: host, process, a random part, and the kernel where it is known.
_OWNER = re.compile(r"(\S+)-(\d+)-[0-9a-f]{8}(?:-[0-9a-f]{16})?(?!\S)")
#: Characters of the widest word for a trial that most studies have.
_TRIAL = len("trial 99")
_KIND = max(len(kind) for kind in EventKind)


def event_line(event: EventRecord, schedules: Mapping[int, int]) -> str:
    """Return one entry of the event log as a line of text.

    Args:
        event: The entry.
        schedules: By trial, the optimiser steps of its whole schedule, as far as they are known.
    """
    where = "" if event.trial is None else f"trial {event.trial}"
    told = [
        *([f"attempt {event.attempt}"] if event.attempt is not None and event.attempt > 1 else []),
        *([f"{event.step} %"] if event.step is not None else []),
        *_saved(event, schedules),
        *([f"{event.value:.4f}"] if event.value is not None else []),
        *([short_owners(event.detail)] if event.detail and event.kind != EventKind.CHECKPOINT else []),
        *([f"by {short_owners(event.owner)}"] if event.owner else []),
    ]
    return f"{_moment(event.moment)}  {where:<{_TRIAL}}  {event.kind:<{_KIND}}  {'  '.join(told)}".rstrip()


def schedules_of(trials: Iterable[TrialRecord]) -> dict[int, int]:
    """Return the optimiser steps of the whole schedules of trials, by number; of trials that do not say, nothing."""
    found = {}
    for trial in trials:
        steps = trial.effective.get("optimiser_steps") if isinstance(trial.effective, Mapping) else None
        if isinstance(steps, int) and steps > 0:
            found[trial.number] = steps
    return found


def short_owners(text: str) -> str:
    """Return a text in which the names of supervisors are short: `trainbox:4711` is process 4711 on that host."""
    return _OWNER.sub(r"\1:\2", text)


def _saved(event: EventRecord, schedules: Mapping[int, int]) -> list[str]:
    """Return what of a trial was saved, and how far it was."""
    if event.kind != EventKind.CHECKPOINT:
        return []
    if parse_key(event.detail) is not None and "/best-" in str(event.detail):
        return ["best weights"]  # those of the evaluation whose report stands before
    done, whole = event.optimiser_steps, schedules.get(-1 if event.trial is None else event.trial)
    at = []
    if done is not None:
        at = [f"after {done:,} optimiser steps"] if whole is None else [f"{min(100, round(100 * done / whole))} %"]
    return [*at, "to go on from" if parse_key(event.detail) is not None else event.detail or ""]


def _moment(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
