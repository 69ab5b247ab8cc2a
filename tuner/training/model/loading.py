"""Loading of models: a pretrained encoder under a fresh head."""

from __future__ import annotations

import os
import pickle
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import torch

from tuner.errors import ModelError
from tuner.study.sources import loading_problem
from tuner.training.model import template
from tuner.training.model.blueprint import Blueprint
from tuner.training.model.dropout import config_dropouts, dropout_overrides, module_dropouts
from tuner.training.model.padding import configure, configure_enlarged, enlarge, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

    from tuner.trial.run import ModelSource


def load_config(model: ModelSource) -> Any:
    """Load a model's configuration.

    Raises:
        ModelError: There is none.
    """
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(model.location, **model.arguments)
    except (OSError, ValueError, KeyError) as error:
        reason = loading_problem(error)
        raise ModelError("", "model", f"{model.location} has no usable configuration: {reason}") from error


def build_model(blueprint: Blueprint, *, dropout: float | None) -> nn.Module:
    """Load the pretrained weights under a fresh head, or take the model from this process's template.

    Args:
        blueprint: Class, checkpoint, head and seed.
        dropout: Probability of every dropout; None leaves the checkpoint's own.

    Returns:
        The model in fp32, on the processor.

    Raises:
        ModelError: The checkpoint lacks weights, or weights of its encoder, or has a dropout that cannot be set.
    """
    taken = template.take(blueprint, dropout=dropout)
    return load_pretrained(blueprint, dropout=dropout)[0] if taken is None else taken


def keep_template(blueprint: Blueprint, *, room: int | None) -> None:
    """Build a model that every process forked from this one then has as its own.

    The model is built in one thread, because a fork lacks the threads that its parent started. A model that is larger
    than `room` is not loaded at all.

    Args:
        blueprint: Class, checkpoint, head and seed; the checkpoint is on this machine already.
        room: Bytes that the model may take; None if unknown.

    Raises:
        Unusable: This model has to be built anew for each trial.
        ModelError: The model cannot be built.
    """
    template.keep(None)
    if blueprint.source.trust_remote_code:
        raise template.Unusable("code that it brings along may start threads, which a fork is without")
    with _alone():
        empty = _without_weights(blueprint, _configuration(blueprint)[0], template.BUILT_WITH)
        if room is not None and sum(each.nbytes for each in empty.state_dict().values()) > room:
            raise template.Unusable("it is too large")
        others = _other_random_states()
        built: Any = load_pretrained(blueprint, dropout=template.BUILT_WITH)[0]
        drawn = torch.get_rng_state()
        if _other_random_states() != others:
            raise template.Unusable("building it draws random numbers of Python's or numpy's own")
        template.check(built, lambda dropout: _without_weights(blueprint, built.config, dropout))
    template.keep(template.Template(blueprint=blueprint, model=built, random=drawn))


def _without_weights(blueprint: Blueprint, config: Any, dropout: float | None) -> nn.Module:
    settings = {**config.to_dict(), **dropout_overrides(config, dropout)}
    config = type(config).from_dict(settings)
    if blueprint.padding is not None:
        configure_enlarged(config, blueprint.padding)
    with torch.device("meta"):
        built: nn.Module = blueprint.auto_model.from_config(config, dtype=torch.float32)
    return built


def _configuration(blueprint: Blueprint) -> tuple[Any, dict[str, Any]]:
    """Return the configuration of a model with its head and its padding, and the arguments that it does not know."""
    config = load_config(blueprint.source)
    known = {name: value for name, value in blueprint.head.items() if hasattr(config, name)}
    for name, value in known.items():
        setattr(config, name, value)
    if blueprint.padding is not None:
        configure(config, blueprint.padding)
    return config, {name: value for name, value in blueprint.head.items() if name not in known}


def _other_random_states() -> bytes:
    return pickle.dumps((random.getstate(), np.random.get_state()))


@contextmanager
def _alone() -> Iterator[None]:
    """Keep libraries from starting a thread and from asking the hub: the model was fetched before."""
    from huggingface_hub import constants

    with patch.object(constants, "HF_HUB_OFFLINE", True), patch.dict(os.environ, HF_DEACTIVATE_ASYNC_LOAD="1"):
        yield


def load_pretrained(blueprint: Blueprint, *, dropout: float | None) -> tuple[nn.Module, frozenset[str]]:
    """Build a model as `build_model` does, never from the template, and tell which weights are fresh.

    Returns:
        The model, and the names of the weights that are not the checkpoint's: those of the fresh head.
    """
    model = blueprint.source
    config, arguments = _configuration(blueprint)
    for name, value in dropout_overrides(config, dropout).items():
        setattr(config, name, value)
    torch.manual_seed(blueprint.seed)
    try:
        with told(blueprint.padding, model.location):
            built, info = blueprint.auto_model.from_pretrained(
                model.location,
                config=config,
                **model.arguments,
                **arguments,
                use_safetensors=True,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError) as error:
        reason = loading_problem(error)
        raise ModelError("", "model", f"{model.location} has no usable weights: {reason}") from error
    _check_encoder_is_pretrained(built, info, model)
    if blueprint.padding is not None and blueprint.padding.embeddings is not None:
        with told(blueprint.padding, model.location):
            outline = _without_weights(blueprint, built.config, None)
        enlarge(built, blueprint.padding, outline)
    if dropout is not None:
        _check_dropouts(built, dropout)
    return built, frozenset(info["missing_keys"]) | {name for name, *_ in info["mismatched_keys"]}


def _check_encoder_is_pretrained(model: nn.Module, info: Mapping[str, Any], source: ModelSource) -> None:
    prefix = f"{model.base_model_prefix}."
    # A pooler belongs to the head: many checkpoints are published without one.
    missing = sorted(name for name in info["missing_keys"] if name.startswith(prefix) and "pooler" not in name)
    if missing:
        raise ModelError(
            "",
            "model",
            f"{source.location} lacks {len(missing)} weights of its encoder, such as {missing[0]}",
        )
    # Loading replaces a weight of another shape by random numbers: right for the head, never for the encoder.
    odd = sorted(name for name, *_ in info["mismatched_keys"] if name.startswith(prefix) and "pooler" not in name)
    if odd:
        raise ModelError(
            "",
            "model",
            f"{source.location} has {len(odd)} weights of another shape than its config.json says, such as {odd[0]}",
        )


def _check_dropouts(model: nn.Module, probability: float) -> None:
    for name, actual in module_dropouts(model).items():
        if actual != probability:
            raise ModelError(
                "",
                "model",
                f"dropout of {name} stays {actual}: {type(model).__name__} has no configuration for it",
            )


def describe(config: Any) -> dict[str, Any]:
    """Return the facts about a model that a study needs before it trains one."""
    return {
        "model_type": config.model_type,
        "hidden_size": getattr(config, "hidden_size", None),
        "layers": getattr(config, "num_hidden_layers", None),
        "dropouts": config_dropouts(config),
    }
