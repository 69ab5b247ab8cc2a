"""The trunk: runs the layers of a model up to some depth alone, and the layers above that depth alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from tuner.training.model.evaluation_mode import evaluating
from tuner.training.trunk.first_token_layer import one_token_of

if TYPE_CHECKING:
    from torch import nn

    from tuner.trial.anatomy import Anatomy


class _Reached(Exception):
    """Ends a forward pass once the deepest wanted hidden states are computed."""


@dataclass(frozen=True, kw_only=True)
class _Outside:
    """The output of a module below the layers."""

    #: (examples or 1, tokens, hidden).
    shape: torch.Size
    dtype: torch.dtype


class Trunk:
    """Runs parts of a model through the model's own code.

    The layers up to a depth can be left out, if their output is given. The layers above a depth can be left out. The
    last layer can be computed for its first token alone. Weights, modules and their names do not change: only the
    modules' `forward` is replaced.

    The hidden states of a depth are the ones that the next layer takes: modules between two layers, such as the
    convolution of DeBERTa-v2, are part of the lower one.

    Args:
        model: A transformers model whose layers are one module each and run once.
        anatomy: Its parts.
    """

    def __init__(self, model: nn.Module, anatomy: Anatomy) -> None:
        self._model = model
        self._layers = [model.get_submodule(row[0]) for row in anatomy.layers]
        #: Output of each module below the layers in the first pass that looked for hidden states; None for
        #: an output that is no state of each token.
        self._outside: list[_Outside | None] = []
        self._are_outside_known = False
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
        for number, layer in enumerate(self._layers):
            layer.forward = partial(self._layer, number, layer.forward)
        for name, depth in anatomy.depths.items():
            if depth == 0 and _stands_alone(model, name, anatomy):
                module = model.get_submodule(name)
                module.forward = partial(self._below, len(self._outside), module.forward)
                self._outside.append(None)

    @property
    def depth(self) -> int:
        """The number of layers."""
        return len(self._layers)

    @property
    def last_layer(self) -> nn.Module:
        """The last layer."""
        return self._layers[-1]

    def use_one_token_layer(self, *, in_use: bool = True) -> None:
        """From now on, compute the last layer for its first token alone, unless it is left out."""
        self._one_token = one_token_of(self.last_layer) if in_use else None

    def whole(self, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, dict[int, torch.Tensor]]:
        """Return the logits of some examples, and by depth their hidden states: (examples, tokens, hidden)."""
        with self._finding({*range(1, self.depth + 1)}) as states:
            return self._model(**inputs).logits, states

    @torch.no_grad()
    def states(self, inputs: Mapping[str, torch.Tensor], depths: Collection[int]) -> dict[int, torch.Tensor]:
        """Return the hidden states of some depths for some examples, in evaluation mode.

        Args:
            inputs: The arguments of the model.
            depths: The depths, counted from 1.

        Returns:
            By depth, the hidden states. Shape: (examples, tokens, hidden).
        """
        with suppress(_Reached), self._finding(depths) as found, evaluating(self._model):
            self._model(**inputs)
        return found

    def upper(self, outline: Mapping[str, torch.Tensor], states: torch.Tensor, depth: int) -> Any:
        """Return the model's output, computed from the hidden states of a depth.

        `states` or `whole` has to be called before, once: the form in which each layer returns its output is seen then.

        Args:
            outline: The arguments of the model: their shapes, and the inputs that modules above the embeddings read.
            states: Hidden states of the depth. Shape: (examples, tokens, hidden).
            depth: The depth, counted from 1.
        """
        with self._giving(states, depth):
            return self._model(**outline)

    def again(self) -> AbstractContextManager[None]:
        """Return a context in which a layer is computed as now: from the states that are given, where there are any."""
        return self._giving(self._given, self._given_depth)

    @contextmanager
    def _giving(self, states: torch.Tensor | None, depth: int) -> Iterator[None]:
        before = self._given, self._given_depth
        self._given, self._given_depth = states, depth
        try:
            yield
        finally:
            self._given, self._given_depth = before

    # ---- replacements for `forward`

    def _layer(self, number: int, forward: Any, *arguments: Any, **more: Any) -> Any:
        if self._given is not None and number < self._given_depth:
            count = self._returns[number]
            return self._given if count is None else (self._given, *[None] * (count - 1))
        if self._given is not None and number == self._given_depth:
            arguments, more = _with_hidden(arguments, more, self._given)
        if self._wanted:
            hidden = _hidden(arguments, more)
            if number == 0:
                self._know_outside(hidden)
            self._find(number, hidden)
        if self._one_token is not None and number == self.depth - 1 and self.depth not in self._wanted:
            return self._one_token(self._layers[number], *arguments, **more)
        made = forward(*arguments, **more)
        if self._wanted:
            self._returns[number] = len(made) if isinstance(made, tuple | list) else None
            if number == self.depth - 1:
                self._find(self.depth, made[0] if isinstance(made, tuple | list) else made)
        return made

    def _find(self, depth: int, states: Any) -> None:
        if depth in self._wanted:
            self._found[depth] = states
        if depth == max(self._wanted) and depth < self.depth:
            raise _Reached

    def _below(self, number: int, forward: Any, *arguments: Any, **more: Any) -> Any:
        known = self._outside[number]
        if self._given is not None and known is not None:
            zeros = torch.zeros(1, 1, 1, dtype=known.dtype, device=self._given.device)
            return zeros.expand(*self._given.shape[:2], known.shape[2])
        made = forward(*arguments, **more)
        # Only the first pass counts: in a later one a table of positions may happen to have a batch's shape.
        if self._wanted and not self._are_outside_known and isinstance(made, torch.Tensor) and made.ndim == 3:
            self._outside[number] = _Outside(shape=made.shape, dtype=made.dtype)
        return made

    def _know_outside(self, hidden: Any) -> None:
        """Forget outputs below the layers that are no state of each token, in the first pass that has come so far."""
        if self._are_outside_known or not isinstance(hidden, torch.Tensor):
            return
        self._are_outside_known = True
        for number, found in enumerate(self._outside):
            if found is not None and (found.shape[1] != hidden.shape[1] or found.shape[0] not in (1, hidden.shape[0])):
                self._outside[number] = None

    @contextmanager
    def _finding(self, depths: Collection[int]) -> Iterator[dict[int, torch.Tensor]]:
        self._wanted, self._found = frozenset(depths), {}
        try:
            yield self._found
        finally:
            self._wanted = ()


def _stands_alone(model: nn.Module, name: str, anatomy: Anatomy) -> bool:
    """Return whether a name is that of a module which neither is in a layer nor contains one."""
    layers = [row[0] for row in anatomy.layers]
    if any(f"{name}.".startswith(f"{layer}.") or layer.startswith(f"{name}.") for layer in layers):
        return False
    return name in dict(model.named_modules())


def _hidden(arguments: tuple[Any, ...], more: Mapping[str, Any]) -> Any:
    return arguments[0] if arguments else next(iter(more.values()))


def _with_hidden(
    arguments: tuple[Any, ...], more: dict[str, Any], hidden: torch.Tensor
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a layer with other hidden states, which are the first argument."""
    if arguments:
        return (hidden, *arguments[1:]), more
    return arguments, {**more, next(iter(more)): hidden}


def first_tokens(outline: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return inputs with the first token of each text alone. Inputs that are no texts are returned unchanged."""
    return {name: value[:, :1] if value.ndim == 2 else value for name, value in outline.items()}


def width_multiple(device: str) -> int:
    """Return the number of tokens of which the width of every row of the trunk is a multiple.

    It keeps an example's numbers independent of the other examples of its batch. A CPU sums a row one vector of
    numbers at a time; numbers that fill no whole vector are added in another order. If the width leaves no such
    rest, padding adds whole vectors of zeros, which changes no bit. Measured with models for texts of five
    architectures: of 96 texts in batches of 1 to 32, up to 80 differ in their last bits if rows have any width. With
    multiples of 8, 45 differ with AVX-512 and 8 with AVX2. With multiples of 16, none differs with either. The 8 for
    other devices is not from this measurement.
    """
    return 16 if device == "cpu" else 8
