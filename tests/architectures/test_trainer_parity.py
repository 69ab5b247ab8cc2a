"""The losses of a trial are those of transformers' Trainer, for architectures of four kinds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers
from datasets import load_from_disk
from reference_trainer import ReferenceTrainer, reference_arguments

from architectures.catalogue import catalogue
from architectures.checkpoints import write_checkpoint
from architectures.padding import agree
from architectures.product import carry_out, prepared, trial_run
from architectures.training import spared_from_decay
from tuner.training.data.batches import training_batches
from tuner.trial.looks import LOOKS

if TYPE_CHECKING:
    from pathlib import Path

    from architectures.catalogue import Architecture
    from architectures.sweep import Workplace
    from tuner.trial.run import TrialRun

#: Optimiser steps, with an evaluation after each.
STEPS = 10
SETTINGS = {"num_train_epochs": STEPS / 2, "weight_decay": 0.1, "learning_rate": 2e-3}
#: A trial keeps the checkpoint's own dropouts, which are 0, so that neither draws.
NO_DROPOUT: dict[str, dict[str, float]] = {
    "llama": {},
    "gpt2": {"resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0},
    "bart": {"dropout": 0},
    "resnet": {},
    "swin": {"hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0, "drop_path_rate": 0},
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """An architecture, the side that its tokenizer pads on, and the side that Trainer is made to pad on."""

    name: str
    side: str | None = None
    trainers: str | None = None

    def __str__(self) -> str:
        return self.name if self.side is None else f"{self.name}-{self.side}"


CASES = [
    Case(name="text/llama", side="right", trainers="right"),
    Case(name="text/llama", side="left", trainers="left"),
    # GPT-2 counts positions from the row's beginning: Trainer, padding on the left, gives each text other positions.
    Case(name="text/gpt2", side="left", trainers="right"),
    Case(name="text/bart"),
    Case(name="image/resnet"),
    Case(name="image/swin"),
]


class _Trainer(ReferenceTrainer):
    def get_decay_parameter_names(self, model: torch.nn.Module) -> list[str]:
        # Trainer's own rule knows a batch norm by its name alone, and ResNet's have none of those names.
        return sorted({*super().get_decay_parameter_names(model)} - spared_from_decay(model))


def losses_of_trainer(architecture: Architecture, run: TrialRun, side: str | None, folder: Path) -> list[float]:
    """Train a plain model with transformers' Trainer, in the order of a trial."""
    assert run.anatomy is not None
    assert run.model is not None
    assert run.data is not None
    rows: Any = load_from_disk(str(run.data / "train")).remove_columns("length")
    order = islice(training_batches(len(rows), run.hyperparameters.batch_size, run.seed), STEPS)
    torch.manual_seed(run.seed)  # it decides the fresh head
    model = architecture.auto_model.from_pretrained(run.model.location, num_labels=2, ignore_mismatched_sizes=True)
    collator: Any = transformers.default_data_collator
    if architecture.kind == "text":
        assert run.anatomy.padding is not None
        agree(model, run.anatomy.padding)
        tokenizer = transformers.AutoTokenizer.from_pretrained(run.model.location)
        tokenizer.padding_side = side or tokenizer.padding_side
        tokenizer.pad_token = run.anatomy.padding.token
        collator = transformers.DataCollatorWithPadding(tokenizer)
    trainer = _Trainer(
        model=model,
        args=reference_arguments(run, folder, steps=STEPS),
        train_dataset=rows if architecture.kind == "text" else rows.with_format("torch"),
        data_collator=collator,
        batches=[batch.tolist() for batch in order],
    )
    trainer.train()
    return trainer.losses


@pytest.mark.rest
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_loss_is_that_of_transformers_trainer(case: Case, workplace: Workplace, tmp_path: Path) -> None:
    (architecture,) = (each for each in catalogue() if each.name == case.name)
    checkpoint = write_checkpoint(architecture, tmp_path / "model", **NO_DROPOUT[architecture.model_type])
    if case.side is not None:
        tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint, padding_side=case.side)
        tokenizer.save_pretrained(checkpoint)
    source = workplace.texts if architecture.kind == "text" else workplace.pictures
    found = prepared(architecture, checkpoint, source, workplace.cache)
    plain = trial_run(architecture, checkpoint, found, frozen=0.0, dropout=None)
    run = replace(plain, hyperparameters=replace(plain.hyperparameters, **SETTINGS), looks=LOOKS[STEPS])
    # An evaluation a step: the training loss since the evaluation before is that step's.
    ours = [evaluation.train_loss for evaluation in carry_out(run).evaluations]
    theirs = losses_of_trainer(architecture, run, case.trainers, tmp_path / "trainer")
    assert ours == pytest.approx(theirs, abs=1e-5)
    assert len(ours) == STEPS
    assert ours[0] - ours[-1] > 0.01, "something was learnt, so that the steps had something to differ in"
