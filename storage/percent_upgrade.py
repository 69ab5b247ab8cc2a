"""Upgrades the rows of version 0.1, whose steps are tenths of a trial's schedule. Today's steps are percents.

Only studies of tuner are changed. Optuna's own studies in the same database stay as they are. So do sentences for
people, such as the reason why a trial was pruned: they name the tenths that they named when they were written. The
pruners' `completed_rung_N`, which Optuna stores with a trial, count rungs and not steps.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from storage import tables
from storage.history import EFFECTIVE_ATTR, EVALUATION_ATTR
from storage.records import Checkpoints
from storage.states import EventKind

_PERCENTS_PER_TENTH = 10
#: The search of version 0.1, with which its studies go on: a sampler and a pruner of Optuna.
_SEARCH = "plain"
#: The user attribute of a complete trial that holds the step of its best evaluation.
_BEST_STEP_ATTR = "best_step"
#: Keys of a pruner whose values are steps.
_PRUNER_STEPS = ("n_warmup_steps", "min_resource")
#: The largest integer of a database's 32-bit and 64-bit columns.
_MAX_INTEGER, _MAX_BIG_INTEGER = 2**31 - 1, 2**63 - 1
#: The largest step that fits into its column as a percent.
_MAX_STEP = _MAX_INTEGER // _PERCENTS_PER_TENTH
#: Trials, and events, that one statement changes. It has to end before the connection counts as broken.
_TRIALS_AT_ONCE, _EVENTS_AT_ONCE = 200, 20_000

_studies, _slots, _events = tables.studies.c, tables.slots.c, tables.events.c
_trials = sa.table("trials", sa.column("trial_id"), sa.column("study_id"))
_reports = sa.table("trial_intermediate_values", sa.column("trial_id"), sa.column("step"))
_attributes = sa.table(
    "trial_user_attributes", *map(sa.column, ("trial_user_attribute_id", "trial_id", "key", "value_json"))
)


def to_percents(connection: sa.Connection) -> None:
    """Multiply all stored steps, and count the bytes of the stored checkpoints.

    Must be called once, within the transaction that also writes the new version of the tables.
    """
    _convert_studies(connection)
    _convert_slots(connection)
    _convert_events(connection)
    if not sa.inspect(connection).has_table(_trials.name):
        return  # no study has been created yet
    ours = sa.select(_trials.c.trial_id).join(tables.studies, _studies.study_id == _trials.c.study_id)
    trials = connection.execute(ours.order_by(_trials.c.trial_id)).scalars().all()
    for first in range(0, len(trials), _TRIALS_AT_ONCE):
        some = trials[first : first + _TRIALS_AT_ONCE]
        _convert_reports(connection, some)
        _convert_attributes(connection, some)


def _convert_studies(connection: sa.Connection) -> None:
    query = sa.select(
        _studies.study_id, *(sa.cast(_studies[name], sa.Text).label(name) for name in ("config", "facts"))
    )
    for row in connection.execute(query).all():
        config, facts = _parsed(row.config), _parsed(row.facts)
        if isinstance(config, dict) and isinstance(facts, dict):
            values = {"config": {**_with_percents(config), "search": _SEARCH}, "facts": facts}
            # The values of the study file, where the study was edited since.
            if isinstance(written := facts.get("file_values"), dict):
                values["facts"] = {**facts, "file_values": _with_percents(written)}
            connection.execute(tables.studies.update().where(_studies.study_id == row.study_id).values(**values))


def _with_percents(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored configuration, or part of it, whose pruner counts in percents."""
    pruner = config.get("pruner")
    if not isinstance(pruner, dict):
        return dict(config)
    return {**config, "pruner": {**pruner, **{key: _percent(pruner[key]) for key in _PRUNER_STEPS if key in pruner}}}


def _convert_slots(connection: sa.Connection) -> None:
    query = sa.select(_slots.study_id, _slots.slot, sa.cast(_slots.checkpoint, sa.Text).label("checkpoint"))
    rows = connection.execute(query.where(_slots.checkpoint.is_not(None))).all()
    changes = [
        {
            "of_study": row.study_id,
            "of_slot": row.slot,
            "checkpoint": _with_percents_of_checkpoints(stored),
            "stored_bytes": min(_MAX_BIG_INTEGER, Checkpoints.from_dict(stored).bytes),
        }
        for row in rows
        if isinstance(stored := _parsed(row.checkpoint), dict)
    ]
    if changes:
        mine = (_slots.study_id == sa.bindparam("of_study"), _slots.slot == sa.bindparam("of_slot"))
        connection.execute(tables.slots.update().where(*mine), changes)


def _with_percents_of_checkpoints(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stored JSON of a trial's checkpoints, in which `tenth` is the step of an evaluation."""

    def converted(entry: Any) -> Any:
        return {**entry, "tenth": _percent(entry["tenth"])} if isinstance(entry, dict) and "tenth" in entry else entry

    resume = stored.get("resume")
    more = {"resume": [converted(entry) for entry in resume]} if isinstance(resume, list) else {}
    return {**stored, **more, "best": converted(stored.get("best"))}


def _convert_events(connection: sa.Connection) -> None:
    studies = sa.select(_studies.study_id)
    for study_id in connection.execute(studies).scalars().all():
        ends = sa.select(sa.func.min(_events.id), sa.func.max(_events.id)).where(_events.study_id == study_id)
        first, last = connection.execute(ends).one()
        if first is None:
            continue
        for begin in range(first, last + 1, _EVENTS_AT_ONCE):
            connection.execute(
                tables.events.update()
                .where(_events.study_id == study_id, _events.id.between(begin, begin + _EVENTS_AT_ONCE - 1))
                # Of a checkpoint, the step is the number of optimiser steps.
                .where(_events.kind != EventKind.CHECKPOINT, _events.step.between(1, _MAX_STEP))
                .values(step=_events.step * _PERCENTS_PER_TENTH)
            )


def _convert_reports(connection: sa.Connection, trials: Sequence[int]) -> None:
    """Convert the steps of what trials reported to Optuna.

    Databases check the unique constraint on trial and step row by row: while step 1 becomes 10, the trial may still
    have its old step 10. So all steps are made negative before any gets its new value. Optuna stores no negative ones.
    """
    step, of_trials = _reports.c.step, _reports.c.trial_id.in_(trials)
    old, between = step.between(1, _MAX_STEP), step.between(-_MAX_STEP, -1)
    connection.execute(_reports.update().where(of_trials, old).values(step=-step))
    connection.execute(_reports.update().where(of_trials, between).values(step=step * -_PERCENTS_PER_TENTH))


def _convert_attributes(connection: sa.Connection, trials: Sequence[int]) -> None:
    wanted = sa.or_(
        _attributes.c.key.like(f"{EVALUATION_ATTR}%"), _attributes.c.key.in_((EFFECTIVE_ATTR, _BEST_STEP_ATTR))
    )
    rows = connection.execute(sa.select(_attributes).where(_attributes.c.trial_id.in_(trials), wanted)).all()
    keys = {(row.trial_id, row.key) for row in rows}
    changes = []
    for row in rows:
        stored = _parsed(row.value_json)
        key, value = _converted(row.key, stored)
        is_free = key == row.key or (row.trial_id, key) not in keys
        if is_free and (key, value) != (row.key, stored):
            changes.append({"of_id": row.trial_user_attribute_id, "key": key, "value_json": json.dumps(value)})
    if changes:
        mine = _attributes.c.trial_user_attribute_id == sa.bindparam("of_id")
        connection.execute(_attributes.update().where(mine), changes)


def _converted(key: str, value: Any) -> tuple[str, Any]:
    """Return the new key and value of an attribute; of one that version 0.1 has not written, the old ones."""
    if key == _BEST_STEP_ATTR:
        return key, _percent(value)
    if not isinstance(value, dict):
        return key, value
    if key == EFFECTIVE_ATTR and isinstance(looks := value.get("evaluations"), list):
        return key, {**value, "evaluations": [_percent(look) for look in looks]}
    if (found := re.fullmatch(rf"{EVALUATION_ATTR}([0-9]{{2}})", key)) and "step" in value:
        number = int(found[1]) * _PERCENTS_PER_TENTH
        return f"{EVALUATION_ATTR}{number:03d}", {**value, "step": _percent(value["step"])}
    return key, value


def _percent(tenth: Any) -> Any:
    """Return a tenth in percents; a value that can be no step as it is."""
    return tenth * _PERCENTS_PER_TENTH if type(tenth) is int and 1 <= tenth <= _MAX_STEP else tenth


def _parsed(text: str | None) -> Any:
    """Return the JSON value of a text; None if the text is none, which other programs may have written."""
    try:
        return None if text is None else json.loads(text)
    except (RecursionError, ValueError):
        return None
