"""The cost of a study, estimated before it starts: seconds of its trials from smoke runs, and bytes on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from search_spaces import GRADUAL, Hyperparameters
from tuner.machine.devices import CPU
from tuner.study.setup import SMOKE_ROWS

if TYPE_CHECKING:
    from tuner.processes.trainers import ForkServer
    from tuner.service.smoke import SmokeRun
    from tuner.study.local import LocalStudy
    from tuner.trial.work import Survey, TrialWork


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of a study on this machine."""

    #: By a value of `frozen_layers`, the seconds on the CPU of a trial with the published recipe otherwise. Hidden
    #: states that the trunk cache keeps are not counted as saved.
    trial_s: Mapping[float | str, float]
    #: Most bytes of a trial's resume checkpoint.
    checkpoint_bytes: int
    #: Bytes of the encoded data.
    data_bytes: int
    #: Most bytes that the trunk cache keeps for the study.
    trunk_bytes: int

    @property
    def disk(self) -> dict[str, int]:
        """Bytes by use."""
        return {
            "checkpoint_bytes": self.checkpoint_bytes,
            "data_bytes": self.data_bytes,
            "trunk_bytes": self.trunk_bytes,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the cost as JSON values."""
        trial_s = [{"frozen": frozen, "seconds": round(value, 2)} for frozen, value in self.trial_s.items()]
        return {"trial_s": trial_s, "disk": self.disk}


def depths_of(local_study: LocalStudy) -> list[float | str]:
    """Return the values of `frozen_layers` that the study's trials may have, the least frozen first."""
    found: list[float | str] = [
        value if isinstance(value, str) else float(value)
        for value in local_study.space.parameters["frozen_layers"].extremes()
    ]
    return sorted(dict.fromkeys(found), key=lambda value: (value == GRADUAL, value))


def survey_study(local_study: LocalStudy, fork_server: ForkServer) -> Survey:
    """Find out how much work a trial at each depth would be, with the published recipe otherwise."""
    first = local_study.first_point()
    runs = [
        local_study.run(0, Hyperparameters.from_values({**first, "frozen_layers": frozen}))
        for frozen in depths_of(local_study)
    ]
    found: Survey = fork_server.call("tuner.training.calls:survey_trials", {"runs": runs}, CPU.environment())
    return found


def cost_of(local_study: LocalStudy, survey: Survey, smoke_runs: Sequence[SmokeRun]) -> Cost:
    """Return the cost of a study, from the work of its trials and the speed of its smoke runs."""
    assert local_study.prepared is not None
    rows = min(SMOKE_ROWS, local_study.prepared.sizes["train"])
    validated = min(SMOKE_ROWS, local_study.prepared.sizes["validation"])
    # Each smoke run measures its first evaluation, which allocates memory. The fastest is nearest to a later one.
    evaluations = [run.measured.evaluation_s / validated for run in smoke_runs if run.measured is not None]
    speed = _Speed.of(smoke_runs, rows)
    trial_s = {}
    if speed is not None and evaluations:
        for frozen, work in zip(depths_of(local_study), survey.trials, strict=True):
            if (seconds := speed.seconds(work)) is not None:
                trial_s[frozen] = seconds + work.evaluated_rows * min(evaluations)
    return Cost(
        trial_s=trial_s,
        checkpoint_bytes=max(work.checkpoint_bytes for work in survey.trials),
        data_bytes=_size(local_study.prepared.folder),
        trunk_bytes=survey.trunk_bytes,
    )


@dataclass(frozen=True, kw_only=True)
class _Speed:
    """Seconds of training a row: a straight line over the number of frozen layers, through the measurements."""

    #: Seconds of a row where no layer is frozen.
    unfrozen_s: float
    #: Seconds of a row that one more frozen layer saves.
    saved_s: float
    #: The measured numbers of frozen layers.
    measured: frozenset[int]
    #: Seconds of a row in the fastest measurement. The line may not fall below it.
    least_s: float

    @classmethod
    def of(cls, smoke_runs: Sequence[SmokeRun], rows: int) -> _Speed | None:
        """Return the line, or None where nothing was measured.

        Args:
            smoke_runs: The smoke runs.
            rows: Training rows of each.
        """
        points = [
            # `gradual` thaws layers in the smoke run, so its optimiser steps are not of one number of frozen layers.
            (run, run.frozen_layers, run.measured.optimiser_steps_s)
            for run in smoke_runs
            if run.measured is not None
            and run.frozen_layers is not None
            and run.hyperparameters.frozen_layers != GRADUAL
        ]
        # A first optimiser step allocates memory. It counts only where no smoke run had a second one.
        warm = [point for point in points if len(point[2]) > 1] or points
        fastest: dict[int, float] = {}
        for run, frozen, seconds in warm:
            row_s = seconds[-1] / _batch_rows(run, len(seconds) - 1, rows)
            # Other work on the machine makes a measurement longer, and never shorter.
            fastest[frozen] = min(row_s, fastest.get(frozen, row_s))
        if not fastest:
            return None
        middle_x, middle_y = fmean(fastest), fmean(fastest.values())
        spread = sum((x - middle_x) ** 2 for x in fastest)
        slope = sum((x - middle_x) * (y - middle_y) for x, y in fastest.items()) / spread if spread > 0 else 0.0
        return cls(
            unfrozen_s=middle_y - slope * middle_x,
            saved_s=-slope,
            measured=frozenset(fastest),
            least_s=min(fastest.values()),
        )

    def seconds(self, work: TrialWork) -> float | None:
        """Return the seconds of a trial's optimiser steps; None where the measurements say nothing about them."""
        if len(self.measured) == 1 and not self.measured.issuperset(work.trained_rows):
            return None
        return sum(
            rows * max(self.unfrozen_s - self.saved_s * frozen, self.least_s)
            for frozen, rows in work.trained_rows.items()
        )


def _batch_rows(run: SmokeRun, step: int, rows: int) -> int:
    """Return the rows of an optimiser step of a smoke run, which are fewer in the last batch of an epoch."""
    size = run.hyperparameters.batch_size
    steps = -(-rows // size)
    return min(size, rows - step % steps * size)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
