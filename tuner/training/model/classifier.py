"""The classifier of a model: the module of its head that turns one input an example into the logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from tuner.training.model.evaluation_mode import evaluating
from tuner.trial.anatomy import Freezable

if TYPE_CHECKING:
    from torch import nn

    from tuner.trial.anatomy import Anatomy


def find_classifier(model: nn.Module, anatomy: Anatomy, inputs: Mapping[str, torch.Tensor]) -> str | None:
    """Return the name of the module whose output is the model's logits; None where there is none.

    It belongs to the head, runs once, and takes one tensor whose size does not depend on the length of a text. Draws no
    random number.

    Args:
        model: The model.
        anatomy: Its parts.
        inputs: The arguments of the model for a few examples.
    """
    if anatomy.freezable == Freezable.NOTHING:  # what belongs to the head is not known
        return None
    modules = dict(model.named_modules())
    calls: dict[str, list[_Call]] = {}
    names = [name for name in anatomy.head(dict(model.named_parameters())) if name in modules]
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
    return next((name for name, found in calls.items() if len(found) == 1 and _makes(found[0], logits, anatomy)), None)


#: Arguments, keyword arguments and output of a call.
_Call = tuple[tuple[Any, ...], dict[str, Any], Any]


def _recorder(calls: list[_Call]) -> Any:
    def record(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        calls.append((given, named, output))

    return record


def _makes(call: _Call, logits: torch.Tensor, anatomy: Anatomy) -> bool:
    given, named, output = call
    if len(given) != 1 or named or not isinstance(given[0], torch.Tensor) or not isinstance(output, torch.Tensor):
        return False
    is_of_examples = given[0].is_floating_point() and len(given[0]) == len(logits)
    has_one_size = given[0].ndim == 2 or anatomy.padding is None  # pictures are of one size
    return is_of_examples and has_one_size and output.shape == logits.shape and bool(torch.equal(output, logits))
