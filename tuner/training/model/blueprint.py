"""The model of a trial before it is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuner.trial.anatomy import Padding
    from tuner.trial.run import ModelSource


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """All that decides a model before training, its dropout apart. Models of equal blueprints are equal."""

    #: The transformers Auto class.
    auto_model: Any
    #: The checkpoint with the pretrained weights.
    source: ModelSource
    #: Keyword arguments of `from_pretrained` that shape the head, such as the number of classes.
    head: Mapping[str, Any]
    #: Decides the head's initial weights.
    seed: int
    #: The padding that the model is told; None leaves the checkpoint's own.
    padding: Padding | None = None
