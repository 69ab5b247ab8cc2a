"""The anatomy of a model: which of its parts are layers, which lie below and above them, and how texts are padded.

Preparation finds it once, by watching the model compute (`tuner.training.model.examination`). It is stored with the
study and handed to every trial, so no trial examines the model again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from search_spaces import ALL_LINEAR, ATTENTION

#: Largest difference of a text's logits with its padding, relative to the largest logit, that rounding may explain.
_ROUNDING = 1e-3
#: Changes when the same model would be given another anatomy. It is part of every anatomy.
VERSION = 1
_ATTENTION = re.compile("att(ention|n)", re.IGNORECASE)


def frozen_count(share: float, layers: int) -> int:
    """Return how many layers a share freezes, halves rounded up."""
    return math.floor(share * layers + 0.5)


class Freezable(StrEnum):
    """The numbers of layers of a model that may be frozen."""

    #: Any number of layers.
    LAYERS = "layers"
    #: No layer or all of them.
    WHOLE = "whole"
    #: No layer: base and head cannot be told apart.
    NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class Padding:
    """The padding of texts, on which tokenizer and model agree."""

    #: Id of the padding token.
    token_id: int
    #: Side on which rows are padded: left or right.
    side: str
    #: The padding token as the tokenizer writes it; None where it is not known.
    token: str | None = None
    #: Rows that the table of token embeddings is enlarged to, because it has none for the padding token; None leaves
    #: it.
    embeddings: int | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The values that pad encoded texts, as far as they differ from the tokenizer's."""
        return {"input_ids": self.token_id, "side": self.side}


@dataclass(frozen=True, kw_only=True)
class TrunkFacts:
    """The properties of a model that decide whether its frozen layers' hidden states can be computed once."""

    #: Why no hidden states can be taken instead of the frozen layers; None where they can.
    complaint: str | None
    #: Whether the head reads the first token of the last layer and no other.
    reads_first: bool = False
    #: Whether the last layer, computed for that token alone, gives the same logits.
    one_token_layer: bool = False
    #: Size of one token's hidden state.
    hidden: int = 0
    #: Tokens of each example where all examples have equally many, such as images; None where texts have lengths.
    tokens: int | None = None


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """The parts of a model, by the names of its modules.

    Depth counts from the input: everything that runs before the first layer (embeddings) has depth 0, the layers have
    1 to n, and modules between two layers have the depth of the lower one. Everything above the last layer is the head
    and has no depth.
    """

    version: int = VERSION
    #: Modules of each layer in the order in which they run, from the input up. A layer that runs several times with
    #: the same weights is here once for each time.
    layers: tuple[tuple[str, ...], ...]
    #: How many layers may be frozen.
    freezable: Freezable = Freezable.LAYERS
    #: Why not any number of layers may be frozen, as the end of a sentence about the model; None where it may.
    reason: str | None = None
    #: Depth by name of a module, parameter or buffer. A name that is not here has the depth of the longest one here
    #: that contains it; the model itself is "".
    depths: Mapping[str, int | None] = field(default_factory=dict)
    #: Modules that drop out below the output of a layer and end above it: while layers are frozen, each is in
    #: evaluation mode until the last frozen layer has run.
    straddling: tuple[str, ...] = ()
    #: Names of the linear layers inside the layers that can have adapters: they are computed by their own `forward`.
    linear: tuple[str, ...] = ()
    #: Places of the dropout probabilities that the model draws with when it trains: the name of a dropout module, or
    #: that of another module, a colon and the path of its attribute. Empty where the model has no dropout.
    dropouts: tuple[str, ...] = ()
    #: Whether the seed decides all random numbers that the model draws when it trains.
    repeatable: bool = True
    #: None where the inputs are no texts.
    padding: Padding | None = None
    #: How far a text's logits differ between a padded row and a row of its own, relative to the largest logit; 0 where
    #: they differ by rounding alone.
    padding_difference: float = 0.0
    trunk: TrunkFacts = field(default_factory=lambda: TrunkFacts(complaint="it was not looked at"))
    #: Whether its output is one of each token, by a layer that is pretrained: it has no head that training begins with.
    predicts_tokens: bool = False
    #: Name of the module whose output is the logits, where a head can be fitted on its inputs; else None.
    classifier: str | None = None

    @property
    def count(self) -> int:
        """The number of layers."""
        return len(self.layers)

    @property
    def can_fit_head(self) -> bool:
        """Whether a head can be fitted before any layer is trained: on hidden states, or on the classifier's inputs."""
        return not self.predicts_tokens and (self.trunk.complaint is None or self.classifier is not None)

    @property
    def mixes_padding(self) -> bool:
        """Whether padding changes a text beyond rounding, so that a text has no hidden states of its own."""
        return self.padding_difference > _ROUNDING

    @cached_property
    def _depths(self) -> dict[str, int | None]:
        return dict(self.depths)

    def depth(self, name: str) -> int | None:
        """Return the depth of a module, parameter or buffer; None for the head and for modules that contain layers."""
        found = self._depths
        while name not in found:
            if not name:
                return None
            name = name.rpartition(".")[0]
        return found[name]

    def is_frozen(self, name: str, frozen_layers: int) -> bool:
        """Return whether a module, parameter or buffer is frozen where the lowest `frozen_layers` layers are."""
        depth = self.depth(name)
        return frozen_layers > 0 and depth is not None and depth <= frozen_layers

    def allows(self, share: float | str) -> bool:
        """Return whether a value of `frozen_layers` can be applied to this model."""
        if self.predicts_tokens and not isinstance(share, str) and frozen_count(share, self.count) >= self.count:
            return False  # nothing would be left to train
        if self.freezable == Freezable.LAYERS:
            return True
        return share == 0 or (share == 1 and self.freezable == Freezable.WHOLE)

    def adapted(self, targets: str, frozen_layers: int = 0) -> list[str]:
        """Return the linear layers that have adapters.

        Args:
            targets: A value of `lora_targets`.
            frozen_layers: Layers, from the input up, that have none.
        """
        wanted = targets.split("+")

        def is_wanted(name: str) -> bool:
            if targets == ATTENTION:
                return _ATTENTION.search(name) is not None
            return targets == ALL_LINEAR or any(f".{name}".endswith(f".{each}") for each in wanted)

        return [name for name in self.linear if (self.depth(name) or 0) > frozen_layers and is_wanted(name)]

    def layer_names(self, frozen_layers: int) -> list[str]:
        """Return the modules of the lowest `frozen_layers` layers, in order, each once."""
        return list(dict.fromkeys(name for layer in self.layers[:frozen_layers] for name in layer))

    def below(self, parameters: Iterable[str]) -> list[str]:
        """Return the outermost modules all of whose parameters lie below the first layer.

        Args:
            parameters: Names of all parameters of the model. One that lies in no such module is named itself.
        """
        return self._outermost(parameters, 0)

    def head(self, parameters: Iterable[str]) -> list[str]:
        """Return the outermost modules all of whose parameters belong to the head; see `below`."""
        return self._outermost(parameters, None)

    def _outermost(self, parameters: Iterable[str], depth: int | None) -> list[str]:
        depths: dict[str, set[int | None]] = {}
        paths = []
        for name in parameters:
            parts = name.split(".")
            paths.append([".".join(parts[:end]) for end in range(1, len(parts) + 1)])
            found = self.depth(name)
            for path in paths[-1]:
                depths.setdefault(path, set()).add(found)
        outermost = (next((path for path in each if depths[path] == {depth}), None) for each in paths)
        return list(dict.fromkeys(path for path in outermost if path is not None))

    def to_dict(self) -> dict[str, Any]:
        """Return the anatomy as JSON values."""
        return {**asdict(self), "layers": [list(names) for names in self.layers], "depths": dict(self.depths)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Anatomy:
        """Build from `to_dict`'s result.

        Raises:
            TypeError: A key is unknown or missing.
        """
        values = dict(stored)
        values["layers"] = tuple(tuple(names) for names in values["layers"])
        values["freezable"] = Freezable(values["freezable"])
        values["linear"] = tuple(values.get("linear", ()))  # studies of version 0.1 have stored none
        values["straddling"], values["dropouts"] = tuple(values["straddling"]), tuple(values["dropouts"])
        values["padding"] = None if values["padding"] is None else Padding(**values["padding"])
        values["trunk"] = TrunkFacts(**values["trunk"])
        return cls(**values)
