"""Whether adapters change nothing before training, are all trained, and can be merged, judged by plain torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch

from tuner.training.model.adapters import merge_adapters

if TYPE_CHECKING:
    from torch import nn

#: Relative difference of logits that rounding may explain.
_ROUNDING = 1e-4


def adapter_complaints(plain: nn.Module, adapted: nn.Module, inputs: Mapping[str, torch.Tensor]) -> Iterator[str]:
    """Yield what is wrong with the adapters of a model.

    Args:
        plain: The model without adapters.
        adapted: The same model with adapters that are not trained.
        inputs: The arguments for a few examples.
    """
    before = _logits(plain, inputs)
    if not _are_alike(_logits(adapted, inputs), before):
        yield "they change the logits before they are trained"
    for name, parameter in adapted.named_parameters():
        if ".lora_B." in name:
            torch.nn.init.normal_(parameter, std=0.02)
    made: Any = adapted.eval()
    made(**inputs).logits.square().sum().backward()
    # Some weights have no gradient in the plain model either, such as those of experts that see no example.
    loose: Any = plain.eval()
    loose(**inputs).logits.square().sum().backward()
    moved = {name.removesuffix(".weight") for name, each in plain.named_parameters() if each.grad is not None}
    without = [
        name
        for name, each in adapted.named_parameters()
        if ".lora_" in name and each.grad is None and name.partition(".lora_")[0] in moved
    ]
    if without:
        yield f"{len(without)} have no gradient, such as {without[0]}"
    other = [name for name, each in adapted.named_parameters() if each.grad is not None and not each.requires_grad]
    yield from (f"{name} is not trained and has a gradient" for name in other)
    trained = _logits(adapted, inputs)
    if torch.equal(trained, before):
        yield "they change nothing"
    merge_adapters(adapted)
    if not _are_alike(_logits(adapted, inputs), trained):
        yield "merged they compute other logits"
    if [type(module) for module in adapted.modules()] != [type(module) for module in plain.modules()]:
        yield "merged they leave other modules"


@torch.no_grad()
def _logits(model: Any, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    torch.manual_seed(0)  # some architectures draw hashes
    found: torch.Tensor = model.eval()(**inputs).logits
    return found


def _are_alike(one: torch.Tensor, other: torch.Tensor) -> bool:
    return bool((one - other).abs().max() <= _ROUNDING * other.abs().max().clamp(min=1.0))
