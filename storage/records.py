"""Frozen copies of what the database holds, handed to readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class StudyRecord:
    """A study and its stored configuration."""

    id: int
    name: str
    #: The study file, complete with its defaults.
    config: Mapping[str, Any]
    #: What was worked out once, when the study was created.
    facts: Mapping[str, Any]
    #: Seconds during which some worker ran trials.
    wall_s: float


@dataclass(frozen=True, kw_only=True)
class SlotRecord:
    """One place in the budget, and the trial in it."""

    slot: int
    #: empty, running, interrupted or finished.
    state: str
    trial_id: int | None
    trial_number: int | None
    owner: str | None
    #: How often the trial was begun.
    attempt: int
    crashes: int
    device_s: float
    #: Why its trial is, or was last, interrupted.
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class WorkerRecord:
    """One lane of a supervisor that has shown a sign of life."""

    owner: str
    lane: int
    host: str
    pid: int
    device: str
    #: The number of the trial that it trains.
    trial: int | None
    #: Seconds of the database's clock since its last sign of life.
    beat_age_s: float


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """One trial as it stands."""

    number: int
    #: running, interrupted, complete, pruned or failed.
    state: str
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
    #: What was trained: rates of the parameter groups, dropout of the modules, steps.
    effective: Mapping[str, Any] | None
    #: Losses and metrics of each evaluation, in order.
    evaluations: tuple[Mapping[str, Any], ...]
    #: When it began and ended, ISO 8601 in UTC.
    started: str | None
    ended: str | None
