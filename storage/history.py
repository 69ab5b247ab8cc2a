"""Reads the trials of a study with plain SQL, because opening Optuna's storage takes a second."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from storage import tables
from storage.errors import TrialNotFound
from storage.fencing import seconds_since_seen
from storage.parameter_names import plain_name
from storage.records import Checkpoints, DeviceTime, SlotRecord, TrialRecord
from storage.slot_reader import SlotReader, held_now
from storage.states import SlotState, TrialState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage.database import Database
    from storage.records import StudyRecord

#: Names of user attributes of Optuna's trials. All are written before the trial ends.
EFFECTIVE_ATTR = "effective"
REASON_ATTR = "reason"
#: The kind of device on which the trial was trained last, as the effective configuration names it. It stands by itself
#: too, so that device seconds are summed by kind without reading the effective configuration of every trial.
DEVICE_ATTR = "device_name"
#: Prefix; the step follows, in three digits.
EVALUATION_ATTR = "evaluation:"
#: System attributes of a trial: a step, and the rows that are right there, as `tuner.trial.row_bits.packed` has them.
LAST_ROWS_ATTR, BEST_ROWS_ATTR = "tuner:rows:last", "tuner:rows:best"

_attributes = sa.table("trial_user_attributes", sa.column("trial_id"), sa.column("key"), sa.column("value_json"))
#: No trial has a higher number: the column is an integer of 32 bits.
_LAST_NUMBER = 2**31 - 1
#: States of ended trials, by the state's name in Optuna's table.
_ENDS = {"COMPLETE": TrialState.COMPLETE, "PRUNED": TrialState.PRUNED, "FAIL": TrialState.FAILED}


#: States of trials that no worker holds, by the states of their slots; others are interrupted.
_OF_SLOTS = {SlotState.PAUSED: TrialState.PAUSED, SlotState.SHELVED: TrialState.SHELVED}
#: States of trials that no worker holds and that are not over: their slots say why.
_WAITING = (TrialState.INTERRUPTED, TrialState.PAUSED, TrialState.SHELVED)


class History:
    """Reads the trials of one study, their results and their order."""

    def __init__(self, database: Database, study: StudyRecord) -> None:
        self._database = database
        self._study = study

    @property
    def direction(self) -> str:
        """`maximize` or `minimize`."""
        return str(self._study.config["metric"]["direction"])

    def trials(self) -> list[TrialRecord]:
        """Return every trial that has begun, by number."""
        return self._trials()

    def first(self) -> TrialRecord | None:
        """Return trial 0; None where it has not begun. Cheap: reads no other trial."""
        return next(iter(self._trials(0)), None)

    def _trials(self, number: int | None = None) -> list[TrialRecord]:
        reader = SlotReader(self._database, self._study.id)
        with self._database.read() as connection:
            # Both from one snapshot: a trial that begins or ends between the two queries would look interrupted.
            slots = {slot.trial_id: slot for slot in reader.all(connection, trial=number)}
            rows = self._rows(connection, number)
        return [_trial(row, slots.get(row["trial_id"])) for row in rows]

    def device_seconds(self) -> dict[str | None, float]:
        """Return the device seconds of the begun trials, by the kind of device that they have recorded. Cheap.

        The seconds of trials that have recorded none, or none by itself as those of version 0.1, are those of None.
        """
        found: dict[str | None, float] = defaultdict(float)
        for each in self.device_times():
            found[each.kind] += each.device_s
        return dict(found)

    def device_times(self) -> list[DeviceTime]:
        """Return the device time of each begun trial, that of running trials counted up to now. Cheap."""
        slots = tables.slots.c
        running = sa.case((held_now(), seconds_since_seen()), else_=0.0)
        is_its_device = sa.and_(_attributes.c.trial_id == slots.trial_id, _attributes.c.key == DEVICE_ATTR)
        query = (
            sa.select(slots.trial_number, _attributes.c.value_json, (slots.device_s + running).label("seconds"))
            .select_from(tables.slots.outerjoin(_attributes, is_its_device))
            .where(slots.study_id == self._study.id, slots.trial_id.is_not(None))
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            DeviceTime(
                trial=row.trial_number,
                kind=None if row.value_json is None else str(json.loads(row.value_json)),
                device_s=float(row.seconds),
            )
            for row in rows
        ]

    def counts(self) -> dict[TrialState, int]:
        """Return the number of trials by state, without states that no trial is in. Cheap: reads few rows."""
        ended = sa.text(
            "SELECT state, count(*) AS trials FROM trials "
            "WHERE study_id = :study AND state IN ('COMPLETE', 'PRUNED', 'FAIL') GROUP BY state"
        )
        running = sa.text("SELECT trial_id FROM trials WHERE study_id = :study AND state = 'RUNNING'")
        study = {"study": self._study.id}
        with self._database.read() as connection:
            counts = Counter({_ENDS[row.state]: int(row.trials) for row in connection.execute(ended, study)})
            if trials := connection.execute(running, study).scalars().all():
                slots = {slot.trial_id: slot for slot in SlotReader(self._database, self._study.id).begun(connection)}
                counts.update(_unfinished(slots.get(trial)) for trial in trials)
        return dict(counts)

    def trial(self, number: int) -> TrialRecord:
        """Return one trial.

        Raises:
            TrialNotFound: There is no trial of that number.
        """
        if 0 <= number <= _LAST_NUMBER and (found := self._trials(number)):
            return found[0]
        trials = self.trials()
        last = f"the last is {trials[-1].number}" if trials else "there is none yet"
        raise TrialNotFound(f"study {self._study.name!r} has no trial {number}; {last}")

    def best(self, trials: Iterable[TrialRecord] | None = None) -> TrialRecord | None:
        """Return the complete trial with the best value; None if no trial is complete. Of equals, the first wins.

        Args:
            trials: The trials to compare; None compares all trials of the study.
        """
        return next(iter(self.ranked(trials)), None)

    def ranked(self, trials: Iterable[TrialRecord] | None = None) -> list[TrialRecord]:
        """Return the complete trials, best first; equal values by number.

        Args:
            trials: The trials to rank; None ranks all trials of the study.
        """
        sign = -1.0 if self.direction == "maximize" else 1.0
        complete = [
            (sign * trial.value, trial.number, trial)
            for trial in (self.trials() if trials is None else trials)
            if trial.state == TrialState.COMPLETE and trial.value is not None
        ]
        return [trial for _, _, trial in sorted(complete, key=lambda entry: entry[:2])]

    def top(self, count: int | None = None) -> list[tuple[int, float]]:
        """Return number and value of the `count` best complete trials, best first; None returns all complete trials.

        Equal values are ordered by number. Cheap: reads no other columns.
        """
        query = sa.text(
            "SELECT t.number, v.value, v.value_type FROM trials t JOIN trial_values v USING (trial_id) "
            "WHERE t.study_id = :study AND t.state = 'COMPLETE' AND v.objective = 0"
        )
        with self._database.read() as connection:
            rows = connection.execute(query, {"study": self._study.id}).all()
        sign = -1.0 if self.direction == "maximize" else 1.0
        values = [(row.number, read_number(row.value, row.value_type)) for row in rows]
        return sorted(values, key=lambda entry: (sign * entry[1], entry[0]))[:count]

    def value_range(self) -> tuple[float, float] | None:
        """Return the lowest and the highest finite value that any trial has reported; None where there is none. Cheap.

        It reads one number of each evaluation.
        """
        query = sa.text(
            "SELECT min(i.intermediate_value) AS low, max(i.intermediate_value) AS high "
            "FROM trial_intermediate_values i JOIN trials USING (trial_id) "
            "WHERE study_id = :study AND i.intermediate_value_type = 'FINITE'"
        )
        with self._database.read() as connection:
            row = connection.execute(query, {"study": self._study.id}).one()
        return None if row.low is None else (float(row.low), float(row.high))

    def labelled(self, label: str) -> frozenset[int]:
        """Return the numbers of the trials whose reason begins with a label, as in `twin: ...`. Cheap."""
        query = sa.text(
            "SELECT t.number FROM trials t JOIN trial_user_attributes a USING (trial_id) "
            "WHERE t.study_id = :study AND a.key = :key AND a.value_json LIKE :label"
        )
        asked = {"study": self._study.id, "key": REASON_ATTR, "label": f'"{label}:%'}
        with self._database.read() as connection:
            return frozenset(connection.execute(query, asked).scalars())

    def right_rows(self, count: int) -> dict[int, str]:
        """Return the rows that the `count` best complete trials get right at their best evaluation, by number.

        Trials of which they are not known are left out.
        """
        query = sa.text(
            "SELECT t.number, a.value_json FROM trials t JOIN trial_system_attributes a USING (trial_id) "
            "WHERE t.study_id = :study AND t.state = 'COMPLETE' AND a.key = :key"
        )
        asked = {"study": self._study.id, "key": BEST_ROWS_ATTR}
        wanted = {number for number, _ in self.top(count)}
        with self._database.read() as connection:
            found = {row.number: _json(row.value_json) for row in connection.execute(query, asked)}
        return {
            number: entry["rows"]
            for number, entry in found.items()
            if number in wanted and isinstance(entry, Mapping) and isinstance(entry.get("rows"), str)
        }

    def _rows(self, connection: sa.Connection, number: int | None) -> list[dict[str, Any]]:
        """Return the rows of the begun trials, or of the one with a number."""
        first, last = (0, _LAST_NUMBER) if number is None else (number, number)
        asked = {"study": self._study.id, "first": first, "last": last}
        query = sa.text(
            "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials "
            "WHERE study_id = :study AND number BETWEEN :first AND :last AND state <> 'WAITING' ORDER BY number"
        )
        trials = {
            row.trial_id: {**row._mapping, "params": {}, "values": [], "steps": [], "attrs": {}}
            for row in connection.execute(query, asked)
        }
        parts = {
            "params": "SELECT p.trial_id, p.param_name AS k, p.param_value AS v, p.distribution_json AS kind "
            "FROM trial_params p JOIN trials USING (trial_id) "
            "WHERE study_id = :study AND number BETWEEN :first AND :last ORDER BY p.param_id",
            "attrs": "SELECT a.trial_id, a.key AS k, a.value_json AS v, NULL AS kind "
            "FROM trial_user_attributes a JOIN trials USING (trial_id) "
            "WHERE study_id = :study AND number BETWEEN :first AND :last",
            "values": "SELECT v.trial_id, NULL AS k, v.value AS v, v.value_type AS kind "
            "FROM trial_values v JOIN trials USING (trial_id) "
            "WHERE study_id = :study AND number BETWEEN :first AND :last AND objective = 0",
            "steps": "SELECT i.trial_id, i.step AS k, i.intermediate_value AS v, i.intermediate_value_type AS kind "
            "FROM trial_intermediate_values i JOIN trials USING (trial_id) "
            "WHERE study_id = :study AND number BETWEEN :first AND :last ORDER BY i.step",
        }
        decoded: dict[str, Any] = defaultdict(dict)
        for part, sql in parts.items():
            for row in connection.execute(sa.text(sql), asked):
                if row.trial_id not in trials:
                    continue
                if part == "params":
                    trials[row.trial_id]["params"][plain_name(row.k)] = _parameter(row.v, row.kind, decoded)
                elif part == "attrs":
                    trials[row.trial_id]["attrs"][row.k] = _json(row.v)
                elif part == "values":
                    trials[row.trial_id]["values"].append(read_number(row.v, row.kind))
                else:
                    trials[row.trial_id]["steps"].append((row.k, read_number(row.v, row.kind)))
        return list(trials.values())


def _trial(row: dict[str, Any], slot: SlotRecord | None) -> TrialRecord:
    state = _ENDS.get(row["state"]) or _unfinished(slot)
    steps = tuple(row["steps"])
    value = row["values"][0] if row["values"] else None
    if state != TrialState.COMPLETE:
        value = steps[-1][1] if steps else None
    attrs = row["attrs"]
    return TrialRecord(
        number=row["number"],
        state=state,
        value=value,
        reason=slot.reason if slot and state in _WAITING else attrs.get(REASON_ATTR),
        hyperparameters=row["params"],
        steps=steps,
        device_s=slot.device_s if slot else 0.0,
        restarts=max(0, slot.attempt - 1) if slot else 0,
        checkpoints=slot.checkpoints if slot else Checkpoints(),
        effective=attrs.get(EFFECTIVE_ATTR),
        evaluations=_evaluations(attrs),
        started=_iso(row["datetime_start"]),
        ended=_iso(row["datetime_complete"]),
    )


def _evaluations(attributes: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return the evaluations among a trial's attributes, by step. Entries of other programs are left out."""
    entries = [value for key, value in attributes.items() if key.startswith(EVALUATION_ATTR)]
    sound = [entry for entry in entries if isinstance(entry, Mapping) and type(entry.get("step")) is int]
    return tuple(sorted(sound, key=lambda entry: int(entry["step"])))


def _json(text: str) -> Any:
    """Return the JSON value of a text; None if the text is none, which another program may have written."""
    try:
        return json.loads(text)
    except (RecursionError, ValueError):
        return None


def _unfinished(slot: SlotRecord | None) -> TrialState:
    """Return the state of a trial that Optuna calls RUNNING. Optuna does not know leases; the slot does."""
    if slot is None:
        return TrialState.INTERRUPTED
    if slot.held:
        return TrialState.RUNNING
    return _OF_SLOTS.get(slot.state, TrialState.INTERRUPTED)


def _parameter(value: float, distribution: str, decoded: dict[str, Any]) -> Any:
    known = decoded[distribution] or json.loads(distribution)
    decoded[distribution] = known
    if known["name"] == "CategoricalDistribution":
        return known["attributes"]["choices"][int(value)]
    return int(value) if known["name"] == "IntDistribution" else value


def read_number(value: float | None, kind: str) -> float:
    """Return a value that Optuna has stored with its kind, such as INF_POS; NaN where it stored none."""
    if kind == "INF_POS":
        return float("inf")
    if kind == "INF_NEG":
        return float("-inf")
    return float("nan") if value is None else value


def _iso(moment: object) -> str | None:
    # SQLite hands out text, PostgreSQL a datetime; Optuna 5 stores naive UTC.
    return None if moment is None else str(moment).replace(" ", "T").split(".")[0] + "Z"
