"""Toy training of which some trials fail, some do badly enough to be pruned, and all hold memory while they run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import toy_training

from tuner import Evaluation
from tuner.trial.run import TrialRun


def train(run: TrialRun) -> Iterator[Evaluation]:
    """Fail in every fifth trial, do badly in every third."""
    held = bytearray(32 << 20)
    for evaluation in toy_training.train(run):
        if run.number % 5 == 1:
            raise RuntimeError(f"this trial fails, with {len(held)} bytes")
        yield replace(evaluation, value=evaluation.value - 10.0 * (run.number % 3 == 2))
