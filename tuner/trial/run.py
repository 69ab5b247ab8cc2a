"""The values that a supervisor hands to a trainer. Both import this module, so it does not import torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search_spaces import Hyperparameters
from tuner.trial.anatomy import Anatomy
from tuner.trial.evaluation import LAST_STEP, Evaluation
from tuner.trial.looks import LOOKS
from tuner.trial.saver import NoSaver, Saver


def _ignore(_: Mapping[str, Any]) -> None:
    """Record nothing."""


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """The pretrained model, as this machine finds it."""

    #: Folder, or id on the hub.
    location: str
    #: Commit, for an id on the hub.
    revision: str | None = None
    #: Whether code from the model's repository may run. `revision` is then a full commit hash.
    trust_remote_code: bool = False
    #: Whether trials hold the weights of its linear layers in four bits, and train adapters beside them.
    load_in_4bit: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments for every `from_pretrained` call, besides the location."""
        if not self.trust_remote_code:
            return {"revision": self.revision, "trust_remote_code": False}
        # The code may be in another repository than the weights. That repository does not have this commit, so loading
        # its code fails, as it should.
        return {"revision": self.revision, "code_revision": self.revision, "trust_remote_code": True}


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Which techniques that make training cheaper are used. A trial learns the same with and without them."""

    #: The frozen layers' hidden states of each example are computed once for all trials of the machine.
    trunk_cache: bool = True
    #: Where the head reads one token only, the last layer is computed, and its dropout drawn, for that token alone.
    one_token: bool = True
    #: A batch is split into forward passes of examples of similar length, otherwise in the order of the batch.
    length_grouping: bool = True
    #: Tokens of a sequence into which rows of tokens are packed for training, at most; None packs none.
    packing: int | None = None


@dataclass(frozen=True, kw_only=True)
class TrunkHome:
    """Where this machine caches the frozen layers' hidden states, and the values that they depend on."""

    #: Folder of the cache. All studies share it.
    folder: Path
    #: Fingerprint of the pretrained weights.
    weights: str
    #: The study's choices of `frozen_layers`: shares of the layers, or `gradual`.
    shares: tuple[float | str, ...]
    #: Most bytes of the cache; None allows a share of the free disk space.
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class HeadHome:
    """The fitted head of a study, on this machine."""

    #: Folder of its weights.
    folder: Path
    #: Its key in the checkpoint store, which follows from the weights.
    key: str


@dataclass(frozen=True, kw_only=True)
class Generation:
    """How much a language model writes in an evaluation, and who judges it."""

    #: Rows of the judged split, from its first one on.
    rows: int
    #: Tokens of a completion, at most.
    max_new_tokens: int
    #: `module:function` of the user's, which is the study's metric; None where there is none.
    score: str | None = None
    #: Folders that may contain its module.
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TrialRun:
    """All inputs of one trial's training."""

    #: The trial's number; 0 for a run outside of a study.
    number: int
    hyperparameters: Hyperparameters
    task: str
    #: None where the study trains with its own function and names no model.
    model: ModelSource | None
    #: Folder of the prepared data. For a study's own function: its data source on this machine, or None.
    data: Path | None
    #: The parts of the model, as preparation found them; None where the study trains with its own function.
    anatomy: Anatomy | None = None
    metric: str
    #: `maximize` or `minimize`.
    direction: str
    seed: int
    #: auto, fp32, bf16 or fp16.
    precision: str = "auto"
    lr_scheduler_kwargs: Mapping[str, float] = field(default_factory=dict)
    #: Early stopping: the trial ends after this many evaluations in a row without a new best one; None disables it.
    patience: int | None = None
    #: The fitted head, with which the trial begins where `hyperparameters.head_init` asks for it. A smoke run has none.
    head: HeadHome | None = None
    #: Percents of the schedule after which the trial is evaluated, in order. Training ends after the last one, which is
    #: 100 but for a trial that is trained again as far as it was best.
    looks: tuple[int, ...] = LOOKS[10]
    #: The percent of the schedule from which on training waits, after an evaluation, for its supervisor's verdict: the
    #: trial may be put aside there. With 100 it never waits.
    target: int = LAST_STEP
    #: CPU threads for tensor operations; None keeps the library's default.
    threads: int | None = None
    #: Examples per forward pass; gradients of a larger batch are accumulated. None lets training choose by the device.
    #: Otherwise it is the value that an earlier attempt recorded, or a limit above which a trial ran out of memory.
    micro_batch: int | None = None
    #: Whether layers are computed again for the gradient, in place of keeping what they make: one example at a time did
    #: not fit otherwise.
    gradient_checkpointing: bool = False
    #: Folder of the resume checkpoint that `saver.save` of an earlier attempt wrote; None starts at the beginning.
    restored: Path | None = None
    #: Evaluations that earlier attempts reported, in order.
    earlier: tuple[Evaluation, ...] = ()
    saver: Saver = field(default_factory=NoSaver)
    speed: Speed = field(default_factory=Speed)
    #: None caches no hidden states: each trial computes those of its frozen layers itself.
    trunk: TrunkHome | None = None
    #: Whether the rows of the validation split are trained on, too. Evaluations then tell nothing.
    joins_validation: bool = False
    #: What a language model writes in each evaluation; None for nothing.
    generate: Generation | None = None
    #: Optimiser steps after which training stops, for smoke runs; None trains the whole schedule.
    max_steps: int | None = None
    #: Most rows of the data to use, for smoke runs; None uses all.
    max_rows: int | None = None
    #: Called with the effective configuration before the first optimiser step, and again whenever it changes: a smaller
    #: `micro_batch` means that the larger one did not fit in memory.
    record: Callable[[Mapping[str, Any]], None] = _ignore

    @property
    def params(self) -> dict[str, Any]:
        """The values of the hyperparameters by name, with those of names that the study's own training has given."""
        return self.hyperparameters.to_dict()
