"""Whether an anatomy's layers are those that numbers flow through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from architectures.flow import Flow, record
from tuner.trial.anatomy import Anatomy, Freezable

if TYPE_CHECKING:
    import torch
    from torch import nn

#: Numbers of layers of tiny models whose configuration does not say them plainly. CANINE has one layer of characters
#: below the configured ones; LeViT has an attention and a feed-forward part a step, and both between two stages;
#: EfficientNet multiplies its numbers of blocks by a coefficient, and ends with one more convolution.
_KNOWN = {"canine": 5, "levit": 10, "efficientnet": 9}
#: Names of configurations' settings that hold the number of layers, alone or as a sum.
_COUNTS = (
    ("encoder_layers", "decoder_layers"),
    ("num_layers", "num_decoder_layers"),
    ("num_hidden_layers",),
    ("n_layer",),
)
#: Names of settings that hold the number of blocks of each stage.
_STAGES = ("stage_num_blocks", "depths", "depth", "block_sizes")


@dataclass(frozen=True, kw_only=True)
class _Boundary:
    """The nodes that go into a layer and come out of it."""

    taken: list[Any]
    returned: list[Any]


def layer_complaints(model: nn.Module, anatomy: Anatomy, inputs: Mapping[str, torch.Tensor]) -> Iterator[str]:
    """Yield the errors in an anatomy's layers and depths.

    Args:
        model: A model of plain transformers.
        anatomy: The anatomy in question.
        inputs: Arguments of the model, a few examples.
    """
    if anatomy.freezable == Freezable.NOTHING:
        return
    watched = {name for names in anatomy.layers for name in names}
    flow = record(model, inputs, watched)
    occurrences = Counter(name for names in anatomy.layers for name in {*names})
    odd = [name for name in sorted(watched) if len(flow.calls[name]) != occurrences[name]]
    if odd:
        yield f"{odd[0]} is {occurrences[odd[0]]} layers and runs {len(flow.calls[odd[0]])} times"
        return
    boundaries = _boundaries(flow, anatomy)
    for number, (below, above) in enumerate(pairwise(boundaries), start=1):
        if not flow.is_computed_from(above.returned, below.returned):
            yield f"layer {number + 1} is not computed from layer {number}"
    yield from _depth_complaints(model, anatomy, flow, boundaries)


def _boundaries(flow: Flow, anatomy: Anatomy) -> list[_Boundary]:
    used: Counter[str] = Counter()
    found = []
    for names in anatomy.layers:
        calls = [flow.calls[name][used[name]] for name in names]
        used.update({*names})
        found.append(_Boundary(taken=calls[0].taken, returned=calls[-1].returned))
    return found


def _depth_complaints(model: nn.Module, anatomy: Anatomy, flow: Flow, boundaries: list[_Boundary]) -> Iterator[str]:
    made = [flow.parameters(boundary.returned) for boundary in boundaries]
    taken = [flow.parameters(boundary.taken) for boundary in boundaries]
    trained = flow.parameters(flow.logits)
    for name, _ in model.named_parameters():  # of a parameter with several names, the first one counts
        if name not in trained:
            continue
        depth = anatomy.depth(name)
        first = next((number for number, names in enumerate(made, start=1) if name in names), None)
        if (depth is None) != (first is None):
            yield f"{name} has depth {depth}, and the first layer that it changes is {first}"
        elif depth is None or first is None or anatomy.freezable == Freezable.WHOLE:
            continue
        elif name not in taken[first - 1] or _inside(name, anatomy):
            if depth != first:
                yield f"{name} has depth {depth}, and is part of layer {first}"
        elif depth == 0:
            if not _is_below(flow, name, boundaries, first):
                yield f"{name} has depth 0, and is computed above layer 1"
        elif depth != first - 1:
            yield f"{name} has depth {depth}, and is computed between layers {first - 1} and {first}"


def _inside(name: str, anatomy: Anatomy) -> bool:
    return any(name.startswith(f"{module}.") for names in anatomy.layers for module in names)


def _is_below(flow: Flow, name: str, boundaries: list[_Boundary], first: int) -> bool:
    """Return whether a layer takes an input that a parameter changes and that no layer's output does."""
    lower = [node for boundary in boundaries[: first - 1] for node in boundary.returned]
    return any(
        name in flow.parameters([node]) and not flow.is_computed_from([node], lower)
        for node in boundaries[first - 1].taken
    )


def configured_layers(config: Any, part: str) -> int | None:
    """Return the number of layers that a configuration says; None where it does not say so plainly.

    Args:
        config: The configuration.
        part: Name of the configuration inside it that counts, if it has no count of its own.
    """
    if config.model_type in _KNOWN:
        return _KNOWN[config.model_type]
    for each in (config, getattr(config, part, None)):
        for name in _STAGES:
            if isinstance(blocks := getattr(each, name, None), list | tuple):
                return sum(blocks)
        for names in _COUNTS:
            counts = [getattr(each, name, None) for name in names]
            if all(isinstance(count, int) for count in counts):
                return sum(count for count in counts if count)
    return None
