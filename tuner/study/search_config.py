"""The settings of the search: its rule, the sampler and the pruner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from tuner.study.config_part import ConfigPart
from tuner.study.tasks import unknown


class SearchConfig(ConfigPart):
    """How the search spends device time on trials."""

    #: `auto`: every trial is evaluated at the same rungs of its schedule, put aside there, and promoted if it is among
    #: the best. `plain`: Optuna's pruner decides after each evaluation, and no trial is put aside.
    name: Literal["auto", "plain"] = "auto"
    #: Of `auto`, which trials go on from a rung: `halving`, the best one in `eta`; `percentile`, all but the weakest
    #: quarter; `none`, all. `auto` is halving where all trials train the same layers. Where depths are searched, device
    #: time is shared out between them: see `tuner.search.thaw`.
    promotion: Literal["auto", "halving", "percentile", "none"] = "auto"
    #: One in `eta` trials goes on from a rung, and the next rung is `eta` times as far.
    eta: Literal[2, 3, 4] = 2

    @model_validator(mode="before")
    @classmethod
    def _from_a_word(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _arguments_are_of_auto(self) -> SearchConfig:
        if self.name == "plain" and (self.promotion, self.eta) != ("auto", 2):
            raise ValueError("promotion and eta belong to auto; with plain, `pruner` says which trials are pruned")
        return self


class PrunerConfig(ConfigPart):
    """Which trials are pruned: those worse than other trials at the same percent of their schedule."""

    #: `auto` is the percentile pruner.
    name: Literal["auto", "none", "percentile", "median", "successive_halving", "hyperband"] = "auto"
    #: Percentage of trials to keep, the best ones.
    percentile: float = Field(default=75.0, gt=0, lt=100)
    #: Number of complete trials before the first trial may be pruned.
    n_startup_trials: int = Field(default=5, ge=0)
    #: Percents of its schedule that each trial trains before it may be pruned.
    n_warmup_steps: int = Field(default=20, ge=0, le=100)
    #: Number of complete trials with a value at a percent that pruning at this percent needs.
    n_min_trials: int = Field(default=5, ge=1)
    #: First rung of successive halving, in percents of the schedule.
    min_resource: int = Field(default=20, ge=1, le=100)
    reduction_factor: int = Field(default=3, ge=2)

    @model_validator(mode="before")
    @classmethod
    def _from_a_word(cls, value: Any) -> Any:
        if value is None:  # `null` or an empty value; YAML reads `none` as a word
            value = "none"
        return {"name": value} if isinstance(value, str) else value


#: Arguments of each sampler.
_SAMPLERS: Mapping[str, tuple[str, ...]] = {
    "auto": ("n_startup_trials",),
    "tpe": ("n_startup_trials",),
    "random": (),
    "gp": ("n_startup_trials",),
    "cmaes": ("n_startup_trials", "allow_pickle"),
    "qmc": (),
}


class SamplerConfig(ConfigPart):
    """The sampler, as a name and arguments. The sampler object itself is never stored."""

    #: `auto` is gp where trials are put aside at rungs, and tpe in the plain search.
    name: str = "auto"
    #: Number of trials drawn at random before the sampler uses results; None is a quarter of the budget, at least 4; of
    #: gp with rungs at least 8, and at most 16.
    n_startup_trials: int | None = Field(default=None, ge=1)
    #: Whether CMA-ES may store its state in a database on a server. The state is a pickle: any user who can write to
    #: the database can then run code on every machine that draws a trial.
    allow_pickle: bool = False

    @model_validator(mode="before")
    @classmethod
    def _from_a_word(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @field_validator("name")
    @classmethod
    def _name_is_known(cls, value: str) -> str:
        if value not in _SAMPLERS:
            raise ValueError(unknown(value, tuple(_SAMPLERS), "sampler.name"))
        return value

    @model_validator(mode="after")
    def _arguments_are_the_samplers_own(self) -> SamplerConfig:
        known = _SAMPLERS[self.name]
        for key, default in (("n_startup_trials", None), ("allow_pickle", False)):
            if key not in known and getattr(self, key) != default:
                raise ValueError(f"{key} is no argument of {self.name}; known: {', '.join(known) or 'none'}")
        return self
