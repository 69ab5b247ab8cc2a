"""What the tests have trainers and their parent do."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection
from pathlib import Path

import tuner.training.calls  # noqa: F401 (what a trainer's parent imports)
from tuner.processes.messages import Returned
from tuner.training.loop import train
from tuner.training.model import template
from tuner.trial.run import TrialRun


def train_trial(connection: Connection, *, run: TrialRun) -> None:
    """Train; send the evaluations, and whether the template was taken."""
    there = len(template._kept)
    evaluations = list(train(run))
    connection.send(Returned(value=(evaluations, len(template._kept) < there)))


def no_template() -> None:
    """Forget the template, in the parent."""
    template.keep(None)


def threads_of_parent(connection: Connection) -> None:
    """Send how many threads the parent has."""
    connection.send(Returned(value=len(list(Path(f"/proc/{os.getppid()}/task").iterdir()))))
