"""Frozen copies of the database's rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.keys import is_head, parse_key
from storage.states import SlotState, StudyState, TrialState


@dataclass(frozen=True, kw_only=True)
class StudyRecord:
    """A study and its stored configuration."""

    id: int
    name: str
    #: The study file, with all defaults filled in.
    config: Mapping[str, Any]
    #: Values determined when the study was created, which every later run must share, such as fingerprints.
    facts: Mapping[str, Any]
    state: StudyState
    #: Seconds during which at least one worker held a trial.
    wall_s: float


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to train the trial of a slot. It ends when another worker claims the slot with a later attempt."""

    study_id: int
    slot: int
    owner: str
    attempt: int


@dataclass(frozen=True, kw_only=True)
class CheckpointRef:
    """The database's pointer to a checkpoint in the store."""

    #: Path of the checkpoint below the study's folder.
    key: str
    #: Digest of the checkpoint's manifest, which contains the digests of the files.
    sha256: str
    #: Total bytes of the files.
    bytes: int
    #: Optimiser steps done when the checkpoint was written.
    optimiser_steps: int
    #: Best weights only: value of their evaluation.
    value: float | None = None
    #: Best weights only: the step that their evaluation ended.
    step: int | None = None

    @classmethod
    def from_dict(cls, stored: Any) -> CheckpointRef | None:
        """Build from the JSON values of `to_dict`; None if they are not valid, for example if the key is not one."""
        try:
            ref = cls(**{_FIELDS[name]: value for name, value in stored.items()})
        except (AttributeError, KeyError, TypeError):
            return None
        numbers = (ref.bytes, ref.optimiser_steps, *([] if ref.step is None else [ref.step]))
        counts = all(type(number) is int and 0 <= number < 1 << 63 for number in numbers)
        value = ref.value is None or type(ref.value) in (int, float)
        return ref if counts and value and isinstance(ref.sha256, str) and parse_key(ref.key) else None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values by the names that the database stores; see `_FIELDS`."""
        return {name: getattr(self, field) for name, field in _FIELDS.items()}


#: Fields of `CheckpointRef` by their names in the stored JSON. Version 0.1 chose these names; there `step` means the
#: optimiser steps and `tenth` means the step, which was a tenth of the schedule then and is a percent now.
_FIELDS = {
    "key": "key",
    "sha256": "sha256",
    "bytes": "bytes",
    "step": "optimiser_steps",
    "value": "value",
    "tenth": "step",
}


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """The checkpoints of a trial that are in the store."""

    #: Checkpoints to resume from, newest first; at most two.
    resume: tuple[CheckpointRef, ...] = ()
    #: Weights of the best evaluation.
    best: CheckpointRef | None = None

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any] | None) -> Checkpoints:
        """Build from the JSON values of `to_dict`. Invalid entries are left out, as if the checkpoint were lost."""
        if not isinstance(stored, Mapping):
            return cls()
        resume = stored.get("resume")
        refs = [CheckpointRef.from_dict(entry) for entry in resume] if isinstance(resume, list) else []
        return cls(resume=tuple(ref for ref in refs if ref), best=CheckpointRef.from_dict(stored.get("best")))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"resume": [ref.to_dict() for ref in self.resume], "best": self.best.to_dict() if self.best else None}

    @property
    def refs(self) -> tuple[CheckpointRef, ...]:
        """All the checkpoints."""
        return (*self.resume, *([self.best] if self.best else []))

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all the checkpoints."""
        return tuple(ref.key for ref in self.refs)

    @property
    def bytes(self) -> int:
        """Total bytes of all the checkpoints."""
        return sum(ref.bytes for ref in self.refs)


@dataclass(frozen=True, kw_only=True)
class HeadRecord:
    """The fitted head of a study in the checkpoint store."""

    key: str
    #: Digest of its manifest.
    sha256: str
    #: Value of the study's metric by cross-validation; None where it is no finite number.
    value: float | None

    @classmethod
    def parse(cls, stored: Any) -> HeadRecord | None:
        """Build from the JSON values of `to_dict`; None where there is no head, or the values are not those of one."""
        if not isinstance(stored, Mapping):
            return None
        key, sha256, value = stored.get("key"), stored.get("sha256"), stored.get("value")
        is_value = value is None or (type(value) in (int, float) and math.isfinite(value))
        if not is_head(key) or not isinstance(key, str) or not isinstance(sha256, str) or not is_value:
            return None
        return cls(key=key, sha256=sha256, value=value)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"key": self.key, "sha256": self.sha256, "value": self.value}


@dataclass(frozen=True, kw_only=True)
class SlotRecord:
    """A slot: one row of the budget, with the trial in it and the lease of that trial."""

    slot: int
    state: SlotState
    trial_id: int | None
    trial_number: int | None
    owner: str | None
    #: Number of claims of the slot so far.
    attempt: int
    #: Whether the owner's lease has not expired and its process is not known to have ended.
    held: bool
    #: Crashes that count against `max_restarts`.
    crashes: int
    #: Device seconds over all attempts, counted up to the last renewal of the lease.
    device_s: float
    checkpoints: Checkpoints
    #: Why the trial was last interrupted, paused or shelved.
    reason: str | None
    #: The percent of its schedule at which the trial may first be shelved; None where it may not, or is not known yet.
    first_rung: int | None = None
    #: The percent of its schedule up to which the trial may train now; None for the whole schedule.
    target: int | None = None
    #: Of a search over depths, the arm of the trial; None before a decision has given the slot one.
    arm: str | None = None
    #: Bytes in the store, of checkpoints that the slot names and of those that are still to be removed.
    stored_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class SlotTotals:
    """Totals over the slots of a study."""

    slots: int
    finished: int
    #: Device seconds of all trials, counted up to the last renewal of each lease.
    device_s: float


@dataclass(frozen=True, kw_only=True)
class DeviceTime:
    """The device time of a trial."""

    #: Its number.
    trial: int
    #: The kind of device that it has recorded; None where it has recorded none.
    kind: str | None
    #: Seconds over all attempts.
    device_s: float


@dataclass(frozen=True, kw_only=True)
class WorkerRecord:
    """One lane of a supervisor whose heartbeat has not expired."""

    owner: str
    lane: int
    host: str
    pid: int
    device: str
    #: Number of the trial that the lane trains; None while it waits.
    trial: int | None
    #: Seconds since the supervisor's last heartbeat.
    beat_age_s: float


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """The current state and results of a trial, from Optuna's tables and its slot."""

    number: int
    state: TrialState
    #: The best evaluation's value if the trial is complete; otherwise the last reported value.
    value: float | None
    #: Why the trial was pruned, failed or interrupted.
    reason: str | None
    hyperparameters: Mapping[str, Any]
    #: Step and value of each evaluation, in order. A step is a percent of the trial's own schedule.
    steps: tuple[tuple[int, float], ...]
    #: Device seconds over all attempts.
    device_s: float
    #: Number of attempts after the first.
    restarts: int
    #: Its checkpoints that are in the store.
    checkpoints: Checkpoints
    #: Effective settings: learning rates of the parameter groups, dropout of the modules, optimiser steps.
    effective: Mapping[str, Any] | None
    #: Losses and metrics of each evaluation, in order.
    evaluations: tuple[Mapping[str, Any], ...]
    #: Times when the trial began and ended, ISO 8601 in UTC.
    started: str | None
    ended: str | None


@dataclass(frozen=True, kw_only=True)
class EventRecord:
    """One line of the event log."""

    id: int
    #: Seconds since 1970 on the database's clock.
    moment: float
    kind: str
    slot: int | None
    trial: int | None
    attempt: int | None
    owner: str | None
    #: Reports only: the step that the evaluation ended.
    step: int | None
    #: Checkpoints only: optimiser steps done when the checkpoint was written.
    optimiser_steps: int | None
    value: float | None
    detail: str | None
