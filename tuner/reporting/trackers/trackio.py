"""Trackio: a project for each study, on this machine or in the space that `TRACKIO_SPACE_ID` names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import trackio
from trackio.sqlite_storage import SQLiteStorage

from tuner.reporting.trackers.tracker import Ending, Point, TrackedRun, Tracker

if TYPE_CHECKING:
    from collections.abc import Mapping


class Trackio(Tracker):
    """Runs by name."""

    def open(self, number: int, hyperparameters: Mapping[str, Any]) -> TrackedRun:
        """Begin a run, or resume it; see `Tracker.open`."""
        # `init` would end the run that this thread began before, as another lane may go on with it.
        trackio.context_vars.current_run.set(None)
        return _Run(
            trackio.init(
                self.study.name,
                name=self.study.run_name(number),
                config=dict(hyperparameters),
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
        )

    def is_over(self, number: int) -> bool:
        """Return whether this machine has the end, or runs go to another one; see `Tracker.is_over`."""
        if os.environ.get("TRACKIO_SPACE_ID") or os.environ.get("TRACKIO_SERVER_URL"):
            return True
        return any("state" in row for row in SQLiteStorage.get_logs(self.study.name, self.study.run_name(number)))


class _Run(TrackedRun):
    def __init__(self, run: Any) -> None:
        self._run = run
        #: The first step that the project does not have. Trackio has no other name for it.
        self._next = self._last = run._next_step

    def has(self, step: int) -> bool:
        return bool(step < self._next)

    def configure(self, effective: Mapping[str, Any]) -> None:
        self._run.config["effective"] = dict(effective)  # it is sent with the first point

    def log(self, point: Point) -> None:
        self._last = point.step
        self._run.log(dict(point.values), step=point.step)

    def end(self, ending: Ending) -> None:
        if not ending.goes_on:
            value = {} if ending.value is None else {"value": ending.value}
            # After the last point: a run that is resumed would take a step before it for known.
            self._run.log({**ending.words(), **value}, step=self._last)
        self._run.finish()

    def leave(self) -> None:
        self._run.finish()


TRACKER = Trackio
