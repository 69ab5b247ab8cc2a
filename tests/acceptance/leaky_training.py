"""Training that puts what it finds in its environment into errors, as careless code does; else it is a toy."""

from __future__ import annotations

import os
from collections.abc import Iterator

import toy_training

from tuner import Evaluation
from tuner.trial.run import TrialRun

_TELLING = ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "TUNER_STORAGE", "TUNER_DASHBOARD_TOKEN")


def train(run: TrialRun) -> Iterator[Evaluation]:
    """Fail in trial 1, with secrets of the environment in the error; train the others."""
    if run.number == 1:
        raise RuntimeError(f"cannot be done with {' '.join(os.environ.get(name, 'none') for name in _TELLING)}")
    yield from toy_training.train(run)
