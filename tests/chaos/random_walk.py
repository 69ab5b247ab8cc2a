"""What the chaos test trains with: a walk of a few seconds whose every value follows from its hyperparameters."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from tuner import Evaluation
from tuner.trial.run import TrialRun

#: Steps of a trial, and its evaluations.
STEPS, EVALUATIONS = 60, 10
#: Steps of a trial that is evaluated at the looks of its study: each is a percent.
PERCENTS = 100


def train(run: TrialRun) -> Iterator[Evaluation]:
    """Walk, a step every few hundredths of a second."""
    yield from _walk(run, STEPS, range(0, STEPS + 1, STEPS // EVALUATIONS))


def at_looks(run: TrialRun) -> Iterator[Evaluation]:
    """Walk, and be evaluated where the study looks, as a trial is that is put aside at rungs."""
    yield from _walk(run, PERCENTS, run.looks)


def _walk(run: TrialRun, steps: int, evaluated: Collection[int]) -> Iterator[Evaluation]:
    pause = float(os.environ.get("WALK_PAUSE_S", "0"))
    rate = run.hyperparameters.learning_rate
    step, place = 0, 1.0
    if run.restored is not None:
        step, place = json.loads((run.restored / "walk.json").read_text(encoding="utf-8"))
    run.record({"device": "cpu", "threads": 1})
    while step < steps:
        time.sleep(pause)  # the work
        step, place = step + 1, (place * 1.3 + rate * 1e4) % 11
        state = json.dumps([step, place])
        if step in evaluated:
            evaluation = Evaluation(
                step=step * 100 // steps,
                value=place,
                epoch=step / steps,
                optimiser_steps=step,
                train_loss=place,
                validation_loss=place,
                learning_rate=rate,
            )
            run.saver.keep(evaluation, lambda folder, state=state: _write(folder, state))  # type: ignore[misc]
            yield evaluation
        if run.saver.wanted():
            run.saver.save(step, lambda folder, state=state: _write(folder, state))  # type: ignore[misc]


def _write(folder: Path, state: str) -> None:
    (folder / "walk.json").write_text(state, encoding="utf-8")
