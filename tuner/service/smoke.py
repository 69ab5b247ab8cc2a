"""Smoke runs: trains a corner of the search space for two optimiser steps on a few rows, and measures the steps."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuner.errors import ConfigError, TrainerDied
from tuner.machine.devices import CPU, lanes
from tuner.processes.calls import BUILT_IN
from tuner.processes.messages import Answer, Evaluated, Finished, Measured, Raised, Recorded
from tuner.processes.trainers import ForkServer, Trainer, describe_exit
from tuner.reporting.text import describe
from tuner.study.setup import SMOKE_ROWS, SMOKE_STEPS
from tuner.trial.result import Outcome, TrialResult, Verdict

if TYPE_CHECKING:
    from search_spaces import Hyperparameters
    from tuner.study.local import LocalStudy


@dataclass(frozen=True, kw_only=True)
class SmokeRun:
    """The outcome of a smoke run."""

    hyperparameters: Hyperparameters
    result: TrialResult
    #: Seconds of the whole run, with the start of its process.
    seconds: float
    #: Number of frozen layers; None where training recorded none.
    frozen_layers: int | None = None
    #: The seconds of its parts; None where training ended before they were measured.
    measured: Measured | None = None


def smoke_run(local_study: LocalStudy, fork_server: ForkServer, corner: Hyperparameters, *, source: str) -> SmokeRun:
    """Train at one corner of a study's space.

    Args:
        local_study: The study.
        fork_server: Starts the trainer.
        corner: The corner.
        source: The study file's path.

    Raises:
        ConfigError: Training fails. A corner whose training diverges is no error: the search may find out.
    """
    began = time.monotonic()
    threads = lanes((CPU,))[0].threads
    run = local_study.run(0, corner, max_rows=SMOKE_ROWS, max_steps=SMOKE_STEPS, precision="fp32", threads=threads)
    arguments = {"run": run, "function": local_study.config.train or BUILT_IN, "folders": local_study.folders}
    trainer = fork_server.start("tuner.processes.calls:smoke_trial", arguments, CPU.environment())
    try:
        result, effective, measured = _watch(trainer)
    finally:
        trainer.kill()
    if result.state == Outcome.FAILED:
        raise ConfigError(source, "", f"a trial with {describe(corner.to_dict())} fails: {result.reason}")
    frozen = effective.get("frozen_layers")
    return SmokeRun(
        hyperparameters=corner,
        result=result,
        seconds=time.monotonic() - began,
        frozen_layers=frozen if isinstance(frozen, int) else None,
        measured=measured,
    )


def _watch(trainer: Trainer) -> tuple[TrialResult, Mapping[str, Any], Measured | None]:
    """Return the trainer's result, its effective configuration and its measurements; no trial is pruned here."""
    effective: Mapping[str, Any] = {}
    measured: Measured | None = None
    while True:
        try:
            message = trainer.connection.recv()
        except (EOFError, OSError) as error:  # OSError: the trainer ended in the middle of a message
            raise TrainerDied(f"a trainer ended without a word: {describe_exit(trainer.exit_code())}") from error
        if isinstance(message, Evaluated):
            trainer.connection.send(Answer(step=message.evaluation.step, verdict=Verdict.GO_ON))
        elif isinstance(message, Finished):
            return message.result, effective, measured
        elif isinstance(message, Raised):
            raise message.error()
        elif isinstance(message, Measured):
            measured = message
        else:
            assert isinstance(message, Recorded)
            effective = message.effective
