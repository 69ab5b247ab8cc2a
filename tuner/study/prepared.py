"""Preparation of a study's data and model: the request for it, and its findings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tuner.study.data_config import DataConfig
from tuner.study.data_report import DataReport
from tuner.trial.anatomy import Anatomy
from tuner.trial.run import ModelSource


@dataclass(frozen=True, kw_only=True)
class PreparationRequest:
    """The part of a study that decides how its data are encoded and its model is built."""

    #: Name of the task.
    task: str
    #: The checkpoint, as found on this machine.
    model: ModelSource
    #: The study file's `data`.
    data: DataConfig
    #: The data, as found on this machine.
    source: str
    #: Tokens; longer texts are cut.
    max_length: int
    #: Decides which rows go into which split.
    seed: int
    metric: str
    #: Whether rows of tokens are packed for training; the model must then compute them as it computes each alone.
    packing: bool = False
    #: Folder for encoded data.
    cache: Path


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The findings of preparation."""

    #: Folder of the encoded splits.
    folder: Path
    #: Hash of the rows and of the settings that decide their encoding: the same on every machine, wherever they lie.
    fingerprint: str
    #: Hash of the tokenizer or image processor.
    tokenizer: str
    #: Hash of the pretrained weights and the model's configuration.
    weights: str
    #: Versions of the libraries that decide the bits of a trial, by name.
    versions: dict[str, str]
    #: Rows by split.
    sizes: dict[str, int]
    #: Tokens by split, `train` and `validation`. An example that is no text counts as one.
    tokens: dict[str, int]
    #: Names of the classes; none where the task's targets are no classes.
    labels: tuple[str, ...]
    #: The parts of the model.
    anatomy: Anatomy
    #: How the data were read, and which rows are used.
    report: DataReport

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about data and model that the user should read before a search is paid for."""
        found = list(self.report.warnings)
        if self.anatomy.mixes_padding:
            difference = self.anatomy.padding_difference
            found.append(
                f"the logits of a text change by up to {100 * difference:.2g} % with the padding of its batch: this "
                "model mixes padding into texts, so a text has other logits beside a longer one than alone"
            )
        if not self.anatomy.repeatable:
            found.append(
                "this model draws random numbers that no seed decides, so a trial cannot be repeated: one that is "
                "interrupted goes on, with other losses than it would have had"
            )
        return tuple(found)
