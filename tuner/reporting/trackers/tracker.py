"""The interface of all trackers. Each of them is used by one process of its own, so it may block, print or crash."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage import TrialState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuner.study.trackers import TrackedStudy, TrackerName

#: File that marks a folder of a run that has ended.
OVER = "over"


@dataclass(frozen=True, kw_only=True)
class Point:
    """An evaluation of a trial, as numbers by name."""

    #: Optimiser steps before it.
    step: int
    values: Mapping[str, float]

    @classmethod
    def of(cls, entry: Mapping[str, Any], metric: str) -> Point:
        """Return the point of an evaluation.

        Args:
            entry: The evaluation, as `Evaluation.to_dict` returned it. One of another program has a step and a value.
            metric: Name of the study's metric.
        """
        names = ("train_loss", "validation_loss", "learning_rate", "epoch")
        values = {name: float(entry[name]) for name in names if name in entry}
        values |= {**entry.get("metrics", {}), "percent": float(entry["step"]), metric: float(entry["value"])}
        return cls(step=int(entry.get("optimiser_steps", entry["step"])), values=values)


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How an attempt at a trial has ended."""

    state: TrialState
    #: The trial's value; None where it has none.
    value: float | None
    #: Why it ended so, for people; None where there is nothing to say.
    reason: str | None

    @property
    def goes_on(self) -> bool:
        """Whether the trial goes on later, here or on another machine."""
        return not self.state.is_over

    def words(self) -> dict[str, str]:
        """Return state and reason, as far as there is one."""
        return {"state": str(self.state), **({"reason": self.reason} if self.reason else {})}


class TrackedRun(ABC):
    """The run of one trial, open in this process until `end` or `leave`."""

    def has(self, step: int) -> bool:
        """Return whether the tracker had the point of an optimiser step already when the run was opened."""
        return False

    @abstractmethod
    def configure(self, effective: Mapping[str, Any]) -> None:
        """Add the effective configuration, as JSON values. It comes before the first point, and at most once."""

    @abstractmethod
    def log(self, point: Point) -> None:
        """Add a point. Steps grow."""

    @abstractmethod
    def end(self, ending: Ending) -> None:
        """Add state and value, and close the run here. A trial that goes on opens it again."""

    def leave(self) -> None:  # noqa: B027 (most runs have nothing to close)
        """Close the run here as it is: another worker may go on with it."""


class Tracker(ABC):
    """A tracker of one study. Its runs are named by `TrackedStudy.run_name`, so that a run that exists goes on.

    Args:
        study: The study.
    """

    def __init__(self, study: TrackedStudy) -> None:
        self.study = study

    @abstractmethod
    def open(self, number: int, hyperparameters: Mapping[str, Any]) -> TrackedRun:
        """Open the run of a trial; go on with it where the tracker knows it.

        Args:
            number: The trial.
            hyperparameters: Its values, by name.
        """

    @abstractmethod
    def is_over(self, number: int) -> bool:
        """Return whether the tracker knows how a trial has ended, or cannot say. Cheap for one trial of many."""

    def close(self) -> None:  # noqa: B027 (most trackers have nothing to close)
        """Send what is left."""


def new_tracker(name: TrackerName, study: TrackedStudy) -> Tracker:
    """Return a tracker by its name in the study file. This imports its library."""
    module = importlib.import_module(f"tuner.reporting.trackers.{name}")
    tracker: Tracker = module.TRACKER(study)
    return tracker


def flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return nested JSON values as plain ones by dotted names; a list becomes its text."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= flat(value, f"{before}{name}.")
        else:
            found[f"{before}{name}"] = value if isinstance(value, bool | int | float | str) else str(value)
    return found
