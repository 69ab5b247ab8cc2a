"""What preparation found out about a study's data and model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What preparation found."""

    #: Folder of the encoded splits.
    folder: Path
    #: Hash of the rows and of what is asked of them: the same on every machine, wherever they lie.
    fingerprint: str
    #: Hash of the tokenizer or image processor.
    tokenizer: str
    #: Hash of the pretrained weights and the model's configuration.
    weights: str
    #: Versions of the libraries that decide the bits of a trial, by name.
    versions: dict[str, str]
    #: Rows by split.
    sizes: dict[str, int]
    labels: tuple[str, ...]
    #: Layers of the encoder.
    layers: int
    #: Names of the dropout probabilities in the model's configuration.
    dropouts: tuple[str, ...]
