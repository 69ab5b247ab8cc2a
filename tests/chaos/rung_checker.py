"""The checker of a study with rungs: its trials went as far as their values let them, and no step further."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from checker import of_events

from storage import Database, EventRecord, Events, History, Slots, Studies, TrialRecord
from tuner.search.halving import HalvingPromotion
from tuner.search.promotion import Contender, ContenderState

#: Percents at which the trials of the study are evaluated: its rungs, and the end.
LOOKS = (4, 8, 16, 32, 64, 100)


def violations_with_rungs(
    url: str, name: str, *, trials: int, undisturbed: Callable[[Mapping[str, Any]], Sequence[tuple[int, float]]]
) -> list[str]:
    """Return what is wrong with a study that should be finished, in sentences; nothing where all is well.

    Args:
        url: The database.
        name: The study.
        trials: Its budget.
        undisturbed: Gives the percents and values that a trial with these hyperparameters reports up to its end.
    """
    with Database(url) as database:
        study = Studies(database).get(name)
        events, slots = Events(database, study.id).all(), Slots(database, study.id).all()
        records = History(database, study).trials()
    wrong = []
    if [slot.state for slot in slots] != ["finished"] * trials:
        wrong.append(f"the slots are {dict(Counter(slot.state for slot in slots))}")
    if [record.number for record in records] != list(range(trials)):
        return [*wrong, f"the numbers are {[record.number for record in records]}"]
    points = {json.dumps(dict(record.hyperparameters), sort_keys=True) for record in records}
    if len(points) != len(records):
        wrong.append("two trials have the same suggestions")
    values = {record.number: dict(undisturbed(record.hyperparameters)) for record in records}
    reached = expected(values)
    for record in records:
        wrong += _of_trial(record, values[record.number], reached[record.number])
    return wrong + of_events(events, trials) + beyond(events)


def expected(values: Mapping[int, Mapping[int, float]]) -> dict[int, int]:
    """Return how far each trial trains, where all values of a rung are known before a trial goes on from it.

    Args:
        values: By trial, its values up to its end.
    """
    rule = HalvingPromotion(eta=2, first_rung=LOOKS[0])
    targets = {number: 100 if number == 0 else LOOKS[0] for number in values}
    over: set[int] = set()
    while True:
        contenders = [
            Contender(
                number=number,
                values={percent: value for percent, value in values[number].items() if percent <= target},
                first_rung=LOOKS[0],
                target=target,
                state=ContenderState.OVER if number in over or target == 100 else ContenderState.SHELVED,
                is_exempt=number == 0,
            )
            for number, target in targets.items()
        ]
        moves = rule.decide(contenders, trials=len(values), direction="maximize").moves
        if not moves:
            return targets
        targets |= {move.number: move.target for move in moves if move.target is not None}
        over |= {move.number for move in moves if move.target is None}


def _of_trial(record: TrialRecord, values: Mapping[int, float], reached: int) -> list[str]:
    wrong = []
    reports = [(percent, value) for percent, value in values.items() if percent <= reached]
    if list(record.steps) != reports:
        wrong.append(f"trial {record.number} reported {list(record.steps)}, undisturbed {reports}")
    state, value = ("complete", max(values.values())) if reached == 100 else ("pruned", values[reached])
    if (record.state, record.value) != (state, value):
        wrong.append(f"trial {record.number} is {record.state} with {record.value}, undisturbed {state} with {value}")
    return wrong


def beyond(events: Sequence[EventRecord]) -> list[str]:
    """Return which trials trained further than they were let, in sentences: to 4 %, and to where they were promoted."""
    wrong, targets = [], {0: 100}
    for event in events:
        if event.trial is None:
            continue
        target = targets.setdefault(event.trial, LOOKS[0])
        if event.kind == "promoted" and event.step is not None:
            if event.step <= target:
                wrong.append(f"trial {event.trial} was promoted from {target} % to {event.step} %")
            targets[event.trial] = event.step
        done = event.optimiser_steps if event.kind == "checkpoint" else event.step if event.kind == "report" else None
        if done is not None and done > target:
            wrong.append(f"{event.kind} of trial {event.trial} at {done} %, which may train to {target} %")
        if event.kind == "shelved" and (event.step is None or event.step > target):
            wrong.append(f"trial {event.trial} was put aside at {event.step} %, which may train to {target} %")
    return wrong
