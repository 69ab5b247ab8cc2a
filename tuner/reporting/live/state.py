"""What the live view shows at one moment: frozen values, from which each part is drawn by a pure function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from storage import TrialState
from tuner.reporting.events import About, Ranked


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage of the preparation."""

    name: str
    #: The amount done, and the whole amount; 0 where it is not known.
    done: int
    total: int
    #: Seconds that the stage has taken.
    seconds: float


@dataclass(frozen=True, kw_only=True)
class RunningTrial:
    """A trial that a worker trains now."""

    number: int
    #: The worker's device, such as `cuda:0`; the CPU's lanes are numbered.
    where: str
    #: Percent of its own schedule that it has trained.
    percent: float
    #: Step and value of each evaluation of all attempts, in order.
    curve: tuple[tuple[int, float], ...]
    hyperparameters: Mapping[str, Any]
    #: Frozen layers of all layers, such as `1/2`; None before the trial has recorded them.
    frozen: str | None
    #: The percent at which this attempt went on; None for the first attempt.
    resumed_at: int | None
    #: Seconds of this attempt.
    seconds: float


@dataclass(frozen=True, kw_only=True)
class EndedTrial:
    """A trial that has left its worker."""

    number: int
    state: TrialState
    #: The percent of its schedule that it had reached; None where it had no evaluation.
    percent: int | None
    value: float | None
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class Message:
    """A notice, and the time of day at which it came, such as `13:24`."""

    moment: str
    text: str
    #: Whether it is of no use once the command has ended.
    is_passing: bool = False


@dataclass(frozen=True, kw_only=True)
class LiveState:
    """What the live view shows at one moment."""

    #: None before anything is known of the study.
    about: About | None
    #: Stages of the preparation, the current one last; none once trials run.
    stages: tuple[Stage, ...] = ()
    #: Seconds since the command began.
    seconds: float = 0.0
    #: Seconds until the study is over, as far as can be told.
    left_s: float | None = None
    #: Trials that are over, and the budget in trials; None where their number has no bound.
    finished: int = 0
    trials: int | None = None
    #: Full runs that are spent; None where they are not known.
    spent: float | None = None
    running: tuple[RunningTrial, ...] = ()
    #: Lowest and highest value of the metric so far: the scale of every curve.
    scale: tuple[float, float] | None = None
    leaders: tuple[Ranked, ...] = ()
    recipe: Ranked | None = None
    #: Trials that have ended, the last one first.
    ended: tuple[EndedTrial, ...] = ()
    counts: Mapping[TrialState, int] = field(default_factory=dict)
    waiting: int = 0
    #: Seconds since the last checkpoint; None before the first.
    saved_s: float | None = None
    #: What the search has decided last.
    search: str | None = None
    messages: tuple[Message, ...] = ()
    #: The use of the devices, one text for each.
    devices: tuple[str, ...] = ()
    #: What the keys do, and which command comes next.
    hint: str = ""
