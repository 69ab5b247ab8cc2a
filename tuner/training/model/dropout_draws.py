"""The dropouts that a model draws, seen while it computes in training mode."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from tuner.errors import ModelError
from tuner.training.model.dropout import Place, layerdrop_places, places
from tuner.training.model.wrapping import wrapped_forwards
from tuner.training.out_of_memory import rewinder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import nn

#: The first parameters, in order, of each function that draws dropout.
_FUNCTIONS: dict[Any, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            functional.dropout,
            functional.dropout1d,
            functional.dropout2d,
            functional.dropout3d,
            functional.alpha_dropout,
            functional.feature_alpha_dropout,
            torch.dropout,
            torch.dropout_,
            torch.native_dropout,
            torch.alpha_dropout,
            torch.alpha_dropout_,
            torch.feature_dropout,
            torch.feature_dropout_,
            torch.feature_alpha_dropout,
            torch.feature_alpha_dropout_,
        ),
        ("input", "p", "training"),
    ),
    functional.scaled_dot_product_attention: ("query", "key", "value", "attn_mask", "dropout_p"),
    functional.multi_head_attention_forward: (
        *("query", "key", "value", "embed_dim_to_check", "num_heads", "in_proj_weight", "in_proj_bias", "bias_k"),
        *("bias_v", "add_zero_attn", "dropout_p", "out_proj_weight", "out_proj_bias", "training"),
    ),
}
#: The functions that draw nothing unless they are told that the model trains.
_QUIET = (functional.alpha_dropout, functional.feature_alpha_dropout)
#: Range of the probabilities that the places are given while they are looked for.
_LEAST, _MOST = 0.1, 0.25


@dataclass(frozen=True, kw_only=True)
class Draw:
    """A dropout that acted: the model was training, and the probability was above 0."""

    #: The innermost module that was running.
    module: str
    #: The probability.
    p: float
    #: Time, on the clock of the recording.
    time: int
    #: Name of the place that holds the probability, as in `tuner.training.model.dropout.Place`; empty if not known.
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of a module."""

    module: str
    #: Times of its beginning and its end, on the clock of the recording.
    began: int
    ended: int


@dataclass(frozen=True, kw_only=True)
class Recording:
    """The events of one forward pass. Its clock ticks once for each beginning or end of a call and for each draw."""

    draws: tuple[Draw, ...]
    #: In the order of their ends.
    calls: tuple[Call, ...]

    @property
    def places(self) -> tuple[str, ...]:
        """Names of the places whose probabilities were drawn with, each once, in the order of their first draws."""
        return tuple(dict.fromkeys(draw.place for draw in self.draws))


def examine_dropouts(model: nn.Module, inputs: Mapping[str, Any]) -> Recording:
    """Find the dropouts that a model draws, and the places that set them.

    Every place is given a probability of its own, so a draw's probability tells its place. The model is left as it was.

    Args:
        model: The model, built with a dropout above 0: with 0, some architectures build no dropout at all.
        inputs: Arguments of the model. Batch norms need two examples.

    Returns:
        The events of a forward pass in training mode. It has no draws where the model has no dropout.

    Raises:
        ModelError: A dropout has a probability that is not kept in any place, so that it cannot be set.
    """
    found = places(model)
    by_probability: dict[float, Place] = {}
    with _kept(found):
        for number, place in enumerate(found, start=1):
            probability = _LEAST + (_MOST - _LEAST) * number / (len(found) + 1)
            place.set(probability)
            by_probability[probability] = place
        recording = record_draws(model, inputs)
    draws: list[Draw] = []
    for draw in recording.draws:
        if draw.p not in by_probability:
            raise ModelError(
                "",
                "model",
                f"dropout of {draw.module or type(model).__name__} stays {draw.p:g}: no setting of "
                f"{type(model).__name__} changes it, so this model cannot be trained with a chosen dropout",
            )
        draws.append(replace(draw, place=_place_name(model, draw, by_probability[draw.p])))
    return replace(recording, draws=tuple(draws))


def is_repeatable(model: nn.Module, inputs: Mapping[str, Any]) -> bool:
    """Return whether two forward passes in training mode from the same random numbers give the same logits.

    Reformer takes new seeds from the operating system whenever it trains. The model is left as it was.

    Args:
        model: The model.
        inputs: Arguments of the model.
    """
    logits = []
    for _ in range(2):
        with ExitStack() as stack:
            stack.callback(rewinder())
            stack.enter_context(_state_kept(model))
            model.train()
            with torch.no_grad():
                logits.append(model(**inputs).logits)
    return torch.equal(*logits)


def _place_name(model: nn.Module, draw: Draw, place: Place) -> str:
    """Return a place's name, for a configuration's entry that of the module that reads it and draws."""
    module, _, path = place.name.partition(":")
    reader = getattr(model.get_submodule(draw.module), "config", None)
    shared = path.startswith("config.") and reader is getattr(model.get_submodule(module), "config", None)
    return f"{draw.module}:{path}" if shared else place.name


def record_draws(model: nn.Module, inputs: Mapping[str, Any]) -> Recording:
    """Run a model once in training mode and record the dropouts that it draws and the calls of its modules.

    The model's modes and buffers and the state of all random numbers are left as they were. No layer is left out by
    layer dropping.

    Args:
        model: The model.
        inputs: Arguments of the model.
    """
    recorder = _Recorder()
    layerdrops = layerdrop_places(model)
    with ExitStack() as stack:
        stack.callback(rewinder())
        stack.enter_context(_kept(layerdrops))
        stack.enter_context(_state_kept(model))
        for place in layerdrops:
            place.set(0.0)
        stack.enter_context(wrapped_forwards(model, recorder.watching))
        model.train()
        with torch.no_grad(), recorder:
            model(**inputs)
    return Recording(draws=tuple(recorder.draws), calls=tuple(recorder.calls))


@contextmanager
def _kept(found: Sequence[Place]) -> Iterator[None]:
    before = [place.value for place in found]
    try:
        yield
    finally:
        for place, value in zip(found, before, strict=True):
            place.put(value)


@contextmanager
def _state_kept(model: nn.Module) -> Iterator[None]:
    """Restore modes and buffers. Batch norms in training mode change their buffers."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [
        (module, name, buffer, None if buffer is None else buffer.clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
    ]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for module, name, buffer, content in buffers:
            module._buffers[name] = buffer
            if buffer is not None and content is not None:
                buffer.copy_(content)


@dataclass
class _Running:
    """A call that has not ended."""

    module: str
    began: int


@dataclass
class _Recorder(TorchFunctionMode):
    """Sees each call of a torch function, and of those modules whose `forward` it watches."""

    draws: list[Draw] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._running: list[_Running] = []
        self._time = 0

    def watching(self, name: str, forward: Callable[..., Any]) -> Callable[..., Any]:
        """Return a module's `forward` that records its calls."""

        @wraps(forward)
        def watched(*args: Any, **kwargs: Any) -> Any:
            self._running.append(_Running(name, self._tick()))
            try:
                return forward(*args, **kwargs)
            finally:
                call = self._running.pop()
                self.calls.append(Call(module=name, began=call.began, ended=self._tick()))

        return watched

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        names = _FUNCTIONS.get(func)
        if names is not None:
            given = {**dict(zip(names, args, strict=False)), **kwargs}
            acts = given.get("training", given.get("train", func not in _QUIET))
            if acts and (p := float(given.get("p", given.get("dropout_p", _default(func))))):
                module = self._running[-1].module if self._running else ""
                self.draws.append(Draw(module=module, p=p, time=self._tick()))
        return func(*args, **kwargs)

    def _tick(self) -> int:
        self._time += 1
        return self._time


def _default(func: Any) -> float:
    return 0.0 if func is functional.scaled_dot_product_attention else 0.5
