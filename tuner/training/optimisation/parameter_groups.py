"""The optimiser's parameter groups: learning rate and weight decay of each parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces import ADAPTER_RATE, RANDOM
from tuner.training.model.adapters import has_adapters, is_adapter
from tuner.training.optimisation.roles import decaying

if TYPE_CHECKING:
    from torch import nn

    from search_spaces import Hyperparameters
    from tuner.trial.anatomy import Anatomy


def parameter_groups(
    model: nn.Module, anatomy: Anatomy, hyperparameters: Hyperparameters, *, frozen_layers: int
) -> list[dict[str, Any]]:
    """Split the trained parameters into groups for AdamW.

    Args:
        model: The model.
        anatomy: Its parts.
        hyperparameters: Rates and decay.
        frozen_layers: Layers that are never trained; they and the modules below them are left out.

    Returns:
        Groups with `name`, `params`, `lr` and `weight_decay`. Vectors, scalars, biases and norms never decay.
        The head's rate is the learning rate times `head_learning_rate_factor` to the power of the frozen share of the
        layers: the published single rate where every layer is trained, the whole factor where only the head is. A
        layer's rate is the learning rate times `layerwise_lr_decay` to the power of its distance from the last layer.
        A head that begins fitted has learned already: its rate is the learning rate.
        The rate of adapters is `ADAPTER_RATE` times that of the layer's weights. A random head beside them learns at
        least as fast: the published scripts give both one rate.
    """
    layers = anatomy.count
    head_factor = hyperparameters.head_learning_rate_factor if hyperparameters.head_init == RANDOM else 1.0
    adapted = has_adapters(model)
    decayed = decaying(model)
    groups: dict[str, dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        # A parameter that the architecture keeps out of training, such as positions from a formula, stays out.
        if anatomy.is_frozen(name, frozen_layers) or not parameter.requires_grad:
            continue
        depth = anatomy.depth(name)
        decays = name in decayed
        if depth is None:
            part, factor = "head", head_factor ** (frozen_layers / layers)
            if adapted and hyperparameters.head_init == RANDOM:
                factor = max(factor, ADAPTER_RATE)
        else:
            whole, one, factor = (
                ("adapters", "adapter", ADAPTER_RATE) if is_adapter(name) else ("encoder", "layer", 1.0)
            )
            part = whole
            if hyperparameters.layerwise_lr_decay != 1:
                part = f"{one}-{depth}"
                factor *= hyperparameters.layerwise_lr_decay ** (layers - depth)
        group = groups.setdefault(
            f"{part}/{'decay' if decays else 'no_decay'}",
            {
                "params": [],
                "lr": hyperparameters.learning_rate * factor,
                "weight_decay": hyperparameters.weight_decay if decays else 0.0,
            },
        )
        group["params"].append(parameter)
    return [{"name": name, **group} for name, group in groups.items()]
