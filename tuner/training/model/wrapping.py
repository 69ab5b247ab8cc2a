"""Replacement of every module's `forward` for a while, to watch a model compute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from torch import nn

Forward: TypeAlias = Callable[..., Any]


@contextmanager
def wrapped_forwards(model: nn.Module, wrap: Callable[[str, Forward], Forward]) -> Iterator[None]:
    """Replace the `forward` of every module, and restore it afterwards.

    Hooks would miss modules whose `forward` another module calls by its name, as SqueezeBERT's encoder does.

    Args:
        model: The model.
        wrap: Takes the name of a module and its `forward`; returns the function that replaces it.
    """
    modules = dict(model.named_modules())
    before = {name: vars(module).get("forward") for name, module in modules.items()}
    try:
        for name, module in modules.items():
            module.forward = wrap(name, module.forward)
        yield
    finally:
        for name, module in modules.items():
            if before[name] is not None:
                module.forward = before[name]
            elif "forward" in vars(module):
                del module.forward
