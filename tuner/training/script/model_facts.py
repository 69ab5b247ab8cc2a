"""What a script has to know of a trial's model, and the check that its plain code builds the same one."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from tuner.errors import NoScript
from tuner.training.model.dropout import module_dropouts, set_config_dropouts
from tuner.training.model.loading import build_model, headed_configuration, load_config
from tuner.training.optimisation.parameter_groups import parameter_groups
from tuner.training.script import plain_training
from tuner.training.trunk.first_token_layer import one_token_of

if TYPE_CHECKING:
    from tuner.training.data.encoded import EncodedData
    from tuner.training.model.blueprint import Blueprint
    from tuner.training.plan import Plan
    from tuner.trial.anatomy import Anatomy
    from tuner.trial.run import TrialRun

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The model of a trial, as a script is told it."""

    #: What differs from the model's own configuration, by the path of each entry.
    settings: Mapping[str, Any]
    #: Dropouts that are neither a module nor an entry of the configuration, as `module:attribute`.
    places: Sequence[str]
    #: By part of the model, its peak learning rate and its modules.
    rates: Mapping[str, tuple[float, list[str]]]
    #: By the optimiser step at which it begins, how many layers are frozen, and the names of the frozen modules.
    frozen: Mapping[int, tuple[int, list[str]]]
    #: Most tokens that the model has positions for; None for no limit.
    longest: int | None
    #: The function that computes the last layer for its first token alone; None where all of it is computed.
    one_token: Callable[..., Any] | None


def model_facts(run: TrialRun, blueprint: Blueprint, plan: Plan, data: EncodedData) -> ModelFacts:
    """Return what a script is told of a trial's model.

    Args:
        run: The trial.
        blueprint: Its model.
        plan: Its plan.
        data: Its examples.

    Raises:
        NoScript: Plain code builds another model.
    """
    assert run.anatomy is not None
    anatomy, hp = run.anatomy, run.hyperparameters
    settings = _settings(blueprint, hp.dropout)
    _seed(run.seed)
    model: Any = build_model(blueprint, dropout=hp.dropout)
    drawn = _drawn()
    least = min(plan.thawing.values())
    names = _acting(model, anatomy)
    frozen = {
        first: (count, _outermost({name: anatomy.is_frozen(name, count) for name in names}, {True}))
        for first, count in plan.thawing.items()
    }
    groups = parameter_groups(model, anatomy, hp, frozen_layers=least)
    part_of = {id(each): group["name"].rpartition("/")[0] for group in groups for each in group["params"]}
    rate_of = {group["name"].rpartition("/")[0]: group["lr"] for group in groups}
    parts = {name: part_of.get(id(parameter), "") for name, parameter in model.named_parameters()}
    rates = {part: (rate, _outermost(parts, {part})) for part, rate in rate_of.items()}
    one_token = None
    if run.speed.one_token and anatomy.trunk.one_token_layer and data.train.starts_with_first and least < anatomy.count:
        one_token = one_token_of(model.get_submodule(anatomy.layers[-1][0]))
    _seed(run.seed)
    plain = plain_training.build_model(
        blueprint.auto_model,
        blueprint.source.location,
        blueprint.source.arguments,
        seed=blueprint.seed,
        settings=settings,
        dropout=hp.dropout,
        places=(),
    )
    is_drawn_alike = _drawn() == drawn
    ours, theirs = (module_dropouts(each, anatomy.dropouts) for each in (model, plain))
    others = [name for name, value in ours.items() if ":" in name and theirs.get(name) != value]
    for name in others:
        module, _, attribute = name.partition(":")
        setattr(plain.get_submodule(module), attribute, hp.dropout)
    facts = ModelFacts(
        settings=settings,
        places=others,
        rates=rates,
        frozen=frozen,
        longest=getattr(model.config, "max_position_embeddings", None),
        one_token=one_token,
    )
    if not is_drawn_alike or not _is_same(model, plain, anatomy.dropouts):
        raise NoScript("plain code of transformers builds another model from this checkpoint")
    found = plain_training.parameter_groups(plain, rates, hp.weight_decay)
    if [_summary(plain, each) for each in found] != [_summary(model, each) for each in groups]:
        raise NoScript("its parameter groups cannot be named by modules")
    for count, modules in frozen.values():
        if any(plain_training.is_within(name, modules) != anatomy.is_frozen(name, count) for name in names):
            raise NoScript(
                "some modules are frozen while others inside of them are not, which a script does not repeat"
            )
    return facts


def _acting(model: Any, anatomy: Anatomy) -> list[str]:
    """Return the names of the parameters, and of the modules for which it matters whether they train.

    A module that only holds others, such as a list of layers, computes nothing itself.
    """
    drawing = {name.partition(":")[0] for name in (*anatomy.dropouts, *anatomy.straddling)} - {""}
    holders = {id(module) for module in model.modules() if any(True for _ in module.children())}
    modules = [name for name, module in model.named_modules() if name in drawing or id(module) not in holders]
    return modules + [name for name, _ in model.named_parameters()]


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)


def _drawn() -> tuple[Any, ...]:
    return torch.get_rng_state().tolist(), random.getstate(), pickle.dumps(np.random.get_state())


def _settings(blueprint: Blueprint, dropout: float | None) -> dict[str, Any]:
    """Return the entries of a configuration that a trial changes, by their paths."""
    config, arguments = headed_configuration(blueprint)
    if arguments:
        raise NoScript("its model has a head that its configuration does not describe")
    if blueprint.padding is not None and blueprint.padding.embeddings is not None:
        raise NoScript("its table of embeddings was enlarged, as it has no row for the padding token")
    if dropout is not None:
        set_config_dropouts(config, dropout)
    before = load_config(blueprint.source)
    before.return_dict = None  # it may be False in the checkpoint
    return dict(_changes(before, config, ""))


def _changes(before: Any, after: Any, prefix: str) -> Iterable[tuple[str, Any]]:
    from transformers import PreTrainedConfig

    for name, value in vars(after).items():
        old = vars(before).get(name)
        if isinstance(value, PreTrainedConfig) and isinstance(old, PreTrainedConfig):
            yield from _changes(old, value, f"{prefix}{name}.")
        elif value != old:
            yield f"{prefix}{name}", copy.copy(value)


def _outermost(values: Mapping[str, Value], wanted: set[Value]) -> list[str]:
    """Return the outermost modules, or else parameters, all of whose names have a wanted value."""
    held: dict[str, set[Value]] = {}
    for name, value in values.items():
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            held.setdefault(".".join(parts[:end]), set()).add(value)
    found: dict[str, None] = {}
    for name in values:
        parts = name.split(".")
        paths = (".".join(parts[:end]) for end in range(1, len(parts) + 1))
        outermost = next((path for path in paths if held[path] <= wanted), None)
        if outermost is not None:
            found[outermost] = None
    return list(found)


def _is_same(model: Any, plain: Any, dropouts: Iterable[str]) -> bool:
    """Return whether two models have equal weights, and equal probabilities in the places that are drawn with."""
    ours, theirs = model.state_dict(), plain.state_dict()
    return (
        ours.keys() == theirs.keys()
        and all(torch.equal(value, theirs[name]) for name, value in ours.items())
        and module_dropouts(model, dropouts) == module_dropouts(plain, dropouts)
    )


def _summary(model: Any, group: Mapping[str, Any]) -> tuple[Any, ...]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return [names[id(each)] for each in group["params"]], group["lr"], group["weight_decay"]
