"""What a supervisor tells whoever watches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from storage import TrialState
from tuner.trial.evaluation import Evaluation


@dataclass(frozen=True, kw_only=True)
class Began:
    """A study's trials are about to run."""

    study: str
    direction: str
    metric: str
    #: The budget, and how many of its trials are over already.
    trials: int
    finished: int
    lanes: int
    #: Number and value of the best trial so far.
    best: tuple[int, float] | None = None


@dataclass(frozen=True, kw_only=True)
class TrialStarted:
    """A trial begins, or begins again."""

    number: int
    lane: int
    device: str
    hyperparameters: Mapping[str, Any]
    again: bool
    #: Optimiser steps that it has done already, where it goes on from a checkpoint.
    optimiser_steps: int | None = None


@dataclass(frozen=True, kw_only=True)
class TrialEvaluated:
    """A trial was evaluated."""

    number: int
    evaluation: Evaluation


@dataclass(frozen=True, kw_only=True)
class TrialEnded:
    """A trial is over: complete, pruned, failed, or interrupted and to go on later."""

    number: int
    state: TrialState
    value: float | None
    reason: str | None
    #: Seconds of this attempt.
    seconds: float
    #: Trials that are over.
    finished: int


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something that a person should know."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Edited(Notice):
    """Somebody has changed the study while it runs."""

    #: The budget.
    trials: int


Event: TypeAlias = Began | TrialStarted | TrialEvaluated | TrialEnded | Notice


class Watcher(Protocol):
    """Is told of every event, in order."""

    def __call__(self, event: Event) -> None:
        """Take one event."""
