"""The values that pass between a supervisor and its trainers. No torch: both sides import them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search_spaces import Hyperparameters
from tuner.trial.evaluation import Evaluation
from tuner.trial.saver import NoSaver, Saver


def _ignore(_: Mapping[str, Any]) -> None:
    """Record nothing."""


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """A pretrained model, where this machine finds it."""

    #: Folder, or hub id.
    location: str
    #: Commit, for a hub id.
    revision: str | None = None
    #: Whether code that it brings along may run; then the commit is named in full.
    trust_remote_code: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """What every `from_pretrained` of it is told besides where it is."""
        if not self.trust_remote_code:
            return {"revision": self.revision, "trust_remote_code": False}
        # Code may lie in another repository than the weights, which has no such commit: then it is not loaded.
        return {"revision": self.revision, "code_revision": self.revision, "trust_remote_code": True}


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Which of the techniques that make training cheaper are used. A trial learns the same with and without them."""

    #: What frozen layers make of each example is computed once for all trials of the machine.
    trunk_cache: bool = True
    #: Where the head reads one token, the last layer is computed for that token alone. Its dropout is then drawn for
    #: that token alone.
    one_token: bool = True
    #: A batch is parted into forward passes of examples of alike length, where else it is cut as it comes.
    length_grouping: bool = True


@dataclass(frozen=True, kw_only=True)
class TrunkHome:
    """Where this machine keeps what frozen layers have made of a study's examples, and what that depends on."""

    #: Folder of the cache, for all studies.
    folder: Path
    #: Fingerprint of the pretrained weights.
    weights: str
    #: What the study may freeze: shares of the layers, or `gradual`.
    shares: tuple[float | str, ...]
    #: Bytes that the cache may take; None is a share of what the disk has left.
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class TrialRun:
    """Everything that one trial's training depends on."""

    #: The trial's number; 0 for runs outside of a study.
    number: int
    hyperparameters: Hyperparameters
    task: str
    #: None where a study trains with a function of its own and names no model.
    model: ModelSource | None
    #: Folder of the prepared data; for a function of the study's own, its data source as found here, or None.
    data: Path | None
    metric: str
    #: `maximize` or `minimize`.
    direction: str
    seed: int
    #: auto, fp32, bf16 or fp16.
    precision: str = "auto"
    lr_scheduler_kwargs: Mapping[str, float] = field(default_factory=dict)
    #: Evaluations without a better one after which the trial ends; None never ends it.
    patience: int | None = None
    #: 10, 5, 2, 1 or `auto`.
    evaluations: int | str = "auto"
    #: Threads of the processor for tensor operations; None leaves the library's default.
    threads: int | None = None
    #: Examples per forward pass; a larger batch is accumulated. None chooses by device. It is what an earlier attempt
    #: has recorded, or what is known to fit: of more than that some trial ran out of memory.
    micro_batch: int | None = None
    #: What an earlier attempt has saved, as `save` wrote it; None begins at the beginning.
    restored: Path | None = None
    #: Evaluations that earlier attempts have reported, in order.
    earlier: tuple[Evaluation, ...] = ()
    saver: Saver = field(default_factory=NoSaver)
    speed: Speed = field(default_factory=Speed)
    #: None keeps nothing of what frozen layers make: each trial computes it anew.
    trunk: TrunkHome | None = None
    #: Stop after this many optimiser steps and use this many rows: for smoke runs.
    max_steps: int | None = None
    max_rows: int | None = None
    #: Called before the first step with the effective configuration, and again where it has changed: with a smaller
    #: `micro_batch`, what was larger did not fit in memory.
    record: Callable[[Mapping[str, Any]], None] = _ignore
