"""Hyperparameters: one point of the search space, with the value and the meaning of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields

from search_spaces.errors import InvalidParameter, suggestion
from search_spaces.parameters import Float, Parameter, Value, is_number

#: The value of `frozen_layers` that unfreezes the layers from the top during training.
GRADUAL = "gradual"
#: The values of `head_init`: the head begins with random weights, or with those that were fitted on the hidden states
#: of the pretrained layers.
RANDOM, FITTED = "random", "fitted"


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """The hyperparameters of one trial.

    Raises:
        InvalidParameter: A value is not allowed for its name.
    """

    #: AdamW's peak learning rate for the trained encoder layers.
    learning_rate: float
    #: Examples per optimiser step, summed over gradient accumulation.
    batch_size: int
    #: Length of the schedule in epochs; fractions are allowed.
    num_train_epochs: float
    #: Probability of every dropout in the trained layers; None keeps the model's own values.
    dropout: float | None
    #: AdamW's weight decay; biases and norms have none.
    weight_decay: float
    #: Name of a learning-rate schedule, a transformers SchedulerType.
    lr_scheduler_type: str
    #: Share of the encoder's layers, from the input up, whose weights are not trained; or `gradual`.
    frozen_layers: float | str
    #: Share of the optimiser steps in which the learning rate rises from 0 to its peak.
    warmup_ratio: float = 0.0
    #: Factor of the head's peak learning rate over `learning_rate` where the whole encoder is frozen. Where a share of
    #: the layers is frozen, the factor to the power of that share applies; where none is, the rates are equal.
    head_learning_rate_factor: float = 1.0
    #: Factor of each layer's learning rate over that of the layer above it, which is nearer to the head.
    layerwise_lr_decay: float = 1.0
    #: Initial weights of the head, `random` or `fitted`. A fitted head learns at the rate of the encoder, whatever
    #: `head_learning_rate_factor` is.
    head_init: str = RANDOM

    def __post_init__(self) -> None:
        for name, value in self.to_dict().items():
            if name == "dropout" and value is None:
                continue
            if reason := complaint(name, value):
                raise InvalidParameter(f"{name} is {value!r}: {reason}")

    @classmethod
    def from_values(cls, values: Mapping[str, Value | None]) -> Hyperparameters:
        """Build from values by name, as Optuna returns them.

        Raises:
            InvalidParameter: A name is unknown or missing, or a value is not allowed for its name.
        """
        for name in values:
            check_name(name)
        missing = [name for name in SEVEN if name not in values]
        if missing:
            raise InvalidParameter(f"{', '.join(missing)}: no value")
        converted = {name: _CONVERT.get(name, _as_float)(value) for name, value in values.items()}
        return cls(**converted)  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Value | None]:
        """Return the values by name. A head that begins with random weights is not named.

        So training of version 0.1, which may depend on all names that it is given, is given those that it knows.
        """
        values = asdict(self)
        if self.head_init == RANDOM:
            del values["head_init"]
        return values


#: The hyperparameters that every study has, in the order of the documentation.
SEVEN = (
    "learning_rate",
    "batch_size",
    "num_train_epochs",
    "dropout",
    "weight_decay",
    "lr_scheduler_type",
    "frozen_layers",
)
#: Names whose values must be whole, so that a range of floats is refused.
_WHOLE = ("batch_size",)
#: Every name that a search space may use.
NAMES = tuple(field.name for field in fields(Hyperparameters))


def _as_float(value: Value | None) -> Value | None:
    return float(value) if is_number(value) else value  # other values are refused later, by `complaint`


def _as_int(value: Value | None) -> Value | None:
    return int(value) if is_number(value) and float(value).is_integer() else value


_CONVERT: dict[str, Callable[[Value | None], Value | None]] = {"batch_size": _as_int}


def check_name(name: str) -> None:
    """Refuse a name that is not a hyperparameter's.

    Raises:
        InvalidParameter: The name is unknown; the message suggests a similar one.
    """
    if name == "seed":
        raise InvalidParameter("seed is never searched: it picks lucky runs; set `seed:` of the study")
    if name not in NAMES:
        raise InvalidParameter(f"{name!r} is no hyperparameter{suggestion(name, NAMES)}; known: {', '.join(NAMES)}")


def _within(low: float, high: float) -> Callable[[Value | None], str | None]:
    def check(value: Value | None) -> str | None:
        if is_number(value) and low <= value <= high:
            return None
        return f"must be a number from {low:g} to {high:g}"

    return check


def _positive(value: Value | None) -> str | None:
    return None if is_number(value) and value > 0 else "must be a number above 0"


def _count(value: Value | None) -> str | None:
    ok = is_number(value) and value >= 1 and math.floor(value) == value
    return None if ok else "must be a whole number of examples, at least 1"


def _word(value: Value | None) -> str | None:
    return None if isinstance(value, str) else "must be the name of a transformers schedule"


def _frozen(value: Value | None) -> str | None:
    if value == GRADUAL or (is_number(value) and 0 <= value <= 1):
        return None
    return f"must be a share from 0 to 1, or {GRADUAL!r}"


def _head_init(value: Value | None) -> str | None:
    return None if value in (RANDOM, FITTED) else f"must be {RANDOM!r} or {FITTED!r}"


def _dropout(value: Value | None) -> str | None:
    return None if is_number(value) and 0 <= value < 1 else "must be a probability from 0 to below 1"


_MEANING: dict[str, Callable[[Value | None], str | None]] = {
    "learning_rate": _positive,
    "batch_size": _count,
    "num_train_epochs": _positive,
    "dropout": _dropout,
    "weight_decay": _within(0, 1),
    "lr_scheduler_type": _word,
    "frozen_layers": _frozen,
    "warmup_ratio": _within(0, 1),
    "head_learning_rate_factor": _positive,
    "layerwise_lr_decay": _within(0, 1),
    "head_init": _head_init,
}


def complaint(name: str, value: Value | None) -> str | None:
    """Return why a value is not allowed for a known name; None where it is allowed."""
    return _MEANING[name](value)


def check_parameter(name: str, parameter: Parameter) -> None:
    """Refuse a parameter that could draw a value that is not allowed for its name.

    Raises:
        InvalidParameter: The name is unknown, or a bound or a choice is not allowed for it.
    """
    check_name(name)
    if name in _WHOLE and isinstance(parameter, Float):
        raise InvalidParameter("is a count; give whole ends, or a list of choices")
    for value in parameter.extremes():
        if reason := complaint(name, value):
            raise InvalidParameter(f"{value!r} {reason}")
