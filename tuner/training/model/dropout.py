"""Dropout: set by the names that it has in an architecture's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Names of dropout probabilities in transformers' configurations. `layerdrop` and `drop_path_rate` are left out: they
#: drop whole layers.
CONFIG_NAMES = (
    "activation_dropout",
    "attention_dropout",
    "attention_probs_dropout_prob",
    "attn_dropout",
    "attn_pdrop",
    "classifier_dropout",
    "classifier_dropout_prob",
    "cls_dropout",
    "dropout",
    "dropout_rate",
    "embd_pdrop",
    "embedding_dropout",
    "hidden_dropout",
    "hidden_dropout_prob",
    "mlp_dropout",
    "pooler_dropout",
    "qa_dropout",
    "resid_pdrop",
    "seq_classif_dropout",
    "summary_first_dropout",
    "summary_last_dropout",
)
#: Attributes in which modules keep a probability that they pass to a function instead of to a dropout module.
_FUNCTIONAL = ("attention_dropout", "attn_dropout", "dropout", "dropout_prob")


def config_dropouts(config: Any) -> list[str]:
    """Return the names of dropout probabilities that a transformers configuration has."""
    return [name for name in CONFIG_NAMES if hasattr(config, name)]


def dropout_overrides(config: Any, probability: float | None) -> dict[str, float]:
    """Return the settings that give every dropout of a configuration a probability; none for a probability of None."""
    return {} if probability is None else dict.fromkeys(config_dropouts(config), probability)


def module_dropouts(model: nn.Module, *, skip: Callable[[str], bool] = lambda _: False) -> Mapping[str, float]:
    """Return the probability of every dropout in a model, by module.

    Args:
        model: The model.
        skip: Takes a module's name; returns whether to leave the module out, such as a frozen one.
    """
    found: dict[str, float] = {}
    for name, module in model.named_modules():
        if skip(name):
            continue
        if isinstance(module, nn.Dropout):
            found[name] = float(module.p)
            continue
        for attribute in _FUNCTIONAL:
            probability: Any = module.__dict__.get(attribute)
            if _is_probability(probability):
                found[f"{name}:{attribute}"] = float(probability)
    return found


def set_dropouts(model: nn.Module, probability: float) -> None:
    """Set every dropout probability of a built model, in its modules and in their configurations."""
    for module in model.modules():
        config = getattr(module, "config", None)
        for name in () if config is None else config_dropouts(config):
            setattr(config, name, probability)
        if isinstance(module, nn.Dropout):
            module.p = probability
            continue
        for attribute in _FUNCTIONAL:
            if _is_probability(module.__dict__.get(attribute)):
                setattr(module, attribute, probability)


def _is_probability(value: Any) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool)
