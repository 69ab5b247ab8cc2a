"""The flow of numbers through a model, read from autograd's graph of one forward pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a module: the nodes of autograd's graph, and the leaves, of the tensors that it takes and returns."""

    taken: list[Any]
    returned: list[Any]


@dataclass(frozen=True, kw_only=True)
class Flow:
    """A forward pass."""

    #: Calls in order, by the module's name.
    calls: Mapping[str, list[Call]]
    logits: list[Any]
    #: Names of each parameter, by the parameter's id: tied ones have several.
    names: Mapping[int, list[str]] = field(default_factory=dict)

    def parameters(self, nodes: Collection[Any]) -> frozenset[str]:
        """Return the names of the parameters that nodes are computed from."""
        return frozenset(name for key in _leaves(nodes) for name in self.names.get(key, ()))

    def is_computed_from(self, nodes: Collection[Any], others: Collection[Any]) -> bool:
        """Return whether some of the nodes are computed from some of the others."""
        wanted = {*others}
        return any(node in wanted for node in _walk(nodes))


def record(model: nn.Module, inputs: Mapping[str, torch.Tensor], watched: Collection[str]) -> Flow:
    """Run a model in training mode, and return the flow.

    Args:
        model: The model; batch norms change their statistics.
        inputs: Its arguments.
        watched: Names of the modules whose calls are wanted.
    """
    calls: dict[str, list[Call]] = defaultdict(list)
    names: dict[int, list[str]] = defaultdict(list)
    for name, parameter in model.named_parameters(remove_duplicate=False):
        parameter.requires_grad_()
        names[id(parameter)].append(name)
    model.train()
    with _wrapped(model, watched, calls), torch.enable_grad():
        logits = model(**inputs).logits
    return Flow(calls=calls, logits=_nodes(logits), names=names)


@contextmanager
def _wrapped(model: nn.Module, watched: Collection[str], calls: dict[str, list[Call]]) -> Iterator[None]:
    # Hooks are passed over where a model calls `layer.forward`, so `forward` itself is replaced.
    modules = {name: model.get_submodule(name) for name in watched}
    for name, module in modules.items():
        module.forward = partial(_call, module.forward, calls[name])
    try:
        yield
    finally:
        for module in modules.values():
            del module.forward


def _call(forward: Callable[..., Any], found: list[Call], *arguments: Any, **more: Any) -> Any:
    # Nodes are read at once: a tensor that is later changed in place has another one.
    taken = _nodes((arguments, more))
    made = forward(*arguments, **more)
    found.append(Call(taken=taken, returned=_nodes(made)))
    return made


def _nodes(value: Any) -> list[Any]:
    if isinstance(value, torch.Tensor):
        if value.grad_fn is not None:
            return [value.grad_fn]
        return [value] if value.requires_grad else []
    if isinstance(value, Mapping):
        return [node for each in value.values() for node in _nodes(each)]
    if isinstance(value, list | tuple):
        return [node for each in value for node in _nodes(each)]
    if hasattr(value, "__dataclass_fields__"):
        return [node for name in value.__dataclass_fields__ for node in _nodes(getattr(value, name))]
    return []


def _walk(nodes: Collection[Any]) -> Iterator[Any]:
    # Autograd makes Python's object for a node anew unless one is alive: `seen` keeps them.
    seen, waiting = {*nodes}, [*nodes]
    while waiting:
        node = waiting.pop()
        yield node
        for other, _ in getattr(node, "next_functions", ()):
            if other is not None and other not in seen:
                seen.add(other)
                waiting.append(other)


def _leaves(nodes: Collection[Any]) -> Iterator[int]:
    for node in _walk(nodes):
        if isinstance(node, torch.Tensor):
            yield id(node)
        elif hasattr(node, "variable"):
            yield id(node.variable)
