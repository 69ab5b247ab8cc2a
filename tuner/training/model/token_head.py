"""The output layer of a language model, computed for the tokens that count alone: a vocabulary makes large logits."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from tuner.training.model.evaluation_mode import evaluating

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import nn


@dataclass(frozen=True, kw_only=True)
class TokenLogits:
    """What a language model makes of the tokens that count, row after row."""

    #: (tokens, vocabulary) where `project` is None, else the states that it makes logits from: (tokens, hidden).
    values: torch.Tensor
    #: Makes logits from some of the states, so that those of all tokens are never in memory at once.
    project: Callable[[torch.Tensor], torch.Tensor] | None
    #: How many of the tokens belong to each example, in their order. Shape: (examples,).
    counts: torch.Tensor


def keep_no_cache(model: Any) -> None:
    """Have a language model keep no keys and values, which only a continuation needs."""
    if hasattr(model.config, "use_cache"):
        model.config.use_cache = False


class TokenHead:
    """Has a language model compute its output layer for chosen tokens.

    Where the model does nothing with the layer's output, the layer is left to whoever needs the logits, who may compute
    them in parts. Whether it does is found by one forward pass, so that it is the same for each attempt at a trial.

    Args:
        model: A model with an output layer over its vocabulary.
        inputs: The arguments of the model for an example.
        autocast: The type in which the layer computes; float32 for that of its weights.
    """

    def __init__(self, model: nn.Module, inputs: Mapping[str, torch.Tensor], autocast: torch.dtype) -> None:
        keep_no_cache(model)
        get_layer: Any = model.get_output_embeddings
        layer = get_layer()
        self._forward = layer.forward
        self._autocast = autocast
        #: Which places count now: (examples, tokens); None for all of them.
        self._chosen: torch.Tensor | None = None
        made: list[torch.Tensor] = []
        watching = layer.register_forward_hook(lambda *call: made.append(call[-1]))
        with torch.no_grad(), evaluating(model):
            logits = model(**inputs).logits
        watching.remove()
        self._is_last = len(made) == 1 and _is_same(logits, made[0])
        layer.forward = self._layer

    def _layer(self, hidden: torch.Tensor) -> torch.Tensor:
        if self._chosen is None:
            whole: torch.Tensor = self._forward(hidden)
            return whole
        chosen = hidden[self._chosen][None]
        return chosen if self._is_last else self._forward(chosen)

    @contextmanager
    def computing(self, chosen: torch.Tensor) -> Iterator[None]:
        """Have the model return what `logits` takes, for the places that count.

        Args:
            chosen: Which places count. Shape: (examples, tokens).
        """
        self._chosen = chosen
        try:
            yield
        finally:
            self._chosen = None

    def logits(self, made: torch.Tensor, chosen: torch.Tensor) -> TokenLogits:
        """Return what the model has made of the chosen places."""
        return TokenLogits(values=made[0], project=self._projected if self._is_last else None, counts=chosen.sum(dim=1))

    def _projected(self, states: torch.Tensor) -> torch.Tensor:
        lower = self._autocast != torch.float32
        with torch.autocast(states.device.type, dtype=self._autocast if lower else None, enabled=lower):
            made: torch.Tensor = self._forward(states)
        return made


def _is_same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and bool(torch.equal(one.float(), other.float()))
