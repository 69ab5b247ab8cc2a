"""Gradient checkpointing: layers are computed again for the gradient, so that less of them is kept in memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

#: Returns a context for the first computation of a layer, and one for the second.
Contexts: TypeAlias = Callable[[], tuple[AbstractContextManager[Any], AbstractContextManager[Any]]]


class Checkpointing:
    """The gradient checkpointing of a model, which is off until memory is short.

    Losses and gradients are the same: random numbers are drawn again from where they were.

    Args:
        model: The model.
        contexts: What has to be as it was while a layer is computed again.
    """

    def __init__(self, model: Any, contexts: Contexts) -> None:
        self._model = model
        self._contexts = contexts
        self.is_on = False

    @property
    def is_known(self) -> bool:
        """Whether the model's authors have provided for it."""
        return bool(getattr(self._model, "supports_gradient_checkpointing", False))

    @property
    def is_possible(self) -> bool:
        """Whether it can be turned on."""
        return self.is_known and not self.is_on

    def begin(self) -> None:
        """Turn it on."""
        model = self._model
        # Since version 5 transformers calls it by another name.
        enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        enable({"use_reentrant": False, "context_fn": self._contexts})
        self.is_on = True

    def recorded(self) -> dict[str, bool]:
        """Return its part of the effective configuration: nothing for a model that does not know it."""
        return {"gradient_checkpointing": self.is_on} if self.is_known else {}
