"""The values in the metrics that a Trainer's evaluation returns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tuner.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "eval_"
_LOSS = "loss"
#: Ends of names of values that tell nothing of the model: of time, and of how far training has come.
_ASIDE = ("runtime", "_per_second", "epoch", "preparation_time", "num_tokens", "num_input_tokens_seen")


def value_in(metrics: Mapping[str, Any], name: str) -> float:
    """Return the value of a metric.

    Args:
        metrics: What a Trainer's `evaluate` has returned.
        name: The metric, with or without `eval_`.

    Raises:
        ConfigError: There is none of this name; says which there are.
    """
    value = metrics.get(f"{_PREFIX}{name}", metrics.get(name))
    if _is_value(value):
        return float(value)
    shown = ", ".join(sorted(_plain(metrics))) or "none"
    raise ConfigError("", "metric", f"the Trainer's evaluation has no number {name!r}; it has {shown}")


def loss_in(metrics: Mapping[str, Any]) -> float:
    """Return the mean loss of an evaluation; 0 where it has none or it is no number.

    Of several evaluation sets it is the mean of theirs.
    """
    losses = [value for name, value in _plain(metrics).items() if name == _LOSS]
    found = losses or [value for name, value in _plain(metrics).items() if name.endswith(f"_{_LOSS}")]
    finite = [value for value in found if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else 0.0


def other_metrics(metrics: Mapping[str, Any], name: str) -> dict[str, float]:
    """Return the values of the other metrics of an evaluation, without `eval_`."""
    judged = name.removeprefix(_PREFIX)
    return {other: value for other, value in _plain(metrics).items() if other not in (judged, _LOSS)}


def _plain(metrics: Mapping[str, Any]) -> dict[str, float]:
    found = {name.removeprefix(_PREFIX): value for name, value in metrics.items() if _is_value(value)}
    return {name: float(value) for name, value in found.items() if not name.endswith(_ASIDE)}


def _is_value(value: Any) -> bool:
    """Return whether a value is a number; scalars of numpy are."""
    return not isinstance(value, bool | str) and hasattr(value, "__float__")
