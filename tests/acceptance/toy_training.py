"""Training without torch, for studies that say `train: toy_training:train`, or `at_looks` where they have rungs.

What a trial is worth follows from its hyperparameters and from every step before: one that goes on from anywhere but
where it was, or from files that are not its own, is worth something else. `toy_study` of acceptance_support puts this
file beside a study file. Environment variables say how it runs; none of them changes a value:

    TOY_STEPS       steps of a trial, a multiple of 10 (which does change values); 40
    TOY_PAUSE_S     seconds that each step takes; 0
    TOY_STEP_BYTES  bytes to go on from, besides a few hundred; 0
    TOY_BEST_BYTES  bytes of the weights, besides a few hundred; 0
    TOY_PARAMETERS  of 12 bytes, from which it is estimated what a checkpoint costs before the first one; 1
    TOY_TRACE       file that takes a line `TRIAL STEP` for each step done
    TOY_GATE        folder: a trial waits before the step after the number in the file named as its own number, or `all`
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import time
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tuner import Evaluation
from tuner.trial.evaluation import is_better
from tuner.trial.run import TrialRun

#: Evaluations of a trial.
EVALUATIONS = 10


def steps() -> int:
    """Return the steps of a trial."""
    return int(os.environ.get("TOY_STEPS", "40"))


def train(run: TrialRun) -> Iterator[Evaluation]:
    """Train a trial that looks at each step whether it is to be saved."""
    total = steps()
    yield from _train(run, range(0, total + 1, total // EVALUATIONS))


def at_looks(run: TrialRun) -> Iterator[Evaluation]:
    """Train a trial that is evaluated at the looks of its study, as one is that is put aside at rungs."""
    total = steps()
    yield from _train(run, [-(-total * look // 100) for look in run.looks])


def _train(run: TrialRun, evaluated: Collection[int]) -> Iterator[Evaluation]:
    total, pause_s = steps(), float(os.environ.get("TOY_PAUSE_S", "0"))
    at: dict[str, Any] = {"step": 0, "chain": "", "best": None} if run.restored is None else _read(run.restored)
    cost = int(os.environ.get("TOY_PARAMETERS", "1"))
    run.record({"device": "cpu", "threads": 1, "trainable_parameters": cost})
    while at["step"] < total:
        while not _may_go_on(run.number, at["step"]):
            time.sleep(0.005)
            if run.saver.wanted():
                run.saver.save(at["step"], partial(_write, at, "state", "TOY_STEP_BYTES"))
        time.sleep(pause_s)
        at = _step(run, at)
        _trace(run.number, at["step"])
        if at["step"] in evaluated:
            evaluation = evaluate(run, at, total)
            if is_better(evaluation.value, at["best"], run.direction):
                at["best"] = evaluation.value
                run.saver.keep(evaluation, partial(_write, dict(at), "weights", "TOY_BEST_BYTES"))
            yield evaluation
        if at["step"] < total and run.saver.wanted():
            run.saver.save(at["step"], partial(_write, at, "state", "TOY_STEP_BYTES"))


def deaf(run: TrialRun) -> Iterator[Evaluation]:
    """Train a trial that is told to save and never looks; it goes on for hours after its first evaluation."""
    run.record({"device": "cpu", "threads": 1, "trainable_parameters": 1})
    at = _step(run, {"step": 0, "chain": "", "best": None})
    _trace(run.number, at["step"])
    yield evaluate(run, at, EVALUATIONS)
    _trace(run.number, at["step"] + 1)  # from here on it hears nothing
    time.sleep(3 * 3600)


def evaluate(run: TrialRun, at: dict[str, Any], total: int) -> Evaluation:
    """Return what a trial is worth: more with each step, more where the rate is near 1e-4, and a bit of chance."""
    step = at["step"]
    distance = abs(math.log10(run.hyperparameters.learning_rate / 1e-4))
    chance = int(at["chain"][:8], 16) / 2**32
    value = step / total / (1 + distance) + 0.5 * chance
    return Evaluation(
        step=step * 100 // total,
        value=value if run.direction == "maximize" else -value,
        epoch=step / total,
        optimiser_steps=step,
        train_loss=1 - value,
        validation_loss=1 - value,
        learning_rate=run.hyperparameters.learning_rate,
    )


def _step(run: TrialRun, at: dict[str, Any]) -> dict[str, Any]:
    point = json.dumps(run.hyperparameters.to_dict(), sort_keys=True)
    chain = hashlib.sha256(f"{at['chain']} {at['step'] + 1} {run.seed} {point}".encode()).hexdigest()
    return {**at, "step": at["step"] + 1, "chain": chain}


def _write(at: dict[str, Any], name: str, size: str, folder: Path) -> None:
    (folder / f"{name}.json").write_text(json.dumps(at), encoding="utf-8")
    (folder / f"{name}.bin").write_bytes(random.Random(at["chain"]).randbytes(int(os.environ.get(size, "0"))))


def _read(folder: Path) -> dict[str, Any]:
    at: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    ballast = (folder / "state.bin").read_bytes()
    assert ballast == random.Random(at["chain"]).randbytes(len(ballast)), "these files do not belong together"
    return at


def _trace(number: int, step: int) -> None:
    if path := os.environ.get("TOY_TRACE"):
        with open(
            path, "a", encoding="ascii"
        ) as file:  # one write of a few bytes: lines of several trainers stay whole
            file.write(f"{number} {step}\n")


def _may_go_on(number: int, step: int) -> bool:
    gate = os.environ.get("TOY_GATE")
    if not gate:
        return True
    for name in (str(number), "all"):
        try:
            return step < int((Path(gate) / name).read_text(encoding="ascii"))
        except FileNotFoundError:
            continue
    return True
