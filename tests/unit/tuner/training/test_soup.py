"""The mean of the weights of several trials, as far as it is better than the best of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import FolderSaver

from tuner.training.loop import train
from tuner.training.model.loading import build_model
from tuner.training.model.weights import restore_weights
from tuner.training.soup import make_soup
from tuner.training.tasks import get_task

if TYPE_CHECKING:
    from tuner.trial.run import TrialRun

LOSS: dict[str, Any] = {"metric": "loss", "direction": "minimize", "num_train_epochs": 4.0}


def trained(make_run: Callable[..., TrialRun], folder: Path, number: int, **values: Any) -> tuple[TrialRun, Path]:
    saver = FolderSaver(folder)
    run = replace(make_run(saver=saver, **{**LOSS, **values}), number=number)
    for _ in train(run):
        pass
    saver.write_best()
    return run, folder / "best"


@pytest.fixture
def candidates(make_run: Callable[..., TrialRun], tmp_path: Path) -> list[tuple[TrialRun, Path]]:
    """Three trials of one start, of which the last has learnt nothing of use."""
    good = trained(make_run, tmp_path / "good", 3, learning_rate=1e-3)
    other = trained(make_run, tmp_path / "other", 5, learning_rate=1e-3, batch_size=4, frozen_layers=0.5)
    bad = trained(make_run, tmp_path / "bad", 7, learning_rate=0.5)
    return [good, other, bad]


def whole(candidate: tuple[TrialRun, Path]) -> dict[str, torch.Tensor]:
    """Return all weights of a trial."""
    run, weights = candidate
    task = get_task(run.task)
    model = build_model(task.blueprint(run.model, ("bad", "good"), run.seed, run.anatomy.padding), dropout=0.0)
    restore_weights(model, weights)
    return dict(model.state_dict())


def test_members_are_averaged_while_that_does_no_harm(candidates: list[tuple[TrialRun, Path]], tmp_path: Path) -> None:
    (tmp_path / "soup").mkdir()
    told = make_soup(candidates, tmp_path / "soup")
    written = load_file(tmp_path / "soup" / "model.safetensors")
    by_number = {run.number: (run, weights) for run, weights in candidates}
    assert told["members"][0] == 3
    assert 7 not in told["members"], "it makes the mean worse"
    assert told["value"] <= told["alone"]
    states = [whole(by_number[number]) for number in told["members"]]
    for name, value in written.items():
        if value.is_floating_point():
            expected = torch.stack([state[name].double() for state in states]).mean(dim=0)
            assert torch.allclose(value.double(), expected, atol=1e-6), name


def test_the_best_alone_is_the_mean_where_no_other_one_helps(
    candidates: list[tuple[TrialRun, Path]], tmp_path: Path
) -> None:
    (tmp_path / "soup").mkdir()
    told = make_soup([candidates[0], candidates[2]], tmp_path / "soup")
    assert told == {"members": [3], "value": told["alone"], "alone": told["alone"]}
    written = load_file(tmp_path / "soup" / "model.safetensors")
    assert all(torch.equal(written[name], value) for name, value in whole(candidates[0]).items() if name in written)
