"""Hyperparameters: one point of the search space, as training reads it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields

from search_spaces.errors import InvalidParameter, suggestion
from search_spaces.parameters import Float, Parameter, Value, is_number

#: The value of `frozen_layers` that thaws the layers from the top while training.
GRADUAL = "gradual"


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """What one trial trains with.

    Raises:
        InvalidParameter: A value is outside of what its name can mean.
    """

    #: Peak rate of AdamW for the trainable encoder layers.
    learning_rate: float
    #: Examples per optimiser step, over all accumulation steps.
    batch_size: int
    #: Length of the schedule in epochs; fractions are allowed.
    num_train_epochs: float
    #: Probability of every dropout of the trained part; None leaves the model's own.
    dropout: float | None
    #: AdamW's decay; never on biases and norms.
    weight_decay: float
    #: A transformers SchedulerType.
    lr_scheduler_type: str
    #: Share of the encoder's layers, from the input up, that keep their weights; or `gradual`.
    frozen_layers: float | str
    #: Share of the optimiser steps in which the rate rises from 0 to its peak.
    warmup_ratio: float = 0.0
    #: The head's peak rate is this many times `learning_rate` where the whole encoder is frozen; where a share of its
    #: layers is, the factor to the power of that share; the same rate where none is.
    head_learning_rate_factor: float = 1.0
    #: Each layer further from the head learns at this share of the rate of the one above it.
    layerwise_lr_decay: float = 1.0

    def __post_init__(self) -> None:
        for name, value in self.to_dict().items():
            if name == "dropout" and value is None:
                continue
            if reason := complaint(name, value):
                raise InvalidParameter(f"{name} is {value!r}: {reason}")

    @classmethod
    def from_values(cls, values: Mapping[str, Value | None]) -> Hyperparameters:
        """Build from named values, as Optuna hands them out.

        Raises:
            InvalidParameter: A name is unknown or missing, or a value outside of its meaning.
        """
        for name in values:
            check_name(name)
        missing = [name for name in SEVEN if name not in values]
        if missing:
            raise InvalidParameter(f"{', '.join(missing)}: no value")
        converted = {name: _CONVERT.get(name, _as_float)(value) for name, value in values.items()}
        return cls(**converted)  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Value | None]:
        """Return the values by name."""
        return asdict(self)


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
#: Names whose values are counts: a range of floats would draw what they cannot mean.
_WHOLE = ("batch_size",)
#: Every name that a search space may use.
NAMES = tuple(field.name for field in fields(Hyperparameters))


def _as_float(value: Value | None) -> Value | None:
    return float(value) if is_number(value) else value  # what is no number is refused by its meaning


def _as_int(value: Value | None) -> Value | None:
    return int(value) if is_number(value) and float(value).is_integer() else value


_CONVERT: dict[str, Callable[[Value | None], Value | None]] = {"batch_size": _as_int}


def check_name(name: str) -> None:
    """Refuse a name that is no hyperparameter.

    Raises:
        InvalidParameter: The name is unknown; says which one may be meant.
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
}


def complaint(name: str, value: Value | None) -> str | None:
    """Return why a value cannot be meant for a known name, or None where it can."""
    return _MEANING[name](value)


def check_parameter(name: str, parameter: Parameter) -> None:
    """Refuse a parameter of which some value has no meaning for its name.

    Raises:
        InvalidParameter: The name is unknown, or an end or a choice is outside of its meaning.
    """
    check_name(name)
    if name in _WHOLE and isinstance(parameter, Float):
        raise InvalidParameter("is a count; give whole ends, or a list of choices")
    for value in parameter.extremes():
        if reason := complaint(name, value):
            raise InvalidParameter(f"{value!r} {reason}")
