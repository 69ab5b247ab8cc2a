"""Attempts without a trainer, for tests of the rules that judge them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from storage import Checkpoints, Lease, SlotRecord, SlotState
from tuner.machine.devices import CPU, Lane
from tuner.search.optuna_trials import OpenTrial
from tuner.supervisor.attempt import Attempt
from tuner.trial.evaluation import Evaluation

SLOT = SlotRecord(
    slot=0,
    state=SlotState.RUNNING,
    trial_id=1,
    trial_number=3,
    owner="me",
    attempt=1,
    held=True,
    crashes=0,
    device_s=0.0,
    checkpoints=Checkpoints(),
    reason=None,
)


def attempt_at(
    number: int = 3, *, complaint: str | None = None, reported: dict[int, float] | None = None, **slot: Any
) -> Attempt:
    """Return an attempt that has just begun, at a trial of which earlier attempts have reported some values."""
    open_trial = OpenTrial(
        trial=cast(Any, SimpleNamespace(number=number)),
        hyperparameters=cast(Any, object()),
        complaint=complaint,
        reported=reported or {},
        curve={},
        effective=None,
    )
    return Attempt(
        lane=Lane(index=0, device=CPU, threads=1),
        lease=Lease(study_id=1, slot=0, owner="me", attempt=1),
        slot=replace(SLOT, **slot),
        open_trial=open_trial,
    )


def evaluated(step: int, value: float) -> Evaluation:
    """Return an evaluation of which only step and value matter."""
    return Evaluation(
        step=step,
        value=value,
        epoch=step / 100,
        optimiser_steps=step,
        train_loss=1.0,
        validation_loss=1.0,
        learning_rate=1e-4,
    )
