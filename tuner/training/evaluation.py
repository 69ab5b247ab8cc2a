"""Evaluation of a model on the validation split."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from tuner.machine.memory import is_out_of_memory
from tuner.training.out_of_memory import free_memory
from tuner.training.tasks.base import Predictions
from tuner.trial.row_bits import packed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from tuner.training.tasks.base import Task
    from tuner.training.training_state import Progress
    from tuner.training.trunk.forward import ForwardPasses
    from tuner.trial.run import TrialRun

#: Examples per forward pass of an evaluation, at most.
EVALUATION_BATCH = 64
#: Examples per forward pass of an evaluation, as a multiple of those of training, at most. A micro-batch is small where
#: memory is short. An evaluation keeps nothing for a backward pass and fits more, but not any number.
EVALUATION_FACTOR = 8


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What an evaluation has found."""

    #: Value of the study's metric.
    value: float
    #: Mean loss per term of the loss.
    loss: float
    #: Which rows are right, as `tuner.trial.row_bits.packed` returns them.
    rows: str | None
    #: Values of the task's other metrics, by name.
    metrics: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What a model says of the rows of the split that it is judged on."""

    #: In the order of the split's rows.
    predictions: Predictions
    #: Mean loss per term of the loss.
    loss: float


@torch.no_grad()
def predict(
    task: Task, model: nn.Module, passes: ForwardPasses, run: TrialRun, *, size: int = EVALUATION_BATCH
) -> Predicted | None:
    """Return what a model says of the validation split. Draws no random number.

    Args:
        task: Says which part of a forward pass is kept, and computes the loss.
        model: The model; it is left in evaluation mode.
        passes: Its forward passes.
        run: The trial.
        size: Examples per forward pass, at most.

    Returns:
        The predictions. None where the evaluation was broken off because the trial is about to be moved.
    """
    model.eval()
    kept: list[Predictions] = []
    order = []
    for part in passes.evaluation_parts("validation", passes.chosen("validation", run.max_rows), size):
        if run.saver.leaving:
            return None
        kept.append(task.predictions(*passes.forward("validation", part, exact=True)))
        order.append(part)
    joined = Predictions.joined(kept)
    # The loss is summed in the order of the passes: another order would change its last bits.
    loss = task.mean_loss(joined)
    in_order = np.argsort(np.concatenate(order))
    found = Predictions(outputs=joined.outputs[in_order], targets=joined.targets[in_order])
    if run.generate is not None:
        rows = passes.chosen("validation", run.max_rows)[: run.generate.rows]
        judged = task.with_generations(found, model, passes.examples("validation"), rows, run, size)
        if judged is None:
            return None
        found = judged
    return Predicted(predictions=found, loss=loss)


def evaluate(
    task: Task, model: nn.Module, passes: ForwardPasses, run: TrialRun, *, size: int = EVALUATION_BATCH
) -> Scores | None:
    """Evaluate a model on the validation split. Draws no random number.

    Args:
        task: Computes loss and metric.
        model: The model; it is left in evaluation mode.
        passes: Its forward passes.
        run: The trial, which names the metric.
        size: Examples per forward pass, at most.

    Returns:
        The scores. None where the evaluation was broken off because the trial is about to be moved.
    """
    found = predict(task, model, passes, run, size=size)
    if found is None:
        return None
    value = task.score(run.metric, found.predictions, found.loss)
    return Scores(
        value=value,
        loss=found.loss,
        rows=packed(task.row_scores(found.predictions)),
        metrics=_other_metrics(task, run.metric, found),
    )


def _other_metrics(task: Task, decides: str, found: Predicted) -> dict[str, float]:
    values = {
        name: task.score(name, found.predictions, found.loss)
        for name, metric in task.declaration.metrics.items()
        if name != decides and metric.is_recorded and metric.compute is not None
    }
    return {name: value for name, value in values.items() if math.isfinite(value)}


def evaluate_within_memory(
    task: Task, model: nn.Module, passes: ForwardPasses, run: TrialRun, *, progress: Progress, micro_batch: int
) -> Scores | None:
    """Evaluate as `evaluate` does, with half of the examples per forward pass wherever memory runs out.

    Args:
        task: Computes loss and metric.
        model: The model.
        passes: Its forward passes.
        run: The trial.
        progress: Remembers in `evaluation_batch` how many examples per forward pass fitted.
        micro_batch: Examples per forward pass of training.

    Raises:
        Exception: One that says that memory ran out, where a single example does not fit.
    """
    while True:
        size = min(progress.evaluation_batch, EVALUATION_FACTOR * micro_batch)
        try:
            return evaluate(task, model, passes, run, size=size)
        except Exception as error:
            if not is_out_of_memory(error) or size == 1:
                raise
        # Outside of the except block: there the error still refers to the tensors that did not fit.
        progress.evaluation_batch = size // 2
        free_memory()
