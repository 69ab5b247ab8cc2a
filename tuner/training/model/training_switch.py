"""Evaluation mode, until the last frozen layer has run, of modules that run both below and above it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from tuner.trial.anatomy import Anatomy


class TrainingSwitch:
    """Keeps dropout out of the frozen part where one module drops out below and above the last frozen layer.

    BART's encoder drops embeddings out in its own `forward`, which also runs its layers. T5 has one dropout module
    for the embeddings and for the output of its last layer. In training, such modules are in evaluation mode from the
    beginning of each forward pass until the last frozen layer has run.

    Args:
        model: The model.
        anatomy: Its parts.
    """

    def __init__(self, model: nn.Module, anatomy: Anatomy) -> None:
        self._anatomy = anatomy
        self._straddling = {name: model.get_submodule(name) for name in anatomy.straddling}
        self._model = model
        #: Layers that are frozen now.
        self.frozen_layers = 0
        self._restore: Callable[[], None] = _nothing
        if self._straddling:
            model.register_forward_pre_hook(self._begin)

    def _begin(self, model: nn.Module, *_: Any) -> None:
        self._restore()  # an earlier forward pass may have failed before its last frozen layer
        if not model.training or self.frozen_layers == 0:
            return
        layers = self._anatomy.layers[: self.frozen_layers]
        last = self._model.get_submodule(layers[-1][-1])
        runs = layers.count(layers[-1])
        self._set_training(is_training=False)
        # Replaced for one forward pass only, so that it makes no difference who else replaces `forward`, or when.
        own = last.__dict__.get("forward")
        forward = last.forward

        def restore() -> None:
            self._restore = _nothing
            if own is None:
                last.__dict__.pop("forward", None)
            else:
                last.forward = own
            self._set_training(is_training=True)

        def run(*arguments: Any, **more: Any) -> Any:
            nonlocal runs
            made = forward(*arguments, **more)
            runs -= 1
            if runs == 0:
                restore()
            return made

        last.forward = run
        self._restore = restore

    def _set_training(self, *, is_training: bool) -> None:
        for name, module in self._straddling.items():
            if not self._anatomy.is_frozen(name, self.frozen_layers):
                module.training = is_training


def _nothing() -> None:
    """Restore nothing."""
