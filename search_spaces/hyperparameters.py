"""Hyperparameters: one point of the search space, with the value and the meaning of each."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

from search_spaces.errors import InvalidParameter, suggestion
from search_spaces.parameters import Float, Parameter, Value, is_number
from search_spaces.synonyms import HYPERPARAMETERS

#: The value of `frozen_layers` that unfreezes the layers from the top during training.
GRADUAL = "gradual"
#: The values of `head_init`: the head begins with random weights, or with those that were fitted on the hidden states
#: of the pretrained layers.
RANDOM, FITTED = "random", "fitted"
#: The values of `adapter`: the layers that are not frozen are trained themselves, or adapters of low rank in them.
NONE, LORA = "none", "lora"
#: Factor of the adapters' peak learning rate over `learning_rate`, so that one range serves trials with and without
#: them. Schulman and Thinking Machines Lab, "LoRA Without Regret" (2025): the best rate of LoRA is about ten times that
#: of training all weights, whatever the rank; alignment-handbook's zephyr-7b-beta has 2e-4 beside 2e-5.
ADAPTER_RATE = 10.0
#: Two values of `lora_targets`: all linear layers, or those of the attention. Others name linear layers.
ALL_LINEAR, ATTENTION = "all-linear", "attention"


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
    #: What is trained of the layers that are not frozen: `none` trains their weights, `lora` adapters beside these
    #: (Hu et al., ICLR 2022, arXiv 2106.09685). A head of the model's own is trained in both cases.
    adapter: str = NONE
    #: Rank of the adapters.
    lora_rank: int = 16
    #: The adapters' output is multiplied by this number over the rank; None is twice the rank.
    lora_alpha: float | None = None
    #: Probability of the dropout before each adapter.
    lora_dropout: float = 0.0
    #: The linear layers that have adapters: `all-linear`, `attention`, or names that end theirs, joined by a plus sign,
    #: such as `q_proj+v_proj`.
    lora_targets: str = ALL_LINEAR

    #: Values of names that are none of those above, which only a study's own training knows.
    others: Mapping[str, Value] = field(default_factory=dict, hash=False)
    #: The names that a study's own training does not search, where it does without some of the seven. Their values are
    #: the defaults, and those of `UNSEARCHED`.
    unsearched: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name, value in self.to_dict().items():
            if name in self.others or (name in ("dropout", "lora_alpha") and value is None):
                continue
            if reason := complaint(name, value):
                raise InvalidParameter(f"{name} is {value!r}: {reason}")

    @classmethod
    def from_values(cls, values: Mapping[str, Value | None], *, free: bool = False) -> Hyperparameters:
        """Build from values by name, as Optuna returns them.

        Args:
            values: The values.
            free: Whether names may be any, and none has to be there, as in a study with its own training.

        Raises:
            InvalidParameter: A name is unknown or missing, or a value is not allowed for its name.
        """
        is_partial = free and not values.keys() >= UNSEARCHED.keys()
        known = {*NAMES} - {*ADAPTERS} if is_partial else {*NAMES}
        others = {name: value for name, value in values.items() if free and name not in known}
        unsearched = frozenset(known - values.keys()) | {*ADAPTERS} if is_partial else frozenset()
        values = {name: value for name, value in values.items() if name not in others}
        values |= {name: value for name, value in UNSEARCHED.items() if name in unsearched}
        for name in values:
            check_name(name)
        missing = [name for name in SEVEN if name not in values]
        if missing:
            raise InvalidParameter(f"{', '.join(missing)}: no value")
        converted = {name: _CONVERT.get(name, _as_float)(value) for name, value in values.items()}
        return cls(**converted, others=others, unsearched=unsearched)  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Value | None]:
        """Return the values by name, but for those that are not searched.

        A head that begins with random weights is not named, nor are adapters unless used.

        So training of version 0.1, which may depend on all names that it is given, is given those that it knows.
        """
        names = (name for name in NAMES if name not in self.unsearched)
        values: dict[str, Value | None] = {name: getattr(self, name) for name in names}
        if self.head_init == RANDOM:
            values.pop("head_init", None)
        if self.adapter == NONE:
            values.pop("adapter", None)
        for name in OF_LORA:
            if self.adapter == NONE or values.get(name) is None:
                values.pop(name, None)
        return {**values, **self.others}

    @property
    def lora_scaling(self) -> float:
        """The number that the adapters' output is multiplied by."""
        return (2 * self.lora_rank if self.lora_alpha is None else self.lora_alpha) / self.lora_rank


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
WHOLE = ("batch_size", "lora_rank")
#: Names that have a meaning for adapters alone.
OF_LORA = ("lora_rank", "lora_alpha", "lora_dropout", "lora_targets")
#: Names of adapters. To a study's own training that does without some of the seven they mean what it makes of them.
ADAPTERS = ("adapter", *OF_LORA)
#: Every name that a search space may use; that of a study's own training may use others besides.
NAMES = tuple(each.name for each in fields(Hyperparameters) if each.name not in ("others", "unsearched"))
#: The seven where a study's own training does not search them: what transformers' TrainingArguments has by default, and
#: a model as it is.
UNSEARCHED: Mapping[str, Value | None] = {
    "learning_rate": 5e-5,
    "batch_size": 8,
    "num_train_epochs": 3.0,
    "dropout": None,
    "weight_decay": 0.0,
    "lr_scheduler_type": "linear",
    "frozen_layers": 0.0,
}


def _as_float(value: Value | None) -> Value | None:
    return float(value) if is_number(value) else value  # other values are refused later, by `complaint`


def _as_int(value: Value | None) -> Value | None:
    return int(value) if is_number(value) and float(value).is_integer() else value


_CONVERT: dict[str, Callable[[Value | None], Value | None]] = dict.fromkeys(WHOLE, _as_int)


def check_name(name: str, *, free: bool = False) -> None:
    """Refuse a name that is not a hyperparameter's.

    Args:
        name: The name.
        free: Whether it may be any that a Python variable may have.

    Raises:
        InvalidParameter: The name is unknown; the message suggests a similar one.
    """
    if name == "seed":
        raise InvalidParameter("seed is never searched: it picks lucky runs; set `seed:` of the study")
    if free:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", str(name)):
            raise InvalidParameter(f"{name!r} is no name; give letters, digits and '_', with a letter first")
        return
    if name not in NAMES:
        hint = suggestion(name, NAMES, HYPERPARAMETERS)
        raise InvalidParameter(f"{name!r} is no hyperparameter{hint}; known: {', '.join(NAMES)}")


def _within(low: float, high: float) -> Callable[[Value | None], str | None]:
    def check(value: Value | None) -> str | None:
        if is_number(value) and low <= value <= high:
            return None
        return f"must be a number from {low:g} to {high:g}"

    return check


def _positive(value: Value | None) -> str | None:
    return None if is_number(value) and value > 0 else "must be a number above 0"


def _count(what: str) -> Callable[[Value | None], str | None]:
    def check(value: Value | None) -> str | None:
        ok = is_number(value) and value >= 1 and math.floor(value) == value
        return None if ok else f"must be a whole number{what}, at least 1"

    return check


def _word(value: Value | None) -> str | None:
    return None if isinstance(value, str) else "must be the name of a transformers schedule"


def _frozen(value: Value | None) -> str | None:
    if value == GRADUAL or (is_number(value) and 0 <= value <= 1):
        return None
    return f"must be a share from 0 to 1, or {GRADUAL!r}"


def _head_init(value: Value | None) -> str | None:
    return None if value in (RANDOM, FITTED) else f"must be {RANDOM!r} or {FITTED!r}"


def _adapter(value: Value | None) -> str | None:
    return None if value in (NONE, LORA) else f"must be {NONE!r} or {LORA!r}"


def _targets(value: Value | None) -> str | None:
    if isinstance(value, str) and re.fullmatch(r"[\w.-]+(\+[\w.-]+)*", value):
        return None
    return f"must be {ALL_LINEAR!r}, {ATTENTION!r}, or names of linear layers joined by +, such as q_proj+v_proj"


def _dropout(value: Value | None) -> str | None:
    return None if is_number(value) and 0 <= value < 1 else "must be a probability from 0 to below 1"


_MEANING: dict[str, Callable[[Value | None], str | None]] = {
    "learning_rate": _positive,
    "batch_size": _count(" of examples"),
    "num_train_epochs": _positive,
    "dropout": _dropout,
    "weight_decay": _within(0, 1),
    "lr_scheduler_type": _word,
    "frozen_layers": _frozen,
    "warmup_ratio": _within(0, 1),
    "head_learning_rate_factor": _positive,
    "layerwise_lr_decay": _within(0, 1),
    "head_init": _head_init,
    "adapter": _adapter,
    "lora_rank": _count(""),
    "lora_alpha": _positive,
    "lora_dropout": _dropout,
    "lora_targets": _targets,
}


def complaint(name: str, value: Value | None) -> str | None:
    """Return why a value is not allowed for a known name; None where it is allowed."""
    return _MEANING[name](value)


def check_parameter(name: str, parameter: Parameter, *, free: bool = False) -> None:
    """Refuse a parameter that could draw a value that is not allowed for its name.

    Args:
        name: The name.
        parameter: The parameter.
        free: Whether names may be any.

    Raises:
        InvalidParameter: The name is unknown, or a bound or a choice is not allowed for it.
    """
    check_name(name, free=free)
    if name not in NAMES or (free and name in ADAPTERS):
        return
    if name in WHOLE and isinstance(parameter, Float):
        raise InvalidParameter("is a count; give whole ends, or a list of choices")
    for value in parameter.extremes():
        if reason := complaint(name, value):
            raise InvalidParameter(f"{value!r} {reason}")
