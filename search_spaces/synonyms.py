"""What other tools call the hyperparameters, and the keys of a range."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Hyperparameters by the names that W&B sweeps, Optuna examples, transformers' Trainer, peft and papers give them.
HYPERPARAMETERS: Mapping[str, str] = {
    "lr": "learning_rate",
    "learningrate": "learning_rate",
    "peak_lr": "learning_rate",
    "max_lr": "learning_rate",
    "base_lr": "learning_rate",
    "rate": "learning_rate",
    "batch": "batch_size",
    "bs": "batch_size",
    "batchsize": "batch_size",
    "train_batch_size": "batch_size",
    "effective_batch_size": "batch_size",
    "global_batch_size": "batch_size",
    "per_device_train_batch_size": "batch_size",
    "per_gpu_train_batch_size": "batch_size",
    "epoch": "num_train_epochs",
    "epochs": "num_train_epochs",
    "n_epochs": "num_train_epochs",
    "num_epochs": "num_train_epochs",
    "max_epochs": "num_train_epochs",
    "train_epochs": "num_train_epochs",
    "dropout_rate": "dropout",
    "drop": "dropout",
    "hidden_dropout": "dropout",
    "hidden_dropout_prob": "dropout",
    "attention_dropout": "dropout",
    "attention_probs_dropout_prob": "dropout",
    "classifier_dropout": "dropout",
    "wd": "weight_decay",
    "decay": "weight_decay",
    "l2": "weight_decay",
    "scheduler": "lr_scheduler_type",
    "lr_scheduler": "lr_scheduler_type",
    "schedule": "lr_scheduler_type",
    "lr_schedule": "lr_scheduler_type",
    "lr_schedule_type": "lr_scheduler_type",
    "freeze": "frozen_layers",
    "frozen": "frozen_layers",
    "freeze_layers": "frozen_layers",
    "num_frozen_layers": "frozen_layers",
    "n_frozen_layers": "frozen_layers",
    "freeze_encoder": "frozen_layers",
    "unfreeze": "frozen_layers",
    "warmup": "warmup_ratio",
    "warm_up": "warmup_ratio",
    "warmup_steps": "warmup_ratio",
    "num_warmup_steps": "warmup_ratio",
    "warmup_proportion": "warmup_ratio",
    "head_lr": "head_learning_rate_factor",
    "head_learning_rate": "head_learning_rate_factor",
    "llrd": "layerwise_lr_decay",
    "layer_decay": "layerwise_lr_decay",
    "layerwise_decay": "layerwise_lr_decay",
    "lora": "adapter",
    "peft": "adapter",
    "adapters": "adapter",
    "rank": "lora_rank",
    "lora_r": "lora_rank",
    "alpha": "lora_alpha",
    "target_modules": "lora_targets",
    "lora_target_modules": "lora_targets",
}
#: Keys of a range or of choices, by what W&B sweeps, Optuna, Ray Tune and scipy call them.
RANGE_KEYS: Mapping[str, str] = {
    "min": "low",
    "minimum": "low",
    "lower": "low",
    "lo": "low",
    "from": "low",
    "max": "high",
    "maximum": "high",
    "upper": "high",
    "hi": "high",
    "to": "high",
    "values": "choices",
    "options": "choices",
    "categories": "choices",
    "value": "choices",
    "log_scale": "log",
    "logscale": "log",
    "distribution": "log",
    "scale": "log",
    "prior": "log",
    "q": "step",
}
#: A distribution of Ray Tune, an Optuna trial or numpy, written as a call.
_CALL = re.compile(
    r"(?:[\w.]+\.)?(?:suggest_\w+|q?(?:log)?(?:uniform|randn?|randint)|log_uniform|choice|grid_search)\s*\(.*"
)
_NUMBER = r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?"


def call_remedy(written: object) -> str | None:
    """Return how a distribution that is written as a call, such as `tune.loguniform(1e-5, 1e-3)`, is written here.

    Returns:
        The end of a sentence; None where the value is no such call.
    """
    if not isinstance(written, str) or not _CALL.fullmatch(written.strip()):
        return None
    inside = written.partition("(")[2].rpartition(")")[0]
    if "choice" in written or "categorical" in written or "grid" in written:
        return "write the choices as a list, such as [16, 32]"
    ends = re.findall(rf"(?<![\w.])({_NUMBER})(?![\w.])", inside)
    low, high = (ends[0], ends[1]) if len(ends) == 2 else ("1e-5", "1e-3")
    log = ", log: true" if "log" in written else ""
    return f"write {'' if len(ends) == 2 else 'a range, such as '}{{low: {low}, high: {high}{log}}}"
