"""The plan of a trial: everything that is known about its course before the first optimiser step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.training.data.batches import evaluated_optimiser_steps
from tuner.training.model.freezing import thaw_plan
from tuner.trial.evaluation import LAST_STEP
from tuner.trial.length import optimiser_steps_per_epoch, total_optimiser_steps, warmup_optimiser_steps

if TYPE_CHECKING:
    from tuner.training.data.encoded import EncodedData
    from tuner.trial.run import TrialRun


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Length, thawing, warm-up and evaluations of a trial, in optimiser steps."""

    #: Training examples that the trial uses.
    rows: int
    per_epoch: int
    #: Optimiser steps of the whole schedule.
    total: int
    #: Optimiser steps after which this run ends: fewer than `total` in a smoke run, and where its last look is before.
    last: int
    warmup: int
    #: Frozen layers by the optimiser step at which this number begins; the first optimiser step is 0.
    thawing: Mapping[int, int]
    #: By optimiser step after which there is an evaluation, the percent of the schedule that ends there.
    evaluate_after: Mapping[int, int]


def make_plan(run: TrialRun, data: EncodedData, *, layers: int) -> Plan:
    """Return the plan of a trial.

    Args:
        run: Hyperparameters and limits.
        data: The encoded splits.
        layers: Layers of the model's encoder.
    """
    hp = run.hyperparameters
    rows = len(data.train) if run.max_rows is None else min(run.max_rows, len(data.train))
    per_epoch = optimiser_steps_per_epoch(rows, hp.batch_size)
    total = total_optimiser_steps(rows, hp.batch_size, hp.num_train_epochs)
    thawing = thaw_plan(
        hp.frozen_layers, layers=layers, epochs=hp.num_train_epochs, optimiser_steps_per_epoch=per_epoch
    )
    last, evaluate_after = total, evaluated_optimiser_steps(total, run.looks)
    if run.max_steps is not None:
        last = min(total, run.max_steps)
        evaluate_after = {last: LAST_STEP}
    elif run.looks[-1] < LAST_STEP:
        last = max(evaluate_after)
    return Plan(
        rows=rows,
        per_epoch=per_epoch,
        total=total,
        last=last,
        warmup=warmup_optimiser_steps(hp, total),
        thawing=thawing,
        evaluate_after=evaluate_after,
    )
