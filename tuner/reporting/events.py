"""The events that a supervisor reports while it runs trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from storage import TrialState
from tuner.processes.messages import Progressed
from tuner.trial.evaluation import Evaluation

if TYPE_CHECKING:
    from tuner.machine.devices import Device


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A complete trial among the others."""

    number: int
    value: float
    #: Device seconds over all attempts; None where they are not known.
    device_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Standings:
    """How the trials of a study stand, on all machines together."""

    #: Trials by state, and the slots in which none has begun.
    counts: Mapping[TrialState, int]
    waiting: int
    #: The best complete trials, the best first.
    leaders: Sequence[Ranked]
    #: Trial 0; None until it is complete.
    recipe: Ranked | None


@dataclass(frozen=True, kw_only=True)
class About:
    """What a study is. It comes first, as far as it is known before the study is set up."""

    study: str
    metric: str
    #: `maximize` or `minimize`.
    direction: str
    #: The end of the model's name; None where the study's own training makes the model.
    model: str | None = None
    #: Rows of the splits by name; none before the data are read.
    sizes: Mapping[str, int] | None = None
    #: Names of the hyperparameters that differ between trials.
    varying: tuple[str, ...] = ()
    #: Whether trial 0 is what the others are compared with.
    has_recipe: bool = True
    #: The budget in trials, and in full runs; None where it has no such part.
    trials: int | None = None
    runs: float | None = None
    #: Seconds during which at least one worker has held a trial.
    gone_s: float = 0.0
    #: Lowest and highest value of the metric that trials have reported so far.
    scale: tuple[float, float] | None = None
    standings: Standings | None = None


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
    #: The devices that the lanes train on.
    devices: tuple[Device, ...] = ()


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
    #: The percent of its schedule from which the trial resumes; None where it starts from the beginning.
    resumed_at: int | None = None
    #: Whether it trains for a while already, as one who comes later sees it.
    has_trained: bool = False
    #: The effective configuration that earlier attempts have recorded.
    effective: Mapping[str, Any] | None = None
    #: The evaluations of earlier attempts, as `Evaluation.to_dict` returned them.
    curve: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True)
class TrialAdvanced:
    """A trial has trained on. It comes about once a second, and only where the number of its steps is known."""

    number: int
    #: Optimiser steps taken, and those of the whole schedule.
    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class TrialSaved:
    """A checkpoint of a trial is in the store, and the database points to it."""

    number: int


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
    #: Of a trial that goes on later: the percent of its schedule at which it does; None where that is not known.
    saved_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class TrialWasOver(TrialEnded):
    """A trial was over before the run began. Trackers alone are told, as one may not know of its end."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A message for the user."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Passing(Notice):
    """A message that is of no use once the command has ended."""


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


#: `Progressed` comes between `About` and `Began`: the study is set up on this machine.
Event: TypeAlias = (
    About
    | Progressed
    | Began
    | Standings
    | TrialStarted
    | TrialAdvanced
    | TrialSaved
    | TrialEvaluated
    | TrialEnded
    | Notice
)


class Watcher(Protocol):
    """Receives every event, in order."""

    def __call__(self, event: Event) -> None:
        """Take one event."""
