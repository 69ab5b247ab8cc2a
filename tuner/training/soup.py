"""Soup: the mean of the weights of several trials that share a start, where it is better than the best of them.

Members are added one by one, the best first, and stay where the value on the validation split does not fall (greedy
soup: Wortsman et al., ICML 2022, arXiv 2203.05482).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tuner.training.data.encoded import EncodedData
from tuner.training.evaluation import evaluate
from tuner.training.model.freezing import possible_depths
from tuner.training.model.trial_model import merged_model
from tuner.training.model.weights import save_weights
from tuner.training.precision import forbid_tf32
from tuner.training.tasks import get_task
from tuner.training.trunk.forward import ForwardPasses
from tuner.trial.evaluation import is_better

if TYPE_CHECKING:
    from torch import nn

    from tuner.trial.run import TrialRun

    State = Mapping[str, torch.Tensor]

_STAGE = "averaging weights"


def make_soup(
    candidates: Sequence[tuple[TrialRun, Path]],
    folder: Path,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """Average the weights of trials as far as that makes a better model, and write them.

    Args:
        candidates: Of each trial, the best first, its run and the folder of its weights.
        folder: Takes the weights.
        progress: Receives a stage, the amount done and the whole amount.

    Returns:
        JSON values: `members` (numbers of the trials), `value` on the validation split, and `alone`, that of the best.
    """
    run, weights = candidates[0]
    torch.set_num_threads(run.threads or len(os.sched_getaffinity(0)))
    forbid_tf32()
    model = _merged(run, weights)
    mean = _state(model)
    alone = value = _value(model, run)
    members = [run.number]
    for number, (other, its_weights) in enumerate(candidates[1:], start=1):
        progress(_STAGE, number, len(candidates))
        tried = _mean(mean, _state(_merged(other, its_weights)), count=len(members))
        model.load_state_dict(tried)
        found = _value(model, run)
        if not is_better(value, found, run.direction):
            mean, value = tried, found
            members.append(other.number)
    save_weights(dict(mean), folder)
    return {"members": members, "value": value, "alone": alone}


def _merged(run: TrialRun, weights: Path) -> nn.Module:
    """Return a trial's model, its adapters merged: ranks may differ, the weights that they change are the same."""
    assert run.model is not None
    assert run.data is not None
    assert run.anatomy is not None
    task, padding = get_task(run.task), run.anatomy.padding
    labels = EncodedData.open(run.data, task.examples, padding).labels
    return merged_model(run, task.blueprint(run.model, labels, run.seed, padding), weights)


def _state(model: nn.Module) -> State:
    """Return copies of all weights of a model."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _mean(mean: State, other: State, *, count: int) -> State:
    """Return the mean of weights of which some are a mean of so many already; whole numbers stay as they are."""
    return {
        name: (value * count + other[name]) / (count + 1) if value.is_floating_point() else value
        for name, value in mean.items()
    }


def _value(model: nn.Module, run: TrialRun) -> float:
    assert run.data is not None
    assert run.anatomy is not None
    task = get_task(run.task)
    data = EncodedData.open(run.data, task.examples, run.anatomy.padding)
    depths = possible_depths([run.hyperparameters.frozen_layers], layers=run.anatomy.count)
    passes = ForwardPasses(model, run.anatomy, data, torch.device("cpu"), depths=depths, speed=run.speed)
    scores = evaluate(task, model, passes, run)
    assert scores is not None
    return scores.value
