"""The trunk: runs the layers of a model up to some depth alone, and the layers above that depth alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from tuner.training.trunk.first_token_layer import one_token_of

if TYPE_CHECKING:
    from torch import nn

    from tuner.training.model.layers import LayerMap

#: How far logits of an example computed in two ways may differ, relative to the largest logit.
SAME = 1e-4


class _Reached(Exception):
    """Ends a forward pass once the deepest wanted layer is computed."""


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """Properties of a model, found by trying it on a few examples."""

    #: The reason why the upper layers cannot be run without the trunk; None where they can.
    complaint: str | None
    #: Whether the head reads the first token of the last layer and no other.
    reads_first: bool
    #: Whether the last layer, computed for that token alone, gives the same logits.
    one_token_layer: bool


class Trunk:
    """Runs parts of a model through the model's own code.

    The layers up to a depth can be left out, if their output is given. The layers above a depth can be left out. The
    last layer can be computed for its first token alone. Weights, modules and their names do not change: only the
    modules' `forward` is replaced.

    Args:
        model: A transformers model.
        layer_map: Its layers.
    """

    def __init__(self, model: nn.Module, layer_map: LayerMap) -> None:
        self._model = model
        self._layers = [model.get_submodule(name) for name in layer_map.layers]
        self._below = _embeddings(model, layer_map)
        #: The function that computes the last layer for one token, where it may be used.
        self._one_token: Any = None
        #: The output of the layers up to a depth, and that depth, while these layers are left out.
        self._given: torch.Tensor | None = None
        self._given_depth = 0
        #: Depths whose output is wanted, and the outputs computed so far.
        self._wanted: Collection[int] = ()
        self._found: dict[int, torch.Tensor] = {}
        #: Length of the tuple that each layer returns; None where it returns a tensor.
        self._returns: list[int | None] = [None] * len(self._layers)
        #: Hidden size and type of the output of each module below the layers.
        self._embedded: list[tuple[int, torch.dtype] | None] = [None] * len(self._below)
        for number, layer in enumerate(self._layers):
            layer.forward = partial(self._layer, number, layer.forward)
        for number, module in enumerate(self._below):
            module.forward = partial(self._embed, number, module.forward)
        # DeBERTa-v2's encoder applies a convolution to the output of its first layer.
        self._convolution = getattr(model.get_submodule(layer_map.layers[0].rsplit(".", 2)[0]), "conv", None)
        if self._convolution is not None:
            self._convolution.forward = partial(self._convolve, self._convolution.forward)

    @property
    def depth(self) -> int:
        """The number of layers."""
        return len(self._layers)

    def examine(
        self, inputs: Mapping[str, torch.Tensor], outline: Mapping[str, torch.Tensor], depths: Collection[int]
    ) -> tuple[Anatomy, dict[int, torch.Tensor]]:
        """Find the layers that can be left out, by leaving them out for a few examples of unequal length.

        Draws no random number.

        Args:
            inputs: The arguments of the model.
            outline: The same, without the inputs that only the embeddings read.
            depths: Layers above which the model is to be run, counted from 1.

        Returns:
            The model's properties, and the output of every layer, as of `states`.
        """
        with torch.no_grad(), self._evaluating():
            # The output of every layer is asked for, because the form in which each layer returns it is needed later.
            whole, states = self._whole(inputs)
            tried = {self.depth, *sorted(depths)[:1], *sorted(depths)[-1:]}
            complaint = self._complaint(whole, states, outline, tried)
            if complaint is not None:
                return Anatomy(complaint=complaint, reads_first=False, one_token_layer=False), states
            last = states[self.depth]
            reads_first = last.shape[1] > 1 and self._reads_first(last, outline)
            anatomy = Anatomy(
                complaint=None,
                reads_first=reads_first and _same(whole, self._head(last, outline)),
                one_token_layer=reads_first and self._has_one_token_layer(whole, states, outline),
            )
            return anatomy, states

    def use_one_token_layer(self) -> None:
        """From now on, compute the last layer for its first token alone, unless it is left out."""
        self._one_token = one_token_of(self._layers[-1])

    @torch.no_grad()
    def states(self, inputs: Mapping[str, torch.Tensor], depths: Collection[int]) -> dict[int, torch.Tensor]:
        """Return the output of some layers for some examples, in evaluation mode.

        Args:
            inputs: The arguments of the model.
            depths: The layers, counted from 1.

        Returns:
            By layer, its output. Shape: (examples, tokens, hidden).
        """
        with suppress(_Reached), self._finding(depths) as found, self._evaluating():
            self._model(**inputs)
        return found

    def upper(self, outline: Mapping[str, torch.Tensor], states: torch.Tensor, depth: int) -> Any:
        """Return the model's output, computed from the output of one of its layers.

        Args:
            outline: The arguments of the model: their shapes, and the inputs that modules above the embeddings read.
            states: Output of layer `depth`. Shape: (examples, tokens, hidden).
            depth: Number of that layer, counted from 1.
        """
        self._given, self._given_depth = states, depth
        try:
            return self._model(**outline)
        finally:
            self._given, self._given_depth = None, 0

    # ---- replacements for `forward` of layers and embeddings

    def _layer(self, number: int, forward: Any, hidden: torch.Tensor, *arguments: Any, **more: Any) -> Any:
        depth = number + 1
        if self._given is not None and depth <= self._given_depth:
            count = self._returns[number]
            return self._given if count is None else (self._given, *[None] * (count - 1))
        if self._one_token is not None and depth == self.depth and depth not in self._wanted:
            return self._one_token(self._layers[number], hidden, *arguments, **more)
        made = forward(hidden, *arguments, **more)
        if self._wanted:
            self._returns[number] = len(made) if isinstance(made, tuple) else None
            if depth > 1 or self._convolution is None:
                self._find(depth, made[0] if isinstance(made, tuple) else made)
        return made

    def _convolve(self, forward: Any, hidden: torch.Tensor, made: torch.Tensor, *arguments: Any) -> torch.Tensor:
        if self._given is not None:
            return made
        convolved: torch.Tensor = forward(hidden, made, *arguments)
        if self._wanted:
            self._find(1, convolved)
        return convolved

    def _find(self, depth: int, states: torch.Tensor) -> None:
        if depth in self._wanted:
            self._found[depth] = states
        if depth == max(self._wanted) and depth < self.depth:
            raise _Reached

    def _embed(self, number: int, forward: Any, *arguments: Any, **more: Any) -> Any:
        known = self._embedded[number]
        if self._given is not None and known is not None:
            size, dtype = known
            return torch.zeros(1, 1, 1, dtype=dtype, device=self._given.device).expand(*self._given.shape[:2], size)
        made = forward(*arguments, **more)
        if isinstance(made, torch.Tensor) and made.ndim == 3:
            self._embedded[number] = (made.shape[-1], made.dtype)
        return made

    @contextmanager
    def _finding(self, depths: Collection[int]) -> Iterator[dict[int, torch.Tensor]]:
        self._wanted, self._found = frozenset(depths), {}
        try:
            yield self._found
        finally:
            self._wanted = ()

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        training = [module for module in self._model.modules() if module.training]
        for module in training:
            module.training = False
        try:
            yield
        finally:
            for module in training:
                module.training = True

    # ---- trying

    def _whole(self, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, dict[int, torch.Tensor]]:
        with self._finding({*range(1, self.depth + 1)}) as states:
            return self._model(**inputs).logits, states

    def _complaint(
        self,
        whole: torch.Tensor,
        states: Mapping[int, torch.Tensor],
        outline: Mapping[str, torch.Tensor],
        tried: Collection[int],
    ) -> str | None:
        if set(states) != {*range(1, self.depth + 1)} or any(found.ndim != 3 for found in states.values()):
            return "its layers return no hidden states"
        for depth in sorted(tried):
            try:
                logits = self.upper(outline, states[depth], depth).logits
            except Exception as error:  # the model's code was not written for this and may raise anything
                return f"it does not run from layer {depth} on ({type(error).__name__})"
            if not _same(whole, logits):
                return f"it computes something else from layer {depth} on"
        return None

    def _reads_first(self, last: torch.Tensor, outline: Mapping[str, torch.Tensor]) -> bool:
        with torch.enable_grad():
            leaf = last.detach().requires_grad_()
            logits = self.upper(outline, leaf, self.depth).logits.float()
            # Unequal weights: the plain sum has no gradient where each logit is the opposite of another one.
            weights = torch.arange(1, logits.numel() + 1, device=logits.device).view_as(logits)
            (gradient,) = torch.autograd.grad((logits * weights).sum(), leaf)
        return bool((gradient[:, 1:] == 0).all()) and bool((gradient[:, 0] != 0).any())

    def _head(self, last: torch.Tensor, outline: Mapping[str, torch.Tensor]) -> torch.Tensor | None:
        try:
            return self.upper(first_tokens(outline), last[:, :1], self.depth).logits
        except Exception:  # a head may need the whole text to find the token that it reads, and may raise anything
            return None

    def _has_one_token_layer(
        self, whole: torch.Tensor, states: Mapping[int, torch.Tensor], outline: Mapping[str, torch.Tensor]
    ) -> bool:
        if self.depth < 2 or one_token_of(self._layers[-1]) is None:
            return False
        self.use_one_token_layer()
        try:
            return _same(whole, self.upper(outline, states[self.depth - 1], self.depth - 1).logits)
        except Exception:  # the layer has the modules of a known one, but other code
            return False
        finally:
            self._one_token = None


def first_tokens(outline: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return inputs with the first token of each text alone. Inputs that are no texts are returned unchanged."""
    return {name: value[:, :1] if value.ndim == 2 else value for name, value in outline.items()}


def width_multiple(device: str) -> int:
    """Return the number of tokens of which the width of every row of the trunk is a multiple.

    It keeps an example's numbers independent of the other examples of its batch. A CPU sums a row one vector of
    numbers at a time; numbers that fill no whole vector are added in another order. If the width leaves no such
    rest, padding adds whole vectors of zeros, which changes no bit. Measured on AVX-512 with models for texts of
    five architectures: of 96 texts in batches of 1 to 32, up to 74 differ in their last bits if rows have any
    width, 45 with a multiple of 8, none with 16. The 8 for other devices is not from this measurement.
    """
    if device != "cpu":
        return 8
    return 16 if torch.backends.cpu.get_cpu_capability().startswith("AVX512") else 8


def _embeddings(model: nn.Module, layer_map: LayerMap) -> list[nn.Module]:
    """Return the modules of an encoder that run before its layers: its direct children of depth 0."""
    base = model.get_submodule(layer_map.encoder)
    names = [f"{layer_map.encoder}.{child}" for child, _ in base.named_children()]
    return [model.get_submodule(name) for name in names if layer_map.depth(name) == 0]


def _same(one: torch.Tensor, other: torch.Tensor | None) -> bool:
    if other is None or one.shape != other.shape:
        return False
    largest = one.abs().max().clamp(min=1e-3)
    return bool(((one - other).abs().max() <= SAME * largest).item())
