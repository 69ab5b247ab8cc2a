"""Models: a pretrained encoder with a fresh head, and the parts of it that a study needs to know."""

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
from tuner.training.model.dropout import config_dropouts, dropout_overrides, module_dropouts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import nn

    from tuner.training.tasks.base import Task
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


def build_model(
    task: Task, model: ModelSource, *, labels: Sequence[str], dropout: float | None, seed: int
) -> nn.Module:
    """Load the pretrained weights under a fresh head, or take them from the template of this process.

    Args:
        task: Decides the class of the model.
        model: The checkpoint.
        labels: Names of the classes, in the order of the logits.
        dropout: Probability of every dropout; None leaves the checkpoint's own.
        seed: Decides the head's initial weights.

    Returns:
        The model in fp32, on the processor.

    Raises:
        ModelError: The checkpoint has no weights, not those of its encoder, or a dropout that cannot be set.
    """
    taken = template.take(task, model, labels=labels, dropout=dropout, seed=seed)
    return load_pretrained(task, model, labels=labels, dropout=dropout, seed=seed)[0] if taken is None else taken


def keep_template(task: Task, model: ModelSource, *, labels: Sequence[str], seed: int, room: int | None) -> None:
    """Build a model of which every process that is forked from this one has its own.

    In one thread: one that started here would be missing in a fork. Nothing is read of what there is no room for.

    Args:
        task: Decides the class of the model.
        model: The checkpoint; on this machine already.
        labels: Names of the classes, in the order of the logits.
        seed: Decides the head's initial weights.
        room: Bytes that it may take; None if unknown.

    Raises:
        Unusable: The model is one that has to be built anew each time.
        ModelError: It cannot be built.
    """
    template.keep(None)
    if model.trust_remote_code:
        raise template.Unusable("code that it brings along may start threads, which a fork is without")
    with _alone():
        empty = _without_weights(task, load_config(model), template.BUILT_WITH)
        if room is not None and sum(each.nbytes for each in empty.state_dict().values()) > room:
            raise template.Unusable("it is too large")
        others = _other_random_states()
        built: Any = load_pretrained(task, model, labels=labels, dropout=template.BUILT_WITH, seed=seed)[0]
        drawn = torch.get_rng_state()
        if _other_random_states() != others:
            raise template.Unusable("building it draws random numbers of Python's or numpy's own")
        template.check(built, lambda dropout: _without_weights(task, built.config, dropout))
    template.keep(
        template.Template(task=task, source=model, labels=tuple(labels), seed=seed, model=built, random=drawn)
    )


def _without_weights(task: Task, config: Any, dropout: float) -> nn.Module:
    settings = {**config.to_dict(), **dropout_overrides(config, dropout)}
    with torch.device("meta"):
        built: nn.Module = task.auto_model.from_config(type(config).from_dict(settings), dtype=torch.float32)
    return built


def _other_random_states() -> bytes:
    return pickle.dumps((random.getstate(), np.random.get_state()))


@contextmanager
def _alone() -> Iterator[None]:
    """Have libraries start no thread and ask no hub: the model was fetched before."""
    from huggingface_hub import constants

    with patch.object(constants, "HF_HUB_OFFLINE", True), patch.dict(os.environ, HF_DEACTIVATE_ASYNC_LOAD="1"):
        yield


def load_pretrained(
    task: Task, model: ModelSource, *, labels: Sequence[str], dropout: float | None, seed: int
) -> tuple[nn.Module, frozenset[str]]:
    """Build a model as `build_model` does, and say what of it is not pretrained.

    Returns:
        The model, and the names of its weights that are not the checkpoint's: those of the fresh head.
    """
    config = load_config(model)
    overrides = dropout_overrides(config, dropout)
    names = dict(enumerate(labels))
    torch.manual_seed(seed)
    try:
        built, info = task.auto_model.from_pretrained(
            model.location,
            **model.arguments,
            num_labels=len(labels),
            id2label=names,
            label2id={name: index for index, name in names.items()},
            use_safetensors=True,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **overrides,
        )
    except (OSError, ValueError, KeyError) as error:
        reason = loading_problem(error)
        raise ModelError("", "model", f"{model.location} has no usable weights: {reason}") from error
    _check_encoder_is_pretrained(built, info, model)
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
    """Return what a study needs to know of a model before it trains one."""
    return {
        "model_type": config.model_type,
        "hidden_size": getattr(config, "hidden_size", None),
        "layers": getattr(config, "num_hidden_layers", None),
        "dropouts": config_dropouts(config),
    }
