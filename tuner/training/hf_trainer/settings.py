"""The settings of a Trainer that a study decides: when it evaluates and saves, and its examples per forward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import Subset
from transformers import IntervalStrategy, PrinterCallback, ProgressCallback
from transformers.trainer_utils import SaveStrategy

from tuner.errors import ConfigError
from tuner.training.hf_trainer.micro_batches import batch_size, fit_micro_batch
from tuner.training.precision import device_name
from tuner.trial.evaluation import MAX_STEPS

if TYPE_CHECKING:
    from tuner.trial.run import TrialRun

#: Settings that a study decides. Early stopping of transformers wants the strategy `steps`, so that evaluations are
#: every so many steps as no trial has.
_DECIDED = {
    "eval_strategy": IntervalStrategy.STEPS,
    "eval_steps": MAX_STEPS,
    "eval_on_start": False,
    "save_strategy": SaveStrategy.NO,
    "save_only_model": False,
    "save_total_limit": None,
    "load_best_model_at_end": False,
    "push_to_hub": False,
    "disable_tqdm": True,
    # The trainer process begins again with half of the examples; this would begin the trial anew.
    "auto_find_batch_size": False,
    # With it, a loss that is no number would look like a sound one.
    "logging_nan_inf_filter": False,
    "ignore_data_skip": False,
    # How often a metric did not improve, which early stopping counts, is in the checkpoint too.
    "restore_callback_states_from_checkpoint": True,
}
#: Callbacks that would write bars and losses to the log, or save by themselves when the machine is preempted.
_QUIETED = (ProgressCallback, PrinterCallback)
_PREEMPTION = "JITCheckpointCallback"


def settle(trainer: Any, run: TrialRun) -> None:
    """Give a Trainer the settings that a study decides.

    Raises:
        ConfigError: The Trainer has no data to evaluate on.
    """
    if trainer.eval_dataset is None:
        raise ConfigError("", "train", "the Trainer has no eval_dataset, and a trial is judged by its evaluations")
    args = trainer.args
    for name, value in _DECIDED.items():
        setattr(args, name, value)
    if args.logging_strategy == IntervalStrategy.EPOCH:
        # Losses are logged at each evaluation anyway. A log after the step of a checkpoint would be missing in it.
        args.logging_strategy = IntervalStrategy.NO
    for each in [*trainer.callback_handler.callbacks]:
        if isinstance(each, _QUIETED) or type(each).__name__ == _PREEMPTION:
            trainer.remove_callback(each)
    if run.max_steps is not None:
        args.max_steps = min(run.max_steps, args.max_steps) if args.max_steps > 0 else run.max_steps
    if run.max_rows is not None:
        trainer.eval_dataset = first_rows(trainer.eval_dataset, run.max_rows)
    if run.micro_batch is not None:
        fit_micro_batch(trainer, run.micro_batch)


def first_rows(data: Any, rows: int) -> Any:
    """Return the first rows of an evaluation set, or of each of several by name."""
    if isinstance(data, dict):
        return {name: first_rows(each, rows) for name, each in data.items()}
    if hasattr(data, "take"):
        return data.take(rows)
    if hasattr(data, "__len__"):
        return Subset(data, range(min(rows, len(data))))
    return data


def effective(trainer: Any, looks: list[int]) -> dict[str, Any]:
    """Return the settings that a trial trains with, as JSON values.

    Args:
        trainer: The Trainer, as it begins to train.
        looks: The percents of the schedule after which it evaluates.
    """
    args, parameters = trainer.args, [*trainer.model.parameters()]
    return {
        "trainer": type(trainer).__name__,
        "learning_rate": args.learning_rate,
        "weight_decay": args.weight_decay,
        "lr_scheduler_type": str(getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type)),
        "batch_size": batch_size(trainer),
        "micro_batch": args.per_device_train_batch_size,
        "optimiser_steps": trainer.state.max_steps,
        "evaluations": looks,
        "trainable_parameters": sum(each.numel() for each in parameters if each.requires_grad),
        "parameters": sum(each.numel() for each in parameters),
        "precision": "bf16" if args.bf16 else "fp16" if args.fp16 else "no",
        "device": args.device.type,
        "device_name": device_name() if args.device.type == "cuda" else args.device.type,
        "threads": torch.get_num_threads(),
        "seed": args.seed,
    }
