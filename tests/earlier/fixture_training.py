"""Training without torch for the studies in this folder: `train: fixture_training:train`.

The value of a trial follows from its hyperparameters and from every optimiser step before, so that a trial which goes
on from another point of its training, or from files of another trial, has other values. It uses nothing of tuner but
the names that `tuner.run` keeps for modules of studies, and no number that differs between machines.

The environment variable FIXTURE_GATE names a folder. There, a file with a trial's number as its name holds the number
of optimiser steps that the trial may do; a trial that waits writes the file `waiting-NUMBER`.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tuner.run import Evaluation, TrialRun

STEPS, EVALUATIONS = 40, 10
#: This trial raises an error, and this one reports no number: they end as failed and as diverged.
FAILS, DIVERGES = 3, 4


def train(run: TrialRun) -> Iterator[Evaluation]:
    """Train a trial."""
    at: dict[str, Any] = {"steps": 0, "chain": "", "best": None}
    if run.restored is not None:
        at = json.loads((run.restored / "state.json").read_text(encoding="utf-8"))
        weights = (run.restored / "state.bin").read_bytes()
        assert weights == _weights(at), "these files do not belong together"
    run.record({"device": "cpu", "threads": 1, "trainable_parameters": 64})
    while at["steps"] < STEPS:
        while not _may_go_on(run.number, at["steps"]):
            time.sleep(0.01)
            if run.saver.wanted():
                run.saver.save(at["steps"], partial(_write, at))
        at = _step(run, at)
        if at["steps"] % (STEPS // EVALUATIONS) == 0:
            evaluation = _evaluate(run, at)
            if evaluation.value > (-1.0 if at["best"] is None else at["best"]):  # no number is above none
                at["best"] = evaluation.value
                run.saver.keep(evaluation, partial(_write, dict(at)))
            yield evaluation
        if at["steps"] < STEPS and run.saver.wanted():
            run.saver.save(at["steps"], partial(_write, at))


def _step(run: TrialRun, at: dict[str, Any]) -> dict[str, Any]:
    if run.number == FAILS and at["steps"] == STEPS // 4:
        raise ValueError("this trial fails in every database of this folder")
    point = json.dumps(run.hyperparameters.to_dict(), sort_keys=True)
    chain = hashlib.sha256(f"{at['chain']} {at['steps'] + 1} {run.seed} {point}".encode()).hexdigest()
    return {**at, "steps": at["steps"] + 1, "chain": chain}


def _evaluate(run: TrialRun, at: dict[str, Any]) -> Evaluation:
    rate, share = run.hyperparameters.learning_rate, at["steps"] / STEPS
    chance = int(at["chain"][:8], 16) / 2**32
    value = share * min(rate / 1e-4, 1e-4 / rate) + 0.25 * chance
    return Evaluation(
        step=at["steps"] * EVALUATIONS // STEPS,
        value=float("nan") if run.number == DIVERGES else value,
        epoch=share,
        optimiser_steps=at["steps"],
        train_loss=1 - value,
        validation_loss=1 - value / 2,
        learning_rate=rate,
    )


def _write(at: dict[str, Any], folder: Path) -> None:
    (folder / "state.json").write_text(json.dumps(at), encoding="utf-8")
    (folder / "state.bin").write_bytes(_weights(at))


def _weights(at: dict[str, Any]) -> bytes:
    return random.Random(at["chain"]).randbytes(256)


def _may_go_on(number: int, steps: int) -> bool:
    gate = os.environ.get("FIXTURE_GATE")
    if not gate:
        return True
    try:
        allowed = int((Path(gate) / str(number)).read_text(encoding="ascii"))
    except FileNotFoundError:
        return True
    if steps < allowed:
        return True
    (Path(gate) / f"waiting-{number}").touch()
    return False
