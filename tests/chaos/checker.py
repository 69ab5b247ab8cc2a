"""The checker: what must be true of a study's history, whatever was done to its workers and its database."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from storage import Database, EventRecord, History, Slots, Studies

#: What only the holder of a trial may have written.
_HOLDERS = ("checkpoint", "report", "released", "end")


def violations(
    url: str, name: str, *, trials: int, undisturbed: Callable[[Mapping[str, Any]], Sequence[tuple[int, float]]]
) -> list[str]:
    """Return what is wrong with a study that should be finished, in sentences; nothing where all is well.

    Args:
        url: The database.
        name: The study.
        trials: Its budget.
        undisturbed: Gives the steps and values that a trial with these hyperparameters reports, left in peace.
    """
    with Database(url) as database:
        study = Studies(database).get(name)
        events, slots = _events(database, study.id), Slots(database, study.id).all()
        records = History(database, study).trials()
        with database.read() as connection:
            counted = connection.exec_driver_sql("SELECT state, count(*) FROM trials GROUP BY state").all()
            states = {row[0]: row[1] for row in counted}
    wrong = []
    if states != {"COMPLETE": trials}:
        wrong.append(f"Optuna's trials are {states}, not {trials} complete ones")
    if [slot.state for slot in slots] != ["finished"] * trials:
        wrong.append(f"the slots are {[slot.state for slot in slots]}")
    if [record.number for record in records] != list(range(trials)):
        wrong.append(f"the numbers are {[record.number for record in records]}")
    points = {json.dumps(dict(record.hyperparameters), sort_keys=True) for record in records}
    if len(points) != len(records):
        wrong.append("two trials have the same suggestions")
    for record in records:
        expected = list(undisturbed(record.hyperparameters))
        if list(record.steps) != expected:
            wrong.append(f"trial {record.number} reported {list(record.steps)}, undisturbed {expected}")
        best = max(value for _, value in expected)
        if record.value != best:
            wrong.append(f"trial {record.number} is worth {record.value}, undisturbed {best}")
    return wrong + of_events(events, trials)


def _events(database: Database, study_id: int) -> list[EventRecord]:
    from storage import Events

    return Events(database, study_id).all()


def of_events(events: Sequence[EventRecord], trials: int) -> list[str]:
    """Return what is wrong with the event log of a study that should be finished, in sentences."""
    wrong = []
    holder: dict[int | None, int | None] = {}
    ends: dict[int | None, int] = defaultdict(int)
    reported: dict[tuple[int | None, int | None], set[float | None]] = defaultdict(set)
    for event in events:
        if event.kind in ("claimed", "stolen"):
            before = holder.get(event.slot)
            if event.attempt is not None and before is not None and event.attempt <= before:
                wrong.append(f"slot {event.slot} was taken with attempt {event.attempt} after attempt {before}")
            holder[event.slot] = event.attempt
        elif event.kind in _HOLDERS and event.attempt != holder.get(event.slot):
            wrong.append(f"{event.kind} of trial {event.trial} by attempt {event.attempt}, which was fenced off")
        if event.kind == "report":
            reported[event.trial, event.step].add(event.value)
        if ends[event.trial] and event.trial is not None:
            wrong.append(f"{event.kind} of trial {event.trial} after its end")
        if event.kind == "end":
            ends[event.trial] += 1
    wrong += [
        f"trial {trial} has at {step} % the values {sorted(values, key=str)}"
        for (trial, step), values in reported.items()
        if len(values) > 1
    ]
    counted = {trial: count for trial, count in ends.items() if count}
    if counted != dict.fromkeys(range(trials), 1):
        wrong.append(f"ends by trial: {counted}")
    return wrong
