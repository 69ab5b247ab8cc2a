"""Loading of models: a pretrained encoder under a fresh head."""

from __future__ import annotations

import copy
import os
import pickle
import random
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

import numpy as np
import torch

from tuner.errors import ModelError
from tuner.study.loading_problems import loading_problem
from tuner.training.model import template
from tuner.training.model.blueprint import Blueprint
from tuner.training.model.dropout import set_config_dropouts, set_dropouts
from tuner.training.model.padding import configure, configure_enlarged, enlarge, told

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from torch import nn

    from tuner.trial.anatomy import Anatomy
    from tuner.trial.run import ModelSource


def load_config(model: ModelSource) -> Any:
    """Load a model's configuration.

    Raises:
        ModelError: There is none.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(model.location, **model.arguments)
    except (OSError, ValueError, KeyError) as error:
        reason = loading_problem(error)
        raise ModelError("", "model", f"{model.location} has no usable configuration: {reason}") from error
    config.return_dict = True  # False in some checkpoints: their model returns a tuple without names
    return config


def build_model(blueprint: Blueprint, *, dropout: float | None) -> nn.Module:
    """Load the pretrained weights under a fresh head, or take the model from this process's template.

    Args:
        blueprint: Class, checkpoint, head and seed.
        dropout: Probability of every dropout; None leaves the checkpoint's own.

    Returns:
        The model in fp32, on the processor.

    Raises:
        ModelError: The checkpoint lacks weights, or weights of its encoder.
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
        empty = _without_weights(blueprint, headed_configuration(blueprint)[0], template.BUILT_WITH)
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
    config = copy.deepcopy(config)
    if blueprint.padding is not None:
        configure_enlarged(config, blueprint.padding)

    def build(config: Any) -> Any:
        with torch.device("meta"):
            return blueprint.auto_model.from_config(config, dtype=torch.float32)

    built: nn.Module = build(config) if dropout is None else _with_dropout(build, config, dropout)
    if dropout is not None:
        set_dropouts(built, dropout)
    return built


def _with_dropout(build: Callable[[Any], Any], config: Any, dropout: float) -> Any:
    """Build from a configuration whose dropouts are set, or from the configuration as it is if that is refused.

    DiffLlama draws no dropout, and refuses a configuration with one.
    """
    asked = copy.deepcopy(config)
    set_config_dropouts(asked, dropout)
    with suppress(ValueError):
        return build(asked)
    return build(copy.deepcopy(config))


def headed_configuration(blueprint: Blueprint) -> tuple[Any, dict[str, Any]]:
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
    config, arguments = headed_configuration(blueprint)

    def build(config: Any) -> Any:
        torch.manual_seed(blueprint.seed)
        with told(blueprint.padding, model.location):
            return blueprint.auto_model.from_pretrained(
                model.location,
                config=config,
                **model.arguments,
                **arguments,
                use_safetensors=True,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )

    try:
        built, info = build(config) if dropout is None else _with_dropout(build, config, dropout)
    except ModelError:
        raise
    except (ImportError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = loading_problem(error)
        raise ModelError("", "model", f"{model.location} has no usable weights: {reason}") from error
    if getattr(built, "is_quantized", False):
        reason = "its weights are quantized and cannot be trained; name the checkpoint that they were made from"
        raise ModelError("", "model", f"{model.location}: {reason}")
    _check_encoder_is_pretrained(built, info, model)
    if blueprint.padding is not None and blueprint.padding.embeddings is not None:
        with told(blueprint.padding, model.location):
            outline = _without_weights(blueprint, built.config, None)
        enlarge(built, blueprint.padding, outline)
    if dropout is not None:
        # Some dropouts are no entry of the configuration.
        set_dropouts(built, dropout)
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
    classes = cast("Any", model).config.num_labels
    # Loading replaces a weight of another shape by random numbers: right for the head, never for the encoder.
    odd = sorted(
        name
        for name, there, here in info["mismatched_keys"]
        if name.startswith(prefix) and "pooler" not in name and not _is_of_classes(there, here, classes)
    )
    if odd:
        raise ModelError(
            "",
            "model",
            f"{source.location} has {len(odd)} weights of another shape than its config.json says, such as {odd[0]}",
        )


def _is_of_classes(there: Sequence[int], here: Sequence[int], classes: int) -> bool:
    """Return whether a weight differs in its number of classes alone: some models have their head inside the base."""
    return tuple(here[:1]) == (classes,) and tuple(there[1:]) == tuple(here[1:])


def check_pretrained(anatomy: Anatomy, fresh: Collection[str], location: str) -> None:
    """Check that all weights below the head are the checkpoint's, wherever an architecture keeps them.

    Args:
        anatomy: The parts of the model.
        fresh: Names of the weights that are not the checkpoint's.
        location: The checkpoint's name for the user.

    Raises:
        ModelError: Layers or embeddings have fresh weights.
    """
    if missing := sorted(name for name in fresh if anatomy.depth(name) is not None):
        raise ModelError("", "model", f"{location} lacks {len(missing)} weights below its head, such as {missing[0]}")
