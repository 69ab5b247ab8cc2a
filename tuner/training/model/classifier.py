"""The classifier of a model: the module of its head that turns one input an example into the logits."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import torch

from tuner.training.model.evaluation_mode import evaluating
from tuner.trial.anatomy import Freezable

if TYPE_CHECKING:
    from torch import nn

    from tuner.trial.anatomy import Anatomy


def find_classifier(
    model: nn.Module, anatomy: Anatomy, inputs: Mapping[str, torch.Tensor], *, fresh: Collection[str]
) -> str | None:
    """Return the name of the module whose output is the model's logits; None where there is none.

    It belongs to the head, has all weights that are not pretrained, runs once, and takes one vector an example. Draws
    no random number.

    Args:
        model: The model.
        anatomy: Its parts.
        inputs: The arguments of the model for a few examples.
        fresh: Names of the weights that the checkpoint does not have.
    """
    if anatomy.freezable == Freezable.NOTHING:  # what belongs to the head is not known
        return None
    modules = dict(model.named_modules())
    calls: dict[str, list[_Call]] = {}
    heads = anatomy.head(dict(model.named_parameters()))
    names = [name for name in heads if name in modules and all(each.startswith(f"{name}.") for each in fresh)]
    hooks = [
        modules[name].register_forward_hook(_recorder(calls.setdefault(name, [])), with_kwargs=True) for name in names
    ]
    try:
        with torch.no_grad(), evaluating(model):
            logits = model(**inputs).logits
    except Exception:  # the model's own code may raise anything; other examinations name the reason
        return None
    finally:
        for hook in hooks:
            hook.remove()
    return next((name for name, found in calls.items() if len(found) == 1 and _makes(found[0], logits)), None)


#: Arguments, keyword arguments and output of a call.
_Call = tuple[tuple[Any, ...], dict[str, Any], Any]


def _recorder(calls: list[_Call]) -> Any:
    def record(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        calls.append((given, named, output))

    return record


def _makes(call: _Call, logits: torch.Tensor) -> bool:
    given, named, output = call
    if len(given) != 1 or named or not isinstance(given[0], torch.Tensor) or not isinstance(output, torch.Tensor):
        return False
    if not given[0].is_floating_point() or given[0].ndim < 2 or len(given[0]) != len(logits):
        return False
    # The pooled states of pictures have further dimensions of size 1.
    is_vector = given[0].shape[1] == given[0][0].numel()
    return is_vector and output.shape == logits.shape and bool(torch.equal(output, logits))
