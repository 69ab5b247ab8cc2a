"""The checkpoints of a trial that a supervisor holds."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from storage import Checkpoints

if TYPE_CHECKING:
    from pathlib import Path

    from tuner.trial.evaluation import Evaluation


@dataclass(frozen=True, kw_only=True)
class StagedBest:
    """Weights of a best evaluation that the store has not taken yet."""

    folder: Path
    evaluation: Evaluation


@dataclass(kw_only=True)
class Saving:
    """The checkpoints of a trial, and the one that is on its way. Only `checkpointing.py` changes it."""

    #: The checkpoints that the database points to.
    checkpoints: Checkpoints = field(default_factory=Checkpoints)
    #: A folder of the store's that the trainer reads until its first optimiser step.
    restored: Path | None = None
    #: Optimiser steps that were done before this attempt.
    restored_optimiser_steps: int = 0
    #: Whether a call of this trial's is with the store: no other may begin.
    with_store: bool = False
    #: The folder that the trainer writes to, from the word to save until it says that it has.
    staged: Path | None = None
    #: When the last checkpoint was done, on this process's clock.
    saved_at: float = field(default_factory=time.monotonic)
    #: Seconds that the last checkpoint took, to write it and to bring it into the store.
    cost_s: float | None = None
    #: Whether the best weights are in the store, and the rest of the checkpoint is to follow.
    half_saved: bool = False
    #: Whether an evaluation calls for a checkpoint.
    due: bool = False
    #: Best weights that a failing store has refused so far.
    refused: StagedBest | None = None
    #: When the store may be tried again, on this process's clock.
    retry_at: float = 0.0

    @property
    def is_busy(self) -> bool:
        """Whether a checkpoint is on its way."""
        return self.with_store or self.staged is not None
