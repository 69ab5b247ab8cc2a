"""The examination of a trunk: whether a model's upper layers can be run from stored hidden states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from tuner.training.model.evaluation_mode import evaluating
from tuner.training.trunk.first_token_layer import one_token_of
from tuner.training.trunk.trunk import Trunk, first_tokens
from tuner.trial.anatomy import Freezable, TrunkFacts

if TYPE_CHECKING:
    from torch import nn

    from tuner.trial.anatomy import Anatomy

#: How far logits of an example computed in two ways may differ, relative to the largest logit.
SAME = 1e-4


def examine_trunk(
    model: nn.Module, anatomy: Anatomy, inputs: Mapping[str, torch.Tensor], outline: Mapping[str, torch.Tensor]
) -> TrunkFacts:
    """Find out whether hidden states can replace the frozen layers, by replacing them for a few examples.

    Draws no random number. The model cannot be trained afterwards: some modules' `forward` stay replaced.

    Args:
        model: The model.
        anatomy: Its parts, and how far padding changes its logits.
        inputs: The arguments of the model for a few examples of unequal length.
        outline: The same, without the inputs that only the embeddings read.
    """
    if complaint := _indivisible(anatomy):
        return TrunkFacts(complaint=complaint)
    try:
        with torch.no_grad(), evaluating(model):
            return _Trial(model, anatomy, inputs, outline).facts()
    except Exception as error:  # the model's code was not written for this and may raise anything
        return TrunkFacts(complaint=f"its layers cannot be run apart ({type(error).__name__})")


def _indivisible(anatomy: Anatomy) -> str | None:
    if anatomy.freezable != Freezable.LAYERS:
        return anatomy.reason
    if any(len(row) > 1 for row in anatomy.layers):
        return "its layers are several modules each"
    if anatomy.mixes_padding:
        return f"it mixes padding into texts ({anatomy.padding_difference:.1g})"
    return None


class _Trial:
    """One model's trunk, tried on a few examples."""

    def __init__(
        self,
        model: nn.Module,
        anatomy: Anatomy,
        inputs: Mapping[str, torch.Tensor],
        outline: Mapping[str, torch.Tensor],
    ) -> None:
        self._trunk = Trunk(model, anatomy)
        self._outline = outline
        self._inputs = inputs

    def facts(self) -> TrunkFacts:
        trunk = self._trunk
        self._logits, self._states = trunk.whole(self._inputs)
        if complaint := self._complaint():
            return TrunkFacts(complaint=complaint)
        last = self._states[trunk.depth]
        reads_first = last.shape[1] > 1 and self._reads_first(last)
        of_texts = any(value.shape[:2] == last.shape[:2] for value in self._outline.values())
        return TrunkFacts(
            complaint=None,
            reads_first=reads_first and self._is_same(self._head(last)),
            one_token_layer=reads_first and self._has_one_token_layer(),
            hidden=last.shape[2],
            tokens=None if of_texts else last.shape[1],
        )

    def _complaint(self) -> str | None:
        depth = self._trunk.depth
        states = [self._states.get(each) for each in range(1, depth + 1)]
        if not all(isinstance(each, torch.Tensor) and each.ndim == 3 for each in states):
            return "its layers return no hidden states"
        shapes = {each.shape for each in states if each is not None}
        if len(shapes) > 1:
            return "the size of its hidden states changes from layer to layer"
        if any(value.ndim == 2 and value.shape[:2] != next(iter(shapes))[:2] for value in self._outline.values()):
            return "its hidden states are not one for each token"
        for each in sorted({1, max(1, depth // 2), max(1, depth - 1), depth}):
            try:
                logits = self._trunk.upper(self._outline, self._states[each], each).logits
            except Exception as error:  # the model's code was not written for this and may raise anything
                return f"it does not run from layer {each} on ({type(error).__name__})"
            if not self._is_same(logits):
                return f"it computes something else from layer {each} on"
        return None

    def _reads_first(self, last: torch.Tensor) -> bool:
        with torch.enable_grad():
            leaf = last.detach().requires_grad_()
            logits = self._trunk.upper(self._outline, leaf, self._trunk.depth).logits.float()
            # Unequal weights: the plain sum has no gradient where each logit is the opposite of another one.
            weights = torch.arange(1, logits.numel() + 1, device=logits.device).view_as(logits)
            (gradient,) = torch.autograd.grad((logits * weights).sum(), leaf)
        return bool((gradient[:, 1:] == 0).all()) and bool((gradient[:, 0] != 0).any())

    def _head(self, last: torch.Tensor) -> torch.Tensor | None:
        try:
            logits: torch.Tensor = self._trunk.upper(first_tokens(self._outline), last[:, :1], self._trunk.depth).logits
        except Exception:  # a head may need the whole text to find the token that it reads, and may raise anything
            return None
        return logits

    def _has_one_token_layer(self) -> bool:
        trunk = self._trunk
        if trunk.depth < 2 or one_token_of(trunk.last_layer) is None:
            return False
        trunk.use_one_token_layer()
        try:
            return self._is_same(trunk.upper(self._outline, self._states[trunk.depth - 1], trunk.depth - 1).logits)
        except Exception:  # the layer has the modules of a known one, but other code
            return False
        finally:
            trunk.use_one_token_layer(in_use=False)

    def _is_same(self, other: torch.Tensor | None) -> bool:
        one = self._logits
        if other is None or one.shape != other.shape:
            return False
        largest = one.abs().max().clamp(min=1e-3)
        return bool(((one - other).abs().max() <= SAME * largest).item())
