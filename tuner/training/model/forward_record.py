"""A recorded forward pass: which modules ran, in which order, and from which points of the autograd graph to which."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from tuner.training.model.wrapping import wrapped_forwards

if TYPE_CHECKING:
    from torch import nn

#: A point of the autograd graph: the operation that made a tensor.
Node: TypeAlias = Any


@dataclass(frozen=True, kw_only=True)
class Call:
    """One run of a module."""

    #: Name of the module.
    module: str
    #: Places in the order in which all modules begin and end.
    begin: int
    end: int
    #: The operations that made the numbers that the module took and returned; the hidden states are the first ones.
    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class ForwardRecord:
    """A forward pass in evaluation mode, with its autograd graph."""

    #: In the order in which the modules began.
    calls: tuple[Call, ...]
    #: Shape: (examples, ...).
    logits: torch.Tensor

    @cached_property
    def by_module(self) -> Mapping[str, Sequence[Call]]:
        """The runs of each module that ran."""
        found: dict[str, list[Call]] = {}
        for call in self.calls:
            found.setdefault(call.module, []).append(call)
        return found


def record_forward(model: nn.Module, inputs: Mapping[str, torch.Tensor]) -> ForwardRecord:
    """Run a model and record its modules. Draws no random number where evaluation draws none.

    Args:
        model: A transformers model in evaluation mode.
        inputs: Its arguments.
    """
    calls: list[Call] = []
    clock = itertools.count()

    def recorded(name: str, forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **more: Any) -> Any:
            begin, taken = next(clock), _nodes((arguments, more))
            made = forward(*arguments, **more)
            calls.append(Call(module=name, begin=begin, end=next(clock), inputs=taken, outputs=_nodes(made)))
            return made

        return run

    with wrapped_forwards(model, recorded), torch.enable_grad():
        logits = model(**{name: _traced(value) for name, value in inputs.items()}).logits
    return ForwardRecord(calls=tuple(sorted(calls, key=lambda call: call.begin)), logits=logits)


def _traced(value: torch.Tensor) -> torch.Tensor:
    """Return an input as the result of an operation, so that the graph has a point for it."""
    return value.clone().requires_grad_() * 1 if value.is_floating_point() else value


def _nodes(value: Any) -> tuple[Node, ...]:
    return tuple(node for each in tensors_in(value) if (node := _node(each)) is not None)


def _node(tensor: torch.Tensor) -> Node | None:
    if tensor.grad_fn is not None:
        return tensor.grad_fn
    # A parameter that is passed on as it is has no operation; its edge leads to the point that collects its gradient.
    is_parameter = isinstance(tensor, torch.nn.Parameter) and tensor.requires_grad
    return torch.autograd.graph.get_gradient_edge(tensor).node if is_parameter else None


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in nested containers, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from tensors_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from tensors_in(each)


def walk_back(start: Iterable[Node], *, seen: set[Node], stop: Node = None) -> list[torch.Tensor]:
    """Walk from points of the autograd graph back to the parameters that they depend on.

    Args:
        start: The points.
        seen: Points that are not walked from again; all points that are reached are added.
        stop: A point that is not passed.

    Returns:
        The parameters that were reached and not seen before.
    """
    found: list[torch.Tensor] = []
    todo = [node for node in start if node is not None and node is not stop and node not in seen]
    seen.update(todo)
    while todo:
        node = todo.pop()
        if hasattr(node, "variable"):
            found.append(node.variable)
        for before, _ in node.next_functions:
            if before is not None and before is not stop and before not in seen:
                seen.add(before)
                todo.append(before)
    return found
