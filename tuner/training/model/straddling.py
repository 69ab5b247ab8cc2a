"""Modules that drop out below and above the output of some layer."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from tuner.training.model.dropout import layerdrop_places

if TYPE_CHECKING:
    from torch import nn

    from tuner.training.model.dropout_draws import Recording
    from tuner.trial.anatomy import Anatomy


def find_straddling(model: nn.Module, anatomy: Anatomy, recording: Recording) -> tuple[str, ...]:
    """Return the modules that drop out at a lower depth than their own.

    Such a module is in training mode although a part of its work belongs to frozen layers: BART's encoder, whose depth
    is that of its last layer, drops the embeddings out. Modules that leave layers out in training are of this kind too.

    Args:
        model: The model.
        anatomy: Its layers and depths.
        recording: A forward pass in training mode.
    """
    begins = _begins(anatomy, recording)
    found = {place.name.partition(":")[0] for place in layerdrop_places(model) if place.value}
    for draw in recording.draws:
        if any(f"{draw.module}.".startswith(f"{layer}.") for row in anatomy.layers for layer in row):
            continue  # a layer is frozen as a whole
        own = anatomy.depth(draw.module)
        if bisect_left(begins, draw.time) < (anatomy.count + 1 if own is None else own):
            found.add(draw.module)
    return tuple(sorted(found))


def _begins(anatomy: Anatomy, recording: Recording) -> list[int]:
    """Return when each layer begins, and at the end when the last one ends."""
    runs = {row: [call for call in recording.calls if call.module == row[0]] for row in set(anatomy.layers)}
    begins = sorted(call.began for calls in runs.values() for call in calls)
    last = anatomy.layers[-1][-1]
    return [*begins, max(call.ended for call in recording.calls if call.module == last)]
