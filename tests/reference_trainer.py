"""transformers' Trainer, fed in the order of a trial, as the reference that a trial's losses are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import transformers

if TYPE_CHECKING:
    from pathlib import Path

    from tuner.trial.run import TrialRun


class InOrder:
    """A trainer that is fed in a trial's order and remembers the loss of each step; mixed into a trainer's class."""

    train_dataset: Any
    data_collator: Any

    def __init__(self, *args: Any, batches: Sequence[list[int]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.batches = batches
        #: Mean loss of each optimiser step's batch, before the step.
        self.losses: list[float] = []

    def get_train_dataloader(self) -> Any:
        return torch.utils.data.DataLoader(
            self.train_dataset, batch_sampler=self.batches, collate_fn=self.data_collator
        )

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        loss: torch.Tensor = super().training_step(*args, **kwargs)  # type: ignore[misc]
        self.losses.append(loss.item())
        return loss


class ReferenceTrainer(InOrder, transformers.Trainer):  # type: ignore[misc]
    """Transformers' own."""


def reference_arguments(
    run: TrialRun, folder: Path, *, steps: int, kind: Any = transformers.TrainingArguments, **more: Any
) -> Any:
    """Return the settings of Trainer that are a trial's, as arguments of a kind that a library has."""
    return kind(
        output_dir=str(folder),
        max_steps=steps,
        learning_rate=run.hyperparameters.learning_rate,
        weight_decay=run.hyperparameters.weight_decay,
        max_grad_norm=1.0,
        lr_scheduler_type=run.hyperparameters.lr_scheduler_type,
        optim="adamw_torch",
        use_cpu=True,
        seed=run.seed,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
        **more,
    )
