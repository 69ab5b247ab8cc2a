"""Our loop and transformers.Trainer train the same model, batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers
from datasets import load_from_disk
from reference_trainer import ReferenceTrainer, reference_arguments

from tuner.training.data.batches import training_batches
from tuner.training.data.encoded import EncodedData
from tuner.training.model.loading import build_model
from tuner.training.tasks import get_task
from tuner.trial.length import total_optimiser_steps
from tuner.trial.looks import LOOKS
from tuner.trial.run import Speed

if TYPE_CHECKING:
    from pathlib import Path

    from tuner.trial.run import TrialRun

#: Three batches an epoch, of 12, 12 and 8 examples, so that the last one is smaller.
STEPS = 10
SETTINGS: dict[str, Any] = {
    "learning_rate": 2e-3,
    "batch_size": 12,
    "num_train_epochs": STEPS / 3,
    "weight_decay": 0.1,
    "warmup_ratio": 0.2,
}


@dataclass
class Trained:
    #: Mean loss of each optimiser step's batch, before the step.
    losses: list[float]
    weights: dict[str, torch.Tensor]


class _SameDraws(transformers.TrainerCallback):
    """Lets dropout draw from where it draws in our loop: from what building the model left."""

    def __init__(self, state: torch.Tensor) -> None:
        self._state = state

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 0:
            torch.set_rng_state(self._state)


def train_theirs(run: TrialRun, folder: Path) -> Trained:
    hp = run.hyperparameters
    task = get_task(run.task)
    data = EncodedData.open(run.data, task.examples)
    rows: Any = load_from_disk(str(run.data / "train")).remove_columns("length")
    assert total_optimiser_steps(len(data.train), hp.batch_size, hp.num_train_epochs) == STEPS
    order = islice(training_batches(len(data.train), hp.batch_size, run.seed), STEPS)
    model = build_model(task.blueprint(run.model, data.labels, run.seed), dropout=hp.dropout)
    draws = torch.get_rng_state()
    trainer = ReferenceTrainer(
        model=model,
        args=reference_arguments(run, folder, steps=STEPS, warmup_steps=2),
        train_dataset=rows.with_format("torch") if run.task == "image-classification" else rows,
        data_collator=transformers.default_data_collator
        if run.task == "image-classification"
        else transformers.DataCollatorWithPadding(task.processor(run.model)),
        callbacks=[_SameDraws(draws)],
        batches=[batch.tolist() for batch in order],
    )
    trainer.train()
    weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
    return Trained(losses=trainer.losses, weights=weights)


def train_ours(run: TrialRun, watch: Callable[[TrialRun], Any]) -> Trained:
    watched = watch(replace(run, looks=LOOKS[10]))
    assert [evaluation.optimiser_steps for evaluation in watched.evaluations] == list(range(1, STEPS + 1))
    # An evaluation a step: the training loss since the evaluation before is that step's.
    losses = [evaluation.train_loss for evaluation in watched.evaluations]
    return Trained(losses=losses, weights=watched.model.state_dict())


def assert_same(one: Trained, other: Trained, tolerance: float) -> None:
    assert one.losses == pytest.approx(other.losses, abs=tolerance)
    assert one.weights.keys() == other.weights.keys()
    for name, weights in one.weights.items():
        # A key's bias moves no attention: its gradient is rounding, of which AdamW makes steps as long as any.
        if not name.endswith(("key.bias", "k_lin.bias")):
            assert torch.allclose(weights, other.weights[name], rtol=0, atol=tolerance), name


@pytest.mark.parametrize("name", ["bert", "distilbert"])
@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_every_loss_and_the_final_weights_are_those_of_transformers_trainer(
    name: str,
    schedule: str,
    dropout: float,
    make_run: Callable[..., TrialRun],
    watch: Callable[[TrialRun], Any],
    tmp_path: Path,
) -> None:
    # A last layer of one token draws its dropout for one token.
    speed = Speed(one_token=dropout == 0)
    run = make_run(name, **SETTINGS, dropout=dropout, lr_scheduler_type=schedule, speed=speed)
    ours = train_ours(run, watch)
    theirs = train_theirs(run, tmp_path)
    assert_same(ours, theirs, 1e-5)
    assert ours.losses[0] - ours.losses[-1] > 0.05, "something was learnt, so that the steps had something to differ in"


@pytest.mark.parametrize("name", ["bert", "distilbert"])
@pytest.mark.parametrize("micro_batch", [1, 5, 8])
def test_accumulating_small_batches_changes_nothing(
    name: str, micro_batch: int, make_run: Callable[..., TrialRun], watch: Callable[[TrialRun], Any]
) -> None:
    whole = make_run(name, **SETTINGS)
    accumulated = train_ours(replace(whole, micro_batch=micro_batch), watch)
    assert_same(accumulated, train_ours(whole, watch), 1e-6)
