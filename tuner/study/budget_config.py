"""The `budget` of a study file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from tuner.study.config_part import ConfigPart
from tuner.study.durations import Duration

#: The budget of a study that names none.
DEFAULT_TRIALS = 20


class BudgetConfig(ConfigPart):
    """Limits of a study: number of trials, full runs, and time."""

    #: 20 where neither it nor `runs` is given. With `runs` alone there is no bound.
    trials: int | None = Field(default=None, ge=1, le=100_000)
    #: Full runs: device time of so many times trial 0, on all machines together.
    runs: float | None = Field(default=None, gt=0, le=100_000, allow_inf_nan=False)
    #: Seconds of wall time during which at least one worker runs a trial.
    time: Duration | None = None
    #: Device hours, summed over all devices.
    device_hours: float | None = Field(default=None, gt=0)
    #: Device seconds of one trial, summed over its attempts.
    trial_time: Duration | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_a_bound(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and value.get("trials") is None and value.get("runs") is None:
            return {**value, "trials": DEFAULT_TRIALS}
        return value
