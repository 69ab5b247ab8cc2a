"""The course of a trial: the counters that a Trainer's own checkpoint lacks, in a file beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tuner.errors import ModelError, first_line

#: The file.
_FILE = "course.json"


@dataclass(kw_only=True)
class Course:
    """How far a trial has come."""

    #: Optimiser steps of the last evaluation; 0 before the first one.
    evaluated: int = 0
    #: Sum of the losses of the optimiser steps since then, as far as they are logged, and the last step logged.
    losses: float = 0.0
    logged: int = 0
    #: The learning rate of the last step logged.
    learning_rate: float = 0.0
    #: Value of the best evaluation, and how many evaluations came after it.
    best: float | None = None
    since_best: int = 0
    #: Losses that the Trainer has summed since the last log, and before it.
    unlogged: float = 0.0
    total: float = 0.0

    def take_from(self, trainer: Any) -> None:
        """Take note of the losses that a Trainer has summed and not logged, which no checkpoint of its own has."""
        self.unlogged, self.total = float(trainer._tr_loss), float(trainer._total_loss_scalar)

    def give_to(self, trainer: Any) -> None:
        """Have a Trainer that begins to train go on with the losses that another one has summed."""
        trainer._tr_loss += self.unlogged
        trainer._total_loss_scalar = self.total
        trainer._globalstep_last_logged = self.logged

    def write(self, folder: Path) -> None:
        """Write the counters into the folder of a checkpoint."""
        (folder / _FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Course:
        """Read the counters of a checkpoint.

        Raises:
            ModelError: They are missing, or those of another version.
        """
        try:
            return cls(**json.loads((folder / _FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            reason = f"training cannot go on from it: {first_line(error)}"
            raise ModelError(str(folder / _FILE), "", reason) from error
