"""What trained models say of the rows of a split, and whether one of them is better than another.

Of the test split that is the verdict of a study, which opens it once.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from search_spaces import NONE
from tuner.machine.memory import is_out_of_memory
from tuner.training.comparison import Comparison, compare_rows, compare_values
from tuner.training.data.encoded import EncodedData
from tuner.training.evaluation import EVALUATION_BATCH, Predicted, predict
from tuner.training.model.freezing import possible_depths
from tuner.training.model.trial_model import begin_model, trained_model
from tuner.training.out_of_memory import free_memory
from tuner.training.precision import forbid_tf32
from tuner.training.tasks import get_task
from tuner.training.tasks.base import Predictions
from tuner.training.trunk.forward import ForwardPasses
from tuner.trial.row_arrays import encoded_array

if TYPE_CHECKING:
    import numpy.typing as npt

    from tuner.training.evaluation import Predicted
    from tuner.training.tasks.base import Task
    from tuner.trial.run import TrialRun

#: Names of the splits.
TEST, VALIDATION = "test", "validation"
#: By how much a metric and the mean of the scores of its rows may differ where they are the same.
_EQUAL = 1e-9


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A trained model that is judged."""

    run: TrialRun
    #: Folder of its trained weights; None is the model before training.
    weights: Path | None


def judge(
    candidates: Sequence[Candidate], split: str, progress: Callable[[str, int, int], None] = lambda *_: None
) -> dict[str, Any]:
    """Judge models on a split.

    Args:
        candidates: The models. Each one but the first is compared with the first one.
        split: `test`, which only the verdict of a study may name, or `validation`.
        progress: Receives a stage, the amount done and the whole amount.

    Returns:
        JSON values, in which a metric without a value is None: `rows`; `labels` (names of the classes); `targets` (see
        `tuner.trial.row_arrays`; None where a row has no number of a class); `guess` (the metric's value for a model
        that knows how frequent each target is; None without one); `models`, one for each candidate, with `trial`,
        `value`, `metrics` (all of the task's), `right` (rows; None where rows are not right or wrong), `beside` (a
        comparison with the first candidate; None for that one) and `predictions` (see `tuner.trial.row_arrays`); and
        `untouched`, of a model without a fresh head its `value` before training, and `beside`, a comparison of the last
        candidate with it.
    """
    first: _Judged | None = None
    judged: _Judged | None = None
    models: list[dict[str, Any]] = []
    for number, candidate in enumerate(candidates):
        progress(f"reading the {split} split", number, len(candidates))
        judged = _judged(candidate, split)
        beside = None if first is None else _comparison(judged, first)
        models.append({**judged.facts(), "beside": None if beside is None else asdict(beside)})
        first = judged if first is None else first
        free_memory()
    assert first is not None
    assert judged is not None
    targets = first.found.predictions.targets.numpy()
    return {
        "rows": len(first.right),
        "labels": list(first.labels),
        "targets": encoded_array(targets.astype(np.uint32)) if first.labels and targets.ndim == 1 else None,
        "guess": _guess(candidates[0].run, first),
        "models": models,
        "untouched": _untouched(candidates[-1], judged, split),
    }


def _untouched(candidate: Candidate, trained: _Judged, split: str) -> dict[str, Any] | None:
    """Return the value of a trained model before training, and how it differs; None where it has a fresh head."""
    run = candidate.run
    assert run.anatomy is not None
    if not run.anatomy.predicts_tokens:
        return None
    run = replace(run, hyperparameters=replace(run.hyperparameters, adapter=NONE))
    before = _judged(Candidate(run=run, weights=None), split)
    beside = _comparison(trained, before)
    value = before.value if math.isfinite(before.value) else None
    return {"value": value, "beside": None if beside is None else asdict(beside)}


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """A model's predictions."""

    run: TrialRun
    task: Task
    labels: Sequence[str]
    found: Predicted
    value: float
    #: The score of each row. Shape: (rows,).
    right: npt.NDArray[np.float64]

    @property
    def is_share(self) -> bool:
        """Whether the metric is the share of rows that are right."""
        are_bits = bool(np.isin(self.right, (0.0, 1.0)).all())
        return are_bits and abs(float(self.right.mean()) - self.value) <= _EQUAL

    def facts(self) -> dict[str, Any]:
        names = self.task.declaration.metrics
        metrics = {name: _score(self.task, name, self.found, self.labels) for name in names}
        kept = self.task.kept_predictions(self.found.predictions)
        return {
            "trial": self.run.number,
            "value": self.value if math.isfinite(self.value) else None,
            "metrics": {name: value for name, value in metrics.items() if math.isfinite(value)},
            "right": int(self.right.sum()) if self.is_share else None,
            "predictions": {name: encoded_array(values) for name, values in kept.items()},
        }

    def value_on(self, rows: npt.NDArray[np.int64]) -> float:
        """Return the metric on some rows; NaN where it has no value there."""
        found = self.found.predictions
        some = Predictions(outputs=found.outputs[rows], targets=found.targets[rows])
        return _score(
            self.task, self.run.metric, Predicted(predictions=some, loss=self.task.mean_loss(some)), self.labels
        )


def _judged(candidate: Candidate, split: str) -> _Judged:
    run = candidate.run
    assert run.model is not None
    assert run.data is not None
    assert run.anatomy is not None
    torch.set_num_threads(run.threads or len(os.sched_getaffinity(0)))
    forbid_tf32()
    task = get_task(run.task)
    opened = EncodedData.open_test if split == TEST else EncodedData.open
    data = opened(run.data, task.examples, run.anatomy.padding)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    blueprint = task.blueprint(run.model, data.labels, run.seed, run.anatomy.padding)
    weights = candidate.weights
    model = begin_model(run, blueprint) if weights is None else trained_model(run, blueprint, weights)
    model = model.to(device)
    depths = possible_depths([run.hyperparameters.frozen_layers], layers=run.anatomy.count)
    passes = ForwardPasses(model, run.anatomy, data, device, depths=depths, speed=run.speed)
    found = _within_memory(task, model, passes, run)
    return _Judged(
        run=run,
        task=task,
        labels=data.labels,
        found=found,
        value=_score(task, run.metric, found, data.labels),
        right=task.row_scores(found.predictions),
    )


def _score(task: Task, metric: str, found: Predicted, labels: Sequence[str]) -> float:
    """Return a metric; NaN where it has no value on these rows, as where one lacks a class."""
    if task.declaration.metric(metric).complaint(found.predictions.targets.tolist(), labels) is not None:
        return math.nan
    return task.score(metric, found.predictions, found.loss)


def _within_memory(task: Task, model: torch.nn.Module, passes: ForwardPasses, run: TrialRun) -> Predicted:
    size = EVALUATION_BATCH
    while True:
        try:
            found = predict(task, model, passes, run, size=size)
        except Exception as error:
            if not is_out_of_memory(error) or size == 1:
                raise
        else:
            assert found is not None
            return found
        size //= 2
        free_memory()


def _comparison(judged: _Judged, first: _Judged) -> Comparison | None:
    if not (math.isfinite(judged.value) and math.isfinite(first.value)):
        return None
    if judged.is_share and first.is_share:
        return compare_rows(judged.right.astype(bool), first.right.astype(bool))
    return compare_values(judged.value_on, first.value_on, len(judged.right))


def _guess(run: TrialRun, judged: _Judged) -> float | None:
    """Return the value of guessing on the split."""
    assert run.data is not None
    assert run.anatomy is not None
    train = EncodedData.open(run.data, judged.task.examples, run.anatomy.padding).train
    targets = {
        "train": train.targets(np.arange(len(train))).numpy(),
        "validation": judged.found.predictions.targets.numpy(),
    }
    if not math.isfinite(judged.value):
        return None
    return judged.task.guess(run.metric, targets, judged.labels)
