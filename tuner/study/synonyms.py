"""What other tools call the keys of a study file and their values: W&B, Optuna, Ray Tune, transformers' Trainer.

A key leads to a key of ours, as a dotted path, or to a sentence where we have none. What they call hyperparameters is
in `search_spaces.synonyms`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from search_spaces import NAMES, plain
from search_spaces.synonyms import HYPERPARAMETERS

_MICRO_BATCH = "leave it out: the examples that pass through the model at once follow from memory"
_COUNTED = "leave it out: it is counted in the data"
_RUNGS = (
    "leave it out: every trial is evaluated at rungs of its schedule; "
    "`search: plain` with `evaluations: 5` asks for others"
)
_COMMAND_LINE = "leave it out: it is an option of the command, such as `tuner start STUDY.yaml"

#: Keys at the top of a file.
_TOP: Mapping[str, str] = {
    # Optuna
    "n_trials": "budget.trials",
    "study_name": "name",
    "direction": "metric.direction",
    "directions": "metric.direction",
    "timeout": "budget.time",
    "storage": f"{_COMMAND_LINE} --storage URL`",
    "n_jobs": f"{_COMMAND_LINE} --workers 2`",
    "load_if_exists": "leave it out: `tuner start` goes on with a study that exists",
    "objective": "name the `metric`, or with `train: module:function` a training function of your own",
    "hyperparameters": "search_space",
    "params": "search_space",
    "space": "search_space",
    # W&B sweeps
    "method": "sampler",
    "goal": "metric.direction",
    "run_cap": "budget.trials",
    "count": "budget.trials",
    "parameters": "search_space",
    "early_terminate": "leave it out: `search: auto` ends weak trials, and so does `pruner: hyperband`",
    "program": "train",
    "project": "write `report_to: wandb`; the project is the study's name",
    "entity": "write `report_to: wandb`, and set WANDB_ENTITY",
    "command": "train",
    # Ray Tune
    "num_samples": "budget.trials",
    "config": "search_space",
    "param_space": "search_space",
    "search_alg": "sampler",
    "mode": "metric.direction",
    "time_budget_s": "budget.time",
    "grace_period": "leave it out: `search: auto` begins its rungs by itself",
    "max_t": "search_space.num_train_epochs",
    "resources_per_trial": f"{_COMMAND_LINE} --devices cuda:0`",
    "max_concurrent_trials": f"{_COMMAND_LINE} --workers 2`",
    "max_failures": "max_restarts",
    # transformers' Trainer and its examples
    "model_name_or_path": "model",
    "model_name": "model",
    "model_id": "model",
    "base_model": "model",
    "pretrained_model": "model",
    "pretrained_model_name_or_path": "model",
    "checkpoint": "model",
    "tokenizer": "leave it out: the tokenizer is that of the model",
    "tokenizer_name": "leave it out: the tokenizer is that of the model",
    "model_revision": "revision",
    "dataset": "data.source",
    "datasets": "data.source",
    "dataset_name": "data.source",
    "dataset_config_name": "data.subset",
    "dataset_config": "data.subset",
    "data_path": "data.source",
    "data_dir": "data.source",
    "train_file": "data.source",
    "train_data": "data.source",
    "validation_file": "name a folder with train.csv and validation.csv in `data.source`",
    "test_file": "name a folder with train.csv, validation.csv and test.csv in `data.source`",
    "text_column": "data.text",
    "text_column_name": "data.text",
    "label_column": "data.label",
    "label_column_name": "data.label",
    "target": "data.label",
    "num_labels": _COUNTED,
    "num_classes": _COUNTED,
    "output_dir": "checkpoints",
    "out_dir": "checkpoints",
    "save_dir": "checkpoints",
    "overwrite_output_dir": "leave it out: each study has a folder of its name",
    "resume_from_checkpoint": "leave it out: `tuner start` resumes every trial by itself",
    "evaluation_strategy": _RUNGS,
    "eval_strategy": _RUNGS,
    "eval_steps": _RUNGS,
    "logging_steps": "leave it out: `report_to` names trackers, which get the loss of each evaluation",
    "logging_dir": "leave it out: `report_to` names trackers",
    "save_strategy": "checkpoint_every",
    "save_steps": "checkpoint_every",
    "save_total_limit": "keep",
    "load_best_model_at_end": "leave it out: the weights of a trial's best evaluation are kept",
    "metric_for_best_model": "metric",
    "greater_is_better": "write `metric: {name: …, direction: minimize}` where lower is better",
    "per_device_eval_batch_size": _MICRO_BATCH,
    "eval_batch_size": _MICRO_BATCH,
    "micro_batch_size": _MICRO_BATCH,
    "gradient_accumulation_steps": _MICRO_BATCH,
    "gradient_checkpointing": _MICRO_BATCH,
    "auto_find_batch_size": _MICRO_BATCH,
    "max_steps": "leave it out: a trial's length is `search_space: {num_train_epochs: 3}`",
    "optim": "leave it out: trials train with AdamW",
    "optimizer": "leave it out: trials train with AdamW",
    "fp16": "write `precision: fp16`",
    "bf16": "write `precision: bf16`",
    "dtype": "precision",
    "torch_dtype": "precision",
    "mixed_precision": "precision",
    "max_seq_length": "max_length",
    "max_seq_len": "max_length",
    "max_sequence_length": "max_length",
    "sequence_len": "max_length",
    "cutoff_len": "max_length",
    "model_max_length": "max_length",
    "random_state": "seed",
    "random_seed": "seed",
    "data_seed": "seed",
    "peft": "adapter",
    "lora": "adapter",
    "use_lora": "adapter",
    "use_peft": "adapter",
    "patience": "early_stopping.patience",
    "early_stop": "early_stopping",
    "early_stopping_patience": "early_stopping.patience",
    "callbacks": "report_to",
    "logger": "report_to",
    "tracker": "report_to",
    "device": f"{_COMMAND_LINE} --devices cuda:0`",
    "devices": f"{_COMMAND_LINE} --devices cuda:0`",
    "gpus": f"{_COMMAND_LINE} --devices cuda:0`",
    "workers": f"{_COMMAND_LINE} --workers 2`",
    "scheduler": (
        "write `search_space: {lr_scheduler_type: linear}` for the learning rate; `search` or `pruner` say which "
        "trials go on"
    ),
}
_BUDGET: Mapping[str, str] = {
    "n_trials": "budget.trials",
    "max_trials": "budget.trials",
    "num_trials": "budget.trials",
    "num_samples": "budget.trials",
    "run_cap": "budget.trials",
    "count": "budget.trials",
    "timeout": "budget.time",
    "wall_time": "budget.time",
    "max_time": "budget.time",
    "minutes": "write `budget: {time: 30m}`",
    "hours": "write `budget: {time: 2h}`, or `device_hours: 2`",
    "gpu_hours": "budget.device_hours",
    "full_runs": "budget.runs",
}
_DATA: Mapping[str, str] = {
    "path": "data.source",
    "file": "data.source",
    "name": "data.source",
    "dataset": "data.source",
    "dataset_name": "data.source",
    "train_file": "data.source",
    "url": "data.source",
    "config": "data.subset",
    "text_column": "data.text",
    "text_field": "data.text",
    "dataset_text_field": "data.text",
    "input": "data.text",
    "sentence": "data.text",
    "label_column": "data.label",
    "target": "data.label",
    "target_column": "data.label",
    "labels_column": "data.label",
    "class_names": "data.labels",
    "split": "data.splits",
    "validation_split": "write `splits: {train: 0.8, validation: 0.2}`",
    "val_split": "write `splits: {train: 0.8, validation: 0.2}`",
    "test_size": "write `splits: {train: 0.8, validation: 0.1, test: 0.1}`",
    "train_size": "write `splits: {train: 0.8, validation: 0.1, test: 0.1}`",
    "train": "write `splits: {train: 0.8, validation: 0.1, test: 0.1}`",
    "validation": "write `splits: {train: 0.8, validation: 0.1, test: 0.1}`",
    "filter": "data.where",
    "group_by": "data.group",
    "dedup": "data.deduplicate",
    "drop_duplicates": "data.deduplicate",
    "delimiter": "data.format.separator",
    "sep": "data.format.separator",
    "separator": "data.format.separator",
    "encoding": "data.format.encoding",
    "header": "data.format.header",
    "conversations": "data.messages",
    "chat": "data.messages",
    "response": "data.completion",
    "output": "data.completion",
    "instruction": "data.prompt",
    "image_column": "data.image",
}
_KEYS: Mapping[str, Mapping[str, str]] = {
    "": _TOP,
    "budget": _BUDGET,
    "data": _DATA,
    "data.format": {
        "delimiter": "data.format.separator",
        "sep": "data.format.separator",
        "quotechar": "data.format.quote",
        "escapechar": "data.format.escape",
        "charset": "data.format.encoding",
        "names": "data.format.header",
        "columns": "data.format.header",
    },
    "metric": {
        "goal": "metric.direction",
        "mode": "metric.direction",
        "metric": "metric.name",
        "greater_is_better": "write `direction: maximize` or `direction: minimize`",
    },
    "sampler": {"type": "sampler.name", "method": "sampler.name", "n_initial_points": "sampler.n_startup_trials"},
    "pruner": {"type": "pruner.name", "method": "pruner.name", "min_iter": "pruner.min_resource"},
    "search": {"type": "search.name", "reduction_factor": "search.eta"},
    "early_stopping": {"rounds": "early_stopping.patience", "n": "early_stopping.patience"},
}


def meant_key(path: str) -> str | None:
    """Return what a key that a study file does not have is likely to mean.

    Args:
        path: The dotted path of the key.

    Returns:
        The dotted path of a key, or a sentence that begins with a verb and has blanks; None where nothing is likely.
    """
    part, _, key = path.rpartition(".")
    found = _KEYS.get(part, {}).get(plain(key))
    if found is None and part == "":
        name = plain(key) if plain(key) in NAMES else HYPERPARAMETERS.get(plain(key))
        found = None if name is None else f"search_space.{name}"
    return found


_GRID = "no sampler walks a grid; `qmc` spreads points evenly"
_ENDS_TRIALS = (
    "it says which trials go on, not which are drawn; leave `sampler` out: `search: auto` has rungs of its own"
)
#: Values by their key; a name of ours, or a sentence with blanks.
_VALUES: Mapping[str, Mapping[str, str]] = {
    "sampler.name": {
        "bayes": "gp",
        "bayesian": "gp",
        "bo": "gp",
        "gaussian_process": "gp",
        "gpsampler": "gp",
        "skopt": "gp",
        "hyperopt": "tpe",
        "tpesampler": "tpe",
        "optuna": "auto",
        "default": "auto",
        "randomsampler": "random",
        "random_search": "random",
        "cma": "cmaes",
        "cma_es": "cmaes",
        "evolution": "cmaes",
        "sobol": "qmc",
        "halton": "qmc",
        "quasi_random": "qmc",
        "grid": _GRID,
        "grid_search": _GRID,
        "hyperband": _ENDS_TRIALS,
        "asha": _ENDS_TRIALS,
        "bohb": _ENDS_TRIALS,
    },
    "pruner.name": {
        "off": "none",
        "asha": "successive_halving",
        "sha": "successive_halving",
        "halving": "successive_halving",
        "medianpruner": "median",
        "hyperbandpruner": "hyperband",
        "bohb": "hyperband",
    },
    "metric.name": {
        "acc": "accuracy",
        "eval_acc": "accuracy",
        "f1": "f1_macro",
        "f1_score": "f1_macro",
        "macro_f1": "f1_macro",
        "weighted_f1": "f1_weighted",
        "micro_f1": "accuracy",
        "f1_micro": "accuracy",
        "mcc": "matthews",
        "matthews_correlation": "matthews",
        "matthews_corrcoef": "matthews",
        "auc": "roc_auc",
        "auroc": "roc_auc",
        "eval_loss": "loss",
        "val_loss": "loss",
        "validation_loss": "loss",
        "cross_entropy": "loss",
        "ppl": "perplexity",
    },
    "metric.direction": {
        "max": "maximize",
        "min": "minimize",
        "maximise": "maximize",
        "minimise": "minimize",
        "higher": "maximize",
        "lower": "minimize",
    },
    "task": {
        "classification": "text-classification",
        "sequence_classification": "text-classification",
        "sentiment": "text-classification",
        "sentiment_analysis": "text-classification",
        "nli": "text-classification",
        "vision": "image-classification",
        "image": "image-classification",
        "images": "image-classification",
        "clm": "causal-lm",
        "sft": "causal-lm",
        "chat": "causal-lm",
        "llm": "causal-lm",
        "text_generation": "causal-lm",
        "language_modeling": "causal-lm",
        "language_model": "causal-lm",
    },
    "precision": {"float32": "fp32", "float16": "fp16", "half": "fp16", "bfloat16": "bf16", "32": "fp32"},
}


def meant_value(path: str, value: object, known: Collection[str]) -> str | None:
    """Return what a value that a key does not take is likely to mean.

    Args:
        path: The dotted path of the key.
        value: The value.
        known: The values that the key takes.

    Returns:
        One of the values, or a sentence with blanks; None where nothing is likely.
    """
    found = _VALUES.get(path, {}).get(plain(value))
    return found if found is None or " " in found or found in known else None
