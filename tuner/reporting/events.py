"""The events that a supervisor reports while it runs trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from storage import TrialState
from tuner.processes.messages import Progressed
from tuner.trial.evaluation import Evaluation


@dataclass(frozen=True, kw_only=True)
class Began:
    """The supervisor is about to run a study's trials."""

    study: str
    direction: str
    metric: str
    #: The budget in trials; None where their number has no bound.
    trials: int | None
    #: How many of them are over already.
    finished: int
    #: How many trials run at a time.
    lanes: int
    #: Number and value of the best trial so far.
    best: tuple[int, float] | None = None


@dataclass(frozen=True, kw_only=True)
class TrialStarted:
    """An attempt at a trial starts."""

    number: int
    lane: int
    device: str
    hyperparameters: Mapping[str, Any]
    #: Whether an earlier attempt has run.
    again: bool
    #: Optimiser steps before the checkpoint that the trial resumes from; None where it starts from the beginning.
    optimiser_steps: int | None = None
    #: The effective configuration that earlier attempts have recorded.
    effective: Mapping[str, Any] | None = None
    #: The evaluations of earlier attempts, as `Evaluation.to_dict` returned them.
    curve: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True)
class TrialEvaluated:
    """A trial was evaluated."""

    number: int
    evaluation: Evaluation
    #: The effective configuration that was recorded last.
    effective: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class TrialEnded:
    """An attempt has ended: the trial is complete, pruned or failed; or it goes on later."""

    number: int
    state: TrialState
    value: float | None
    reason: str | None
    #: Seconds that the attempt has taken.
    seconds: float
    #: How many trials of the study are over.
    finished: int
    #: None where the point that was drawn cannot be trained.
    hyperparameters: Mapping[str, Any] | None = None
    #: The effective configuration that was recorded last.
    effective: Mapping[str, Any] | None = None
    #: The evaluations of all attempts, as `Evaluation.to_dict` returned them.
    curve: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True)
class TrialWasOver(TrialEnded):
    """A trial was over before the run began. Trackers alone are told, as one may not know of its end."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A message for the user."""

    text: str


@dataclass(frozen=True, kw_only=True)
class TrialDropped(Notice):
    """This machine has let go of a trial that another worker holds, or that another program has ended."""

    number: int


@dataclass(frozen=True, kw_only=True)
class Edited(Notice):
    """The study was edited while it runs."""

    #: The new budget in trials; None where their number has no bound.
    trials: int | None


@dataclass(frozen=True, kw_only=True)
class Decided(Notice):
    """The search over depths has made a decision; the text says which and why."""

    #: Full runs that are spent, those that running trials may still spend included; and the budget.
    spent: float
    runs: float


#: `Progressed` comes before `Began`: the study is set up on this machine.
Event: TypeAlias = Progressed | Began | TrialStarted | TrialEvaluated | TrialEnded | Notice


class Watcher(Protocol):
    """Receives every event, in order."""

    def __call__(self, event: Event) -> None:
        """Take one event."""
