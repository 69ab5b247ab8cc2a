"""Eyes on a training: every dropout that draws, the optimiser's groups, and the model before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
import transformers
from torch.nn import functional
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from torch import nn

#: Functions that drop out.
_DROPOUTS = {
    functional.dropout,
    functional.dropout1d,
    functional.dropout2d,
    functional.dropout3d,
    functional.alpha_dropout,
    functional.feature_alpha_dropout,
}


@dataclass(frozen=True)
class Draw:
    """A dropout in training mode."""

    #: Name of the innermost module that was running.
    module: str
    #: Its probability; 0 where it lets everything pass.
    p: float


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group of the optimiser."""

    name: str
    parameters: frozenset[str]
    rate: float
    decay: float


@dataclass
class Training:
    """A training that was watched."""

    model: nn.Module | None = None
    #: Every weight and buffer before the first step.
    before: dict[str, torch.Tensor] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    #: Parameters that had a gradient at the first step that is not 0 everywhere.
    moved: set[str] = field(default_factory=set)
    draws: set[Draw] = field(default_factory=set)

    @property
    def after(self) -> Mapping[str, torch.Tensor]:
        """Every weight and buffer as they are now."""
        assert self.model is not None
        return self.model.state_dict()


class _Draws(TorchFunctionMode):
    """Hears every dropout that a training's forward passes compute."""

    def __init__(self, training: Training, running: list[nn.Module]) -> None:
        super().__init__()
        self._training, self._running = training, running
        self._names: dict[int, str] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _DROPOUTS:
            given = dict(zip(("input", "p", "training"), args, strict=False)) | kwargs
            if given.get("training", func is functional.dropout):
                self._hear(float(given.get("p", 0.5)))
        elif func is functional.scaled_dot_product_attention:
            # An attention hands 0 over where it is not in training mode.
            given = dict(zip(("query", "key", "value", "attn_mask", "dropout_p"), args, strict=False)) | kwargs
            if given.get("dropout_p", 0.0):
                self._hear(float(given["dropout_p"]))
        return func(*args, **kwargs)

    def _hear(self, p: float) -> None:
        if self._training.model is None or not self._running:
            return
        if not self._names:
            self._names = {id(module): name for name, module in self._training.model.named_modules()}
        self._training.draws.add(Draw(self._names.get(id(self._running[-1]), "?"), p))


@contextmanager
def watch() -> Iterator[Training]:
    """Watch the training of one classifier for as long as the context lasts."""
    training = Training()
    running: list[nn.Module] = []

    def begin(module: nn.Module, _: Any) -> None:
        if training.model is None and module.training and _is_classifier(module):
            training.model = module
            training.before = {name: value.clone() for name, value in module.state_dict().items()}
        if training.model is not None:
            running.append(module)

    def end(module: nn.Module, *_: Any) -> None:
        if running and running[-1] is module:
            running.pop()

    def step(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        if training.groups or training.model is None:
            return
        names = {id(parameter): name for name, parameter in training.model.named_parameters()}
        for group in optimizer.param_groups:
            training.groups.append(
                Group(
                    name=group["name"],
                    parameters=frozenset(names[id(parameter)] for parameter in group["params"]),
                    rate=group["lr"],
                    decay=group["weight_decay"],
                )
            )
            for parameter in group["params"]:
                if parameter.grad is not None and bool(parameter.grad.any()):
                    training.moved.add(names[id(parameter)])

    with ExitStack() as stack:
        for handle in (
            register_module_forward_pre_hook(begin),
            register_module_forward_hook(end, always_call=True),
            register_optimizer_step_pre_hook(step),
        ):
            stack.callback(handle.remove)
        stack.enter_context(_Draws(training, running))
        yield training


def _is_classifier(module: nn.Module) -> bool:
    name = type(module).__name__
    return isinstance(module, transformers.PreTrainedModel) and "Classification" in name
