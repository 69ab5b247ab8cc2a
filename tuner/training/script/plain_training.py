"""The parts of a script that build, train and evaluate. Scripts get their source text, as that of `plain_reading`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.modules.dropout import _DropoutNd

from tuner.training.data.batches import Indices, Rounding, evaluation_batches
from tuner.training.optimisation.roles import decaying
from tuner.training.script.plain_reading import open_picture


class Texts:
    """The encoded texts of a split.

    Args:
        columns: By the model's argument, a list of numbers for each text.
        labels: The number of each text's class.
        padding: By the model's argument, the number that shorter texts are padded with.
        left: Whether they are padded on their left.
    """

    def __init__(
        self, columns: dict[str, list[list[int]]], labels: list[int], padding: dict[str, int], *, left: bool
    ) -> None:
        self.columns = columns
        self.labels = torch.tensor(labels)
        self.padding = padding
        self.left = left
        self.lengths = np.asarray([len(ids) for ids in columns["input_ids"]], dtype=np.int64)

    def inputs(self, numbers: Indices, width: int | None = None) -> dict[str, torch.Tensor]:
        """Return the model's arguments for some texts, padded to a width or to the longest of them."""
        width = int(self.lengths[numbers].max()) if width is None else width
        batch = {}
        for name, column in self.columns.items():
            rows = []
            for number in numbers:
                row = column[number][:width]
                rest = [self.padding[name]] * (width - len(row))
                rows.append(rest + row if self.left else row + rest)
            batch[name] = torch.tensor(rows)
        return batch

    outline = inputs


class Pictures:
    """The pictures of a split. They are opened each time that they are needed, so that memory does not limit them.

    Args:
        sources: File or content of each picture.
        labels: The number of each picture's class.
        processor: The model's image processor.
        tokens: How many tokens of a text a picture counts for where batches are cut.
    """

    left = False

    def __init__(self, sources: list[Any], labels: list[int], processor: Any, tokens: int) -> None:
        self.sources = sources
        self.labels = torch.tensor(labels)
        self.processor = processor
        self.lengths = np.full(len(sources), tokens, dtype=np.int64)

    def inputs(self, numbers: Indices, width: int | None = None) -> dict[str, torch.Tensor]:
        """Return the model's arguments for some pictures."""
        pixels = self.processor([open_picture(self.sources[number]) for number in numbers])["pixel_values"]
        return {"pixel_values": torch.from_numpy(np.asarray(pixels, dtype=np.float32))}

    def outline(self, numbers: Indices, width: int | None = None) -> dict[str, torch.Tensor]:
        """Return black pictures in their place, for a model whose lowest layers are left out."""
        return {
            name: torch.zeros_like(value[:1]).expand(len(numbers), -1, -1, -1) for name, value in self._first.items()
        }

    @functools.cached_property
    def _first(self) -> dict[str, torch.Tensor]:
        return self.inputs(np.arange(1))


def tokenise(tokenizer: Any, texts: Sequence[tuple[str, ...]], limit: int) -> dict[str, list[list[int]]]:
    """Encode texts, or pairs of texts; longer ones are cut to `limit` tokens."""
    encoded = tokenizer(*map(list, zip(*texts, strict=True)), truncation=True, max_length=limit)
    return {name: [list(row) for row in rows] for name, rows in encoded.items()}


def build_model(
    auto_model: Any,
    location: str,
    arguments: Mapping[str, Any],
    *,
    seed: int,
    settings: Mapping[str, Any],
    dropout: float | None,
    places: Iterable[str],
) -> Any:
    """Load the pretrained weights under a fresh head, whose weights the seed decides.

    Args:
        auto_model: The Auto class of transformers.
        location: The pretrained model.
        arguments: Further arguments of `from_pretrained`.
        seed: Decides the head, and then what dropout draws.
        settings: What differs from the model's own configuration, by the path of each entry.
        dropout: The probability of every dropout; None keeps the model's own.
        places: Dropouts that are neither a module nor an entry of the configuration: a module, a colon, its attribute.
    """
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(location, **arguments)
    for path, value in settings.items():
        *owners, name = path.split(".")
        setattr(functools.reduce(getattr, owners, config), name, value)
    torch.manual_seed(seed)
    model = auto_model.from_pretrained(
        location, config=config, **arguments, use_safetensors=True, dtype=torch.float32, ignore_mismatched_sizes=True
    )
    for module in model.modules():
        if dropout is not None and isinstance(module, _DropoutNd):
            module.p = dropout
    for place in places:
        name, _, attribute = place.partition(":")
        setattr(model.get_submodule(name), attribute, dropout)
    return model


def is_within(name: str, modules: Iterable[str]) -> bool:
    """Return whether a parameter or a module is one of some modules, or in one of them."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def parameter_groups(
    model: Any, rates: Mapping[str, tuple[float, list[str]]], weight_decay: float
) -> list[dict[str, Any]]:
    """Return the optimiser's groups of the parameters that are trained at some time.

    Args:
        model: The model.
        rates: By part of the model, its peak learning rate and its modules. What is in no part is never trained.
        weight_decay: Of all parameters but vectors, biases and norms, which do not decay.
    """
    decayed = decaying(model)
    groups: dict[tuple[str, bool], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        part = next((part for part, (_, modules) in rates.items() if is_within(name, modules)), None)
        if part is None or not parameter.requires_grad:
            continue
        decays = name in decayed
        new = {"params": [], "lr": rates[part][0], "weight_decay": weight_decay if decays else 0.0}
        groups.setdefault((part, decays), new)["params"].append(parameter)
    return list(groups.values())


def freeze(model: Any, modules: Sequence[str], trainable: frozenset[str]) -> None:
    """Put a model into training mode but for some modules, which have neither a gradient nor dropout.

    Args:
        model: The model.
        modules: Names of the frozen modules.
        trainable: Names of the parameters that the architecture itself allows to be trained.
    """
    model.train()
    for name, module in model.named_modules():
        if is_within(name, modules):
            module.training = False
    for name, parameter in model.named_parameters():
        is_frozen = is_within(name, modules)
        parameter.requires_grad_(name in trainable and not is_frozen)
        if is_frozen:
            parameter.grad = None


class Reached(Exception):
    """Ends a forward pass once the output of the frozen layers is known."""


class FrozenLayers:
    """The frozen layers of a model: their output for each example is computed once, in evaluation mode.

    Args:
        model: The model.
        layers: Names of all of its layers, from the input up.
        rounding: The widths that texts are padded to, so that an example has one output in any batch.
        reads_first: Whether the head reads the first token of the last layer alone.
        tokens: Tokens of each example where all have equally many, such as pictures; None for texts.
    """

    #: Bytes of outputs that are kept. Those beyond are computed again each time.
    kept_bytes = 2 << 30

    def __init__(
        self, model: Any, layers: Sequence[str], *, rounding: Rounding, reads_first: bool, tokens: int | None
    ) -> None:
        self.model, self.rounding = model, rounding
        self.reads_first, self.tokens = reads_first, tokens
        self.count = len(layers)
        #: How many layers are frozen now.
        self.depth = 0
        self.given: Any = None
        self.caught: Any = None
        self.catching = False
        #: Length of the tuple that each layer returns; None where it returns a tensor.
        self.returns: dict[int, int | None] = {}
        self.kept: dict[tuple[int, int, int], torch.Tensor] = {}
        self.room = self.kept_bytes
        for number, layer in enumerate(map(model.get_submodule, layers)):
            layer.forward = functools.partial(self._layer, number, layer.forward)

    def logits(self, examples: Any, numbers: Indices, width: int | None = None) -> torch.Tensor:
        """Return the model's output for some examples, whose texts are padded to a width or to the longest of them."""
        if self.depth == 0:
            return self.model(**examples.inputs(numbers, width)).logits
        if self.reads_first and self.depth == self.count:  # the head alone is left, and it reads one token
            width = 1
            inputs = {
                name: each[:, :1] if each.ndim == 2 else each for name, each in examples.outline(numbers, 1).items()
            }
        else:
            inputs = examples.outline(numbers, width)
            width = self.tokens or width or int(examples.lengths[numbers].max())
        states = self._states(examples, numbers)
        self.given = torch.zeros(len(states), width, states[0].shape[1])
        for row, state in zip(self.given, states, strict=True):
            row[slice(width - len(state), None) if examples.left else slice(len(state))] = state
        try:
            return self.model(**inputs).logits
        finally:
            self.given = None

    def _layer(self, number: int, forward: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """Stand in for the `forward` of a layer."""
        if self.given is not None and number < self.depth:
            length = self.returns[number]
            return self.given if length is None else (self.given, *[None] * (length - 1))
        hidden = arguments[0] if arguments else next(iter(more.values()))
        if self.catching and number == self.depth:
            self.caught = hidden
            raise Reached
        if self.given is not None and number == self.depth:
            arguments, more = (
                ((self.given, *arguments[1:]), more) if arguments else ((), {**more, next(iter(more)): self.given})
            )
        made = forward(*arguments, **more)
        if self.catching:
            self.returns[number] = len(made) if isinstance(made, tuple | list) else None
            if number == self.depth - 1 == self.count - 1:
                self.caught = made[0] if isinstance(made, tuple | list) else made
                raise Reached
        return made

    def _states(self, examples: Any, numbers: Indices) -> list[torch.Tensor]:
        keys = [(id(examples), self.depth, int(number)) for number in numbers]
        missing = np.asarray([number for key, number in zip(keys, numbers, strict=True) if key not in self.kept])
        made: dict[int, torch.Tensor] = {}
        if len(missing):
            for places in evaluation_batches(examples.lengths[missing], len(missing), rounding=self.rounding):
                some = missing[places]
                made.update(zip(some.tolist(), self._computed(examples, some), strict=True))
        for number, state in made.items():
            size = state.numel() * state.element_size()
            if size <= self.room:
                self.room -= size
                self.kept[id(examples), self.depth, number] = state.clone()
        return [self.kept[key] if key in self.kept else made[key[2]] for key in keys]

    @torch.no_grad()
    def _computed(self, examples: Any, numbers: Indices) -> list[torch.Tensor]:
        lengths = examples.lengths[numbers]
        inputs = examples.inputs(numbers, self.rounding.width(lengths))
        training = [module for module in self.model.modules() if module.training]
        for module in training:
            module.training = False
        self.catching = True
        try:
            self.model(**inputs)
        except Reached:
            pass
        finally:
            self.catching = False
            for module in training:
                module.training = True
        if self.reads_first and self.depth == self.count:
            return list(self.caught[:, :1])
        if self.tokens is not None:
            return list(self.caught)
        rows = zip(self.caught, lengths, strict=True)
        return [row[-length:] if examples.left else row[:length] for row, length in rows]


class Straddling:
    """Keeps dropout out of the frozen layers in modules that drop out both below and above the last frozen layer.

    Args:
        model: The model.
        modules: Names of these modules. They are in evaluation mode until the last frozen layer has run.
        layers: Names of the layers in the order in which they run.
    """

    def __init__(self, model: Any, modules: Sequence[str], layers: Sequence[str]) -> None:
        self.model, self.names, self.layers = model, modules, layers
        #: The frozen modules, and how many layers are frozen now.
        self.frozen: Sequence[str] = ()
        self.depth = 0
        self.left = 0
        model.register_forward_pre_hook(self._begin)
        for name in dict.fromkeys(layers):
            model.get_submodule(name).register_forward_hook(functools.partial(self._ran, name))

    def _begin(self, model: Any, _: Any) -> None:
        if model.training and self.depth > 0:
            self.left = self.layers[: self.depth].count(self.layers[self.depth - 1])
            self._set(is_training=False)

    def _ran(self, name: str, *_: Any) -> None:
        if self.left and name == self.layers[self.depth - 1]:
            self.left -= 1
            if self.left == 0:
                self._set(is_training=True)

    def _set(self, *, is_training: bool) -> None:
        for name in self.names:
            if not is_within(name, self.frozen):
                self.model.get_submodule(name).training = is_training


def accuracy(logits: Any, labels: Any) -> float:
    """Return the share of the rows whose class is predicted right."""
    return float((logits.argmax(axis=1) == labels).mean())


def fill_empty(columns: dict[str, list[list[int]]], values: Mapping[str, int]) -> None:
    """Give each text without a token one, because a model computes no empty row."""
    for place, ids in enumerate(columns["input_ids"]):
        if not ids:
            for name, column in columns.items():
                column[place] = [values.get(name, 0)]
