"""A search space fitted to the model: values that the model cannot apply are left out, or refused."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search_spaces import ALL_LINEAR, FITTED, LORA, NONE, RANDOM, Categorical, Float, Int, Parameter, SearchSpace, Value
from tuner.errors import ConfigError
from tuner.trial.anatomy import Freezable

if TYPE_CHECKING:
    from tuner.trial.anatomy import Anatomy


@dataclass(frozen=True, kw_only=True)
class FittedSpace:
    """A space all of whose values the model can apply."""

    space: SearchSpace
    #: A sentence on each parameter that differs from the task's preset.
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Misfit:
    """A parameter with values that the model cannot apply."""

    name: str
    #: The same parameter without these values.
    fitted: Parameter
    #: The error where the user asks for them.
    refusal: str
    #: The sentence where the preset has them.
    remark: str


def fit_space(
    space: SearchSpace, anatomy: Anatomy, *, written: Collection[str], model: str, source: str
) -> FittedSpace:
    """Return the space without the values that a model cannot apply.

    Args:
        space: The space of a new study, or of an edit. A stored space is not fitted again.
        anatomy: The parts of the model.
        written: Names of the parameters that the user has written. The others come from the task's preset.
        model: The model's type in messages, such as `resnet`.
        source: The study's name in errors.

    Raises:
        ConfigError: The user asks for a value that the model cannot apply; names the key and the values that work.
    """
    parameters, remarks = dict(space.parameters), []
    for misfit in _misfits(space, anatomy, model):
        if misfit.name in written:
            raise ConfigError(source, f"search_space.{misfit.name}", misfit.refusal)
        parameters[misfit.name] = misfit.fitted
        remarks.append(misfit.remark)
    if not remarks:
        return FittedSpace(space=space)
    conditions, unmet = _conditions(parameters, space.conditions)
    for name, parent in unmet.items():
        del parameters[name]
        remarks.append(f"{name} is not searched: its condition on {parent} is never met with this model")
    return FittedSpace(
        space=SearchSpace(parameters=parameters, conditions=conditions, source=space.source), remarks=tuple(remarks)
    )


def _misfits(space: SearchSpace, anatomy: Anatomy, model: str) -> Iterator[_Misfit]:
    dropout = space.parameters["dropout"]
    if not anatomy.dropouts and any(value != 0 for value in dropout.extremes()):
        yield _fixed_at("dropout", 0.0, f"{model} has no dropout")
    head_init = space.parameters.get("head_init")
    if head_init is not None and head_init.contains(FITTED) and not anatomy.can_fit_head:
        no_states = f"no head can be fitted on the frozen layers of {model}: {anatomy.trunk.complaint}"
        yield _fixed_at("head_init", RANDOM, no_states)
    shares = space.parameters["frozen_layers"]
    if anatomy.predicts_tokens and any(not anatomy.allows(value) for value in shares.extremes()):
        yield _nothing_to_train(shares, anatomy, model)
    yield from _adapter_misfits(space, anatomy, model)
    if anatomy.freezable == Freezable.LAYERS:
        return
    why = f"cannot be applied to {model}: {anatomy.reason or 'its layers cannot be told apart'}"
    if denied := _denied(shares, anatomy):
        possible = [0.0, 1.0] if anatomy.freezable == Freezable.WHOLE else [0.0]
        fitted = [value for value in possible if shares.contains(value)] or possible[:1]
        chosen = _listed([_shown(value) for value in fitted], "or")
        yield _Misfit(
            name="frozen_layers",
            fitted=Categorical(choices=tuple(fitted)),
            refusal=f"{denied} {why}; {_working(possible)}",
            remark=f"frozen_layers is {chosen} in each trial, as {denied} {why}",
        )
    decay = space.parameters.get("layerwise_lr_decay")
    if decay is not None and any(value != 1 for value in decay.extremes()):
        yield _Misfit(
            name="layerwise_lr_decay",
            fitted=Categorical(choices=(1.0,)),
            refusal=f"{why}; write `layerwise_lr_decay: 1` or leave it out",
            remark=f"layerwise_lr_decay is fixed at 1, as it {why}",
        )


def _fixed_at(name: str, value: Value, why: str) -> _Misfit:
    """Return what is wrong with a parameter of which a model can apply a single value."""
    return _Misfit(
        name=name,
        fitted=Categorical(choices=(value,)),
        refusal=f"{why}; write `{name}: {_shown(value)}` or leave it out",
        remark=f"{name} is fixed at {_shown(value)}, as {why}",
    )


def _adapter_misfits(space: SearchSpace, anatomy: Anatomy, model: str) -> Iterator[_Misfit]:
    adapter, targets = space.parameters.get("adapter"), space.parameters.get("lora_targets")
    if adapter is None or not adapter.contains(LORA):
        return
    if not anatomy.linear:
        why = f"the layers of {model} have no linear layer that an adapter could be added to"
        yield _fixed_at("adapter", NONE, why)
        return
    unknown = [value for value in (targets.extremes() if targets else ()) if not anatomy.adapted(str(value))]
    if targets is not None and unknown:
        names = ", ".join(sorted({name.rpartition(".")[2] for name in anatomy.linear}))
        known = [value for value in targets.extremes() if value not in unknown] or [ALL_LINEAR]
        why = f"{_listed([_shown(value) for value in unknown], 'and')} names no linear layer of {model}"
        yield _Misfit(
            name="lora_targets",
            fitted=Categorical(choices=tuple(known)),
            refusal=f"{why}; its layers have {names}",
            remark=f"lora_targets is {_listed([_shown(value) for value in known], 'or')} in each trial, as {why}",
        )


def _nothing_to_train(frozen: Parameter, anatomy: Anatomy, model: str) -> _Misfit:
    """Return what is wrong with a share that freezes all layers of a model without a head of its own."""
    possible = [value for value in frozen.extremes() if anatomy.allows(value)] or [0.0]
    denied = _listed([_shown(value) for value in frozen.extremes() if not anatomy.allows(value)], "and")
    why = f"{denied} leaves nothing of {model} to train, whose output layer is pretrained"
    return _Misfit(
        name="frozen_layers",
        fitted=Categorical(choices=tuple(possible)),
        refusal=f"{why}; give values that freeze fewer of its {anatomy.count} layers",
        remark=f"frozen_layers is {_listed([_shown(value) for value in possible], 'or')} in each trial, as {why}",
    )


def _values(parameter: Parameter) -> list[Value]:
    """Return every value that a parameter may take; none for a range of real numbers."""
    if isinstance(parameter, Int):
        return [float(value) for value in range(parameter.low, parameter.high + 1, parameter.step)]
    if isinstance(parameter, Float) and parameter.low < parameter.high:
        return []
    return list(parameter.extremes())


def _denied(parameter: Parameter, anatomy: Anatomy) -> str | None:
    """Return the values of `frozen_layers` that cannot be applied, in words; None where all can."""
    values = _values(parameter)
    if not values:
        low, high = parameter.extremes()
        return f"a value from {_shown(low)} to {_shown(high)}"
    denied = [_shown(value) for value in values if not anatomy.allows(value)]
    return _listed(denied, "and") if denied else None


def _conditions(
    parameters: Mapping[str, Parameter], conditions: Mapping[str, Mapping[str, tuple[Value, ...]]]
) -> tuple[dict[str, dict[str, tuple[Value, ...]]], dict[str, str]]:
    """Return the conditions without values that parameters no longer have.

    Returns:
        The conditions; and by parameter whose condition can no longer be met, the parent that it waits for.
    """
    unmet: dict[str, str] = {}
    while True:
        narrowed: dict[str, dict[str, tuple[Value, ...]]] = {}
        before = len(unmet)
        for name, condition in conditions.items():
            if name in unmet:
                continue
            narrowed[name] = {}
            for parent, values in condition.items():
                left = () if parent in unmet else tuple(each for each in values if parameters[parent].contains(each))
                if not left:
                    unmet[name] = parent
                narrowed[name][parent] = left
        if len(unmet) == before:
            return narrowed, unmet


def _working(values: list[float]) -> str:
    first, *rest = [_shown(value) for value in values]
    shown = " and ".join([f"`frozen_layers: {first}`", *(f"`{value}`" for value in rest)])
    return f"{shown} {'work' if rest else 'works'}"


def _shown(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _listed(words: list[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
