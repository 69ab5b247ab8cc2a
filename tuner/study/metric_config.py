"""The `metric` of a study file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from tuner.study.config_part import ConfigPart
from tuner.study.generate_config import is_function
from tuner.study.tasks import DEFAULT_TASK, Direction, Metric, declaration_of, unknown


class MetricConfig(ConfigPart):
    """The metric whose value trials are compared by."""

    #: A metric of the study's task; the task's first one where the study names none. Of a language model, it may be the
    #: `module:function` of a function of the user's, which gives what is written behind a prompt a number.
    name: str = Field(default_factory=lambda: declaration_of(DEFAULT_TASK).default_metric)
    direction: Direction = "maximize"

    @field_validator("name")
    @classmethod
    def _name_is_known(cls, value: str, info: ValidationInfo) -> str:
        metrics = _metrics(info)
        if _has_own_training(info) or value in metrics or _is_own_function(value, info):
            return value
        raise ValueError(unknown(value, tuple(metrics), "metric.name"))

    @model_validator(mode="before")
    @classmethod
    def _from_a_word(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, list):
            raise ValueError("several metrics are not supported; give one")
        if isinstance(value, str):
            value = {"name": value}
        if not isinstance(value, dict):
            return value
        metrics = _metrics(info)
        value = {"name": next(iter(metrics)), **value}
        metric = metrics.get(_plain(str(value["name"])))
        return {"direction": "maximize" if metric is None else metric.direction, **value}

    @model_validator(mode="after")
    def _direction_is_the_metrics_own(self, info: ValidationInfo) -> MetricConfig:
        metric = _metrics(info).get(_plain(self.name))
        if metric is not None and self.direction != metric.direction:
            raise ValueError(f"{self.name} is better when it {metric.direction}s; drop direction")
        return self


def _plain(name: str) -> str:
    """Return a metric's name as tasks have it: a transformers Trainer puts `eval_` in front."""
    return name.removeprefix("eval_")


def _metrics(info: ValidationInfo) -> Mapping[str, Metric]:
    """Return the metrics of the study's task; those of the default task where there is no study around the metric."""
    return declaration_of((info.context or {}).get("task", DEFAULT_TASK)).metrics


def _is_own_function(name: str, info: ValidationInfo) -> bool:
    """Return whether a name is that of a function of the user's, which the task takes for a metric."""
    return is_function(name) and declaration_of((info.context or {}).get("task", DEFAULT_TASK)).own is not None


def _has_own_training(info: ValidationInfo) -> bool:
    """Return whether the study has its own training function, whose metrics have any name."""
    return bool(info.context and info.context.get("own_training"))
