"""Frozen copies of what the database holds, handed to readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.keys import parse_key
from storage.states import SlotState, StudyState, TrialState


@dataclass(frozen=True, kw_only=True)
class StudyRecord:
    """A study and its stored configuration."""

    id: int
    name: str
    #: The study file, complete with its defaults.
    config: Mapping[str, Any]
    #: What was worked out once, when the study was created.
    facts: Mapping[str, Any]
    state: StudyState
    #: Seconds during which some worker held a trial.
    wall_s: float


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to a slot: whoever holds it trains its trial, until somebody else has a later attempt."""

    study_id: int
    slot: int
    owner: str
    attempt: int


@dataclass(frozen=True, kw_only=True)
class CheckpointRef:
    """A checkpoint in the store, as the database names it."""

    #: Its place below the study's root.
    key: str
    #: Digest of its manifest, which holds those of its files.
    sha256: str
    bytes: int
    #: Optimiser steps done when it was written.
    optimiser_steps: int
    #: Of best weights: value and step of the evaluation.
    value: float | None = None
    step: int | None = None

    @classmethod
    def from_dict(cls, stored: Any) -> CheckpointRef | None:
        """Build from what `to_dict` returned; None where it is nothing of ours, such as a key that is no key."""
        try:
            ref = cls(**{_FIELDS[name]: value for name, value in stored.items()})
        except (AttributeError, KeyError, TypeError):
            return None
        numbers = (ref.bytes, ref.optimiser_steps, *([] if ref.step is None else [ref.step]))
        counts = all(type(number) is int and 0 <= number < 1 << 63 for number in numbers)
        value = ref.value is None or type(ref.value) in (int, float)
        return ref if counts and value and isinstance(ref.sha256, str) and parse_key(ref.key) else None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values, by the names that they are stored under."""
        return {name: getattr(self, field) for name, field in _FIELDS.items()}


#: The fields of a `CheckpointRef` by the names that they are stored under since version 0.1, which called both of the
#: last two a step.
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
    """What a trial has in the store."""

    #: To go on from, newest first; at most two.
    resume: tuple[CheckpointRef, ...] = ()
    #: The weights of the best evaluation.
    best: CheckpointRef | None = None

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any] | None) -> Checkpoints:
        """Build from what `to_dict` returned. What nobody of ours can have written is left out, as if it were lost."""
        if not isinstance(stored, Mapping):
            return cls()
        resume = stored.get("resume")
        refs = [CheckpointRef.from_dict(entry) for entry in resume] if isinstance(resume, list) else []
        return cls(resume=tuple(ref for ref in refs if ref), best=CheckpointRef.from_dict(stored.get("best")))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"resume": [ref.to_dict() for ref in self.resume], "best": self.best.to_dict() if self.best else None}

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all of them."""
        return tuple(ref.key for ref in (*self.resume, *([self.best] if self.best else [])))


@dataclass(frozen=True, kw_only=True)
class SlotRecord:
    """One place in the budget, and the trial in it."""

    slot: int
    state: SlotState
    trial_id: int | None
    trial_number: int | None
    owner: str | None
    #: How often the trial was begun.
    attempt: int
    #: Whether its owner's lease has not expired.
    held: bool
    crashes: int
    device_s: float
    checkpoints: Checkpoints
    #: Why its trial is, or was last, interrupted.
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class SlotTotals:
    """What the slots of a study add up to."""

    slots: int
    finished: int
    #: Seconds of one device, of all trials, as far as they are counted.
    device_s: float


@dataclass(frozen=True, kw_only=True)
class WorkerRecord:
    """One lane of a supervisor that has shown a sign of life."""

    owner: str
    lane: int
    host: str
    pid: int
    device: str
    #: Number of the trial that it trains, or None while it waits.
    trial: int | None
    #: Seconds since its last sign of life.
    beat_age_s: float


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """One trial as it stands."""

    number: int
    state: TrialState
    #: The best evaluation of a complete trial, the last report of a pruned one.
    value: float | None
    #: Why it was pruned, failed or interrupted.
    reason: str | None
    hyperparameters: Mapping[str, Any]
    #: (tenth of the trial's schedule, value) of each evaluation, in order.
    steps: tuple[tuple[int, float], ...]
    #: Seconds of one device, over all attempts.
    device_s: float
    #: Times that the trial was begun again.
    restarts: int
    #: What it has in the store.
    checkpoints: Checkpoints
    #: What was trained: rates of the parameter groups, dropout of the modules, steps.
    effective: Mapping[str, Any] | None
    #: Losses and metrics of each evaluation, in order.
    evaluations: tuple[Mapping[str, Any], ...]
    #: When it began and ended, ISO 8601 in UTC.
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
    #: Of a report: the tenth of the schedule that its evaluation ends.
    step: int | None
    #: Of a checkpoint: optimiser steps done when it was written.
    optimiser_steps: int | None
    value: float | None
    detail: str | None
