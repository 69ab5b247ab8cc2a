"""Weights & Biases: a project for each study. Its environment variables hold, `WANDB_MODE=offline` among them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wandb

from tuner.reporting.trackers.tracker import OVER, Ending, Point, TrackedRun, Tracker

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENDS = ("complete", "pruned", "failed")


class WeightsAndBiases(Tracker):
    """Runs whose ids are the names of the trials' runs, so that the service goes on with one that it has."""

    def open(self, number: int, hyperparameters: Mapping[str, Any]) -> TrackedRun:
        """Begin or resume a run; see `Tracker.open`."""
        settings = wandb.Settings(
            console="off",
            silent=True,
            disable_code=True,
            disable_git=True,
            # The numbers of the machine would be those of the supervisor, which computes nothing.
            x_disable_stats=True,
        )
        return _Run(
            wandb.init(
                project=self.study.name,
                id=self.study.run_name(number),
                name=f"trial {number}",
                config=dict(hyperparameters),
                resume="allow",
                reinit="create_new",  # several lanes have a run each
                settings=settings,
            )
        )

    def is_over(self, number: int) -> bool:
        """Return whether a folder of this machine is marked, or the service has the end; see `Tracker.is_over`."""
        name = self.study.run_name(number)
        settings = wandb.setup().settings
        if any(Path(settings.wandb_dir).glob(f"*run-*-{name}/{OVER}")):
            return True
        return settings.mode not in ("offline", "dryrun") and name in self._over

    @cached_property
    def _over(self) -> frozenset[str]:
        try:
            runs = wandb.Api().runs(self.study.name)
            return frozenset(run.id for run in runs if run.summary.get("state") in (*_ENDS,))
        except ValueError:  # there is no such project yet
            return frozenset()

    def close(self) -> None:
        """End the process that sends what was logged."""
        wandb.teardown()


class _Run(TrackedRun):
    def __init__(self, run: Any) -> None:
        self._run = run
        #: The first step that the service does not have. Offline it is always 0, and a folder holds a whole run.
        self._next = run.step

    def has(self, step: int) -> bool:
        return bool(step < self._next)

    def configure(self, effective: Mapping[str, Any]) -> None:
        self._run.config.update({"effective": dict(effective)}, allow_val_change=True)

    def log(self, point: Point) -> None:
        self._run.log(dict(point.values), step=point.step, commit=True)

    def end(self, ending: Ending) -> None:
        self._run.summary.update(ending.words())
        if not ending.goes_on and ending.value is not None:
            self._run.summary["value"] = ending.value
        folder = Path(self._run.dir).parent
        self._run.finish(exit_code=1 if ending.state == "failed" else 0)
        if not ending.goes_on and folder.is_dir():
            (folder / OVER).touch()

    def leave(self) -> None:
        self._run.finish()


TRACKER = WeightsAndBiases
