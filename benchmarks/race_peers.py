"""The peers of `race.py` on the same queue of points: transformers' own search, a loop by hand, and Ray Tune."""

from __future__ import annotations

import math
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from measuring import Measured, measure
from texts import LAYERS, freeze, quiet

RAY = Path(__file__).parents[1] / ".venv-ray" / "bin" / "python"


SEED = 3


def queue(path: Path, points: list[dict[str, Any]]) -> str:
    """Write an Optuna study into a new SQLite file with all points waiting; return its URL."""
    import optuna

    url = f"sqlite:///{path}"
    study = optuna.create_study(storage=url, study_name="race", direction="maximize")
    for point in points:
        study.enqueue_trial(point)
    return url


def told(url: str) -> list[dict[str, Any]]:
    """Return hyperparameters and value of each trial, by number."""
    import optuna

    trials = optuna.load_study(study_name="race", storage=url).trials
    return [
        {"params": dict(trial.params), "value": trial.value} for trial in sorted(trials, key=lambda one: one.number)
    ]


def threads_of(url: str) -> int:
    """Return the most threads that any of our trials has used."""
    import optuna

    trials = optuna.load_study(study_name="race", storage=url).trials
    return max(trial.user_attrs["effective"]["threads"] for trial in trials)


def splits_of(folder: str) -> dict[str, Any]:
    """Return the encoded rows of training and validation split."""
    import datasets

    quiet()
    return {
        split: datasets.load_from_disk(str(Path(folder) / split)).remove_columns("length")
        for split in ("train", "validation")
    }


def build(location: str, *, dropout: float | None, frozen: float) -> Any:
    """Return a fresh model, with as many layers frozen as one does by hand."""
    import torch
    import transformers

    torch.manual_seed(SEED)
    more = {} if dropout is None else {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    model = transformers.AutoModelForSequenceClassification.from_pretrained(location, num_labels=2, **more)
    freeze(model, math.floor(frozen * LAYERS + 0.5))
    return model


def suggest(trial: Any) -> dict[str, Any]:
    """Name the seven, and the warm-up, as the queued points have them."""
    point = {
        "learning_rate": trial.suggest_float("learning_rate", 1e-7, 1.0, log=True),
        "batch_size": trial.suggest_categorical("batch_size", [8, 16, 32, 64]),
        "num_train_epochs": trial.suggest_int("num_train_epochs", 1, 2),
        "weight_decay": trial.suggest_categorical("weight_decay", [0, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.2]),
        "lr_scheduler_type": trial.suggest_categorical(
            "lr_scheduler_type", ["linear", "cosine", "constant_with_warmup"]
        ),
        "warmup_ratio": trial.suggest_float("warmup_ratio", 0.0, 0.2),
    }
    point["dropout"] = trial.suggest_float("dropout", 0.0, 0.3)
    point["frozen_layers"] = trial.suggest_categorical("frozen_layers", [0, 0.25, 0.5, 0.75, 1])
    return point


def search_with_trainer(*, points: list[dict[str, Any]], folder: str, location: str, as_used: bool) -> dict[str, Any]:
    """Search with `Trainer.hyperparameter_search`."""
    import optuna
    import torch
    import transformers

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)
    rows = splits_of(folder)
    applied: list[dict[str, Any]] = []

    class Noting(transformers.TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, *_: Any, **__: Any) -> None:
            applied.append(
                {
                    "learning_rate": args.learning_rate,
                    "batch_size": args.per_device_train_batch_size,
                    "num_train_epochs": args.num_train_epochs,
                    "weight_decay": args.weight_decay,
                    "lr_scheduler_type": args.lr_scheduler_type.value,
                    "warmup_ratio": args.warmup_steps,
                }
            )

    def space(trial: Any) -> dict[str, Any]:
        point = suggest(trial)
        return {
            "learning_rate": point["learning_rate"],
            "per_device_train_batch_size": point["batch_size"],
            "num_train_epochs": point["num_train_epochs"],
            "weight_decay": point["weight_decay"],
            "lr_scheduler_type": point["lr_scheduler_type"],
            "warmup_steps": point["warmup_ratio"],
        }

    def model_init(trial: Any) -> Any:
        if as_used or trial is None:
            return build(location, dropout=None, frozen=0.0)
        point = suggest(trial)
        return build(location, dropout=point["dropout"], frozen=point["frozen_layers"])

    with tempfile.TemporaryDirectory() as scratch:
        trainer = transformers.Trainer(
            args=transformers.TrainingArguments(
                output_dir=scratch,
                use_cpu=True,
                seed=SEED,
                report_to=[],
                save_strategy="epoch" if as_used else "no",
                logging_strategy="no",
                disable_tqdm=True,
                # A float: the search casts a value to the type of what is there, and a ratio would become 0.
                warmup_steps=0.0,
            ),
            model_init=model_init,
            train_dataset=rows["train"],
            eval_dataset=rows["validation"],
            data_collator=transformers.DataCollatorWithPadding(transformers.AutoTokenizer.from_pretrained(location)),
            compute_metrics=lambda found: {"accuracy": float((found[0].argmax(-1) == found[1]).mean())},
            callbacks=[Noting()],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        url = queue(Path(scratch) / "optuna.db", points)
        trainer.hyperparameter_search(
            space,
            compute_objective=lambda metrics: metrics["eval_accuracy"],
            n_trials=len(points),
            direction="maximize",
            backend="optuna",
            storage=url,
            study_name="race",
            load_if_exists=True,
        )
        # What Trainer has applied, which need not be what Optuna has recorded.
        return {
            "trials": [
                {**trial, "params": trial["params"] | values} for trial, values in zip(told(url), applied, strict=True)
            ]
        }


def train_by_hand(point: Mapping[str, Any], rows: Mapping[str, Any], location: str) -> float:
    """Train and evaluate one point as a careful person would write it; return the accuracy."""
    import torch
    import transformers

    model = build(location, dropout=point["dropout"], frozen=point["frozen_layers"])
    collate = transformers.DataCollatorWithPadding(transformers.AutoTokenizer.from_pretrained(location))
    loader = torch.utils.data.DataLoader(
        rows["train"],
        batch_size=point["batch_size"],
        shuffle=True,
        collate_fn=collate,
        generator=torch.Generator().manual_seed(SEED),
    )
    trained = [(name, each) for name, each in model.named_parameters() if each.requires_grad]
    groups = [
        {"params": [each for _, each in trained if each.ndim > 1], "weight_decay": point["weight_decay"]},
        {"params": [each for _, each in trained if each.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=point["learning_rate"])
    steps = len(loader) * point["num_train_epochs"]
    schedule = transformers.get_scheduler(
        point["lr_scheduler_type"],
        optimizer,
        num_warmup_steps=math.ceil(point["warmup_ratio"] * steps),
        num_training_steps=steps,
    )
    model.train()
    for _ in range(point["num_train_epochs"]):
        for batch in loader:
            model(**batch).loss.backward()
            torch.nn.utils.clip_grad_norm_([each for _, each in trained], 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    model.eval()
    right = 0
    with torch.no_grad():
        for batch in torch.utils.data.DataLoader(rows["validation"], batch_size=32, collate_fn=collate):
            labels = batch.pop("labels")
            right += int((model(**batch).logits.argmax(-1) == labels).sum())
    return right / len(rows["validation"])


def search_by_hand(*, points: list[dict[str, Any]], folder: str, location: str) -> dict[str, Any]:
    """Search with a plain Optuna script."""
    import optuna
    import torch

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)
    rows = splits_of(folder)
    with tempfile.TemporaryDirectory() as scratch:
        url = queue(Path(scratch) / "optuna.db", points)
        study = optuna.load_study(study_name="race", storage=url)
        study.optimize(lambda trial: train_by_hand(suggest(trial), rows, location), n_trials=len(points))
        return {"trials": told(url)}


def search_with_ray(*, points: list[dict[str, Any]], folder: str, location: str) -> dict[str, Any]:
    """Search with Ray Tune, one actor that is used again."""
    import resource

    import ray
    from ray import tune

    here = str(Path(__file__).parent)

    class Trainable(tune.Trainable):  # type: ignore[misc]
        def setup(self, config: dict[str, Any]) -> None:
            # Of an editable installation the environment behind Ray's shows nothing but what it depends on.
            sys.path[1:1] = [here, str(Path(here).parent)]
            import torch

            torch.set_num_threads(1)
            self._rows = splits_of(folder)

        def step(self) -> dict[str, Any]:
            accuracy = train_by_hand(self.config["point"], self._rows, location)
            usage = resource.getrusage(resource.RUSAGE_SELF)
            spent = {"actor": os.getpid(), "cpu_s": usage.ru_utime + usage.ru_stime, "peak_kb": usage.ru_maxrss}
            return {"accuracy": accuracy, "done": True, **spent}

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.config = new_config
            return True

        def save_checkpoint(self, checkpoint_dir: str) -> None:
            """Keep nothing."""

        def load_checkpoint(self, checkpoint: Any) -> None:
            """Nothing was kept."""

    with tempfile.TemporaryDirectory() as scratch:
        ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, _temp_dir=scratch)
        tuner = tune.Tuner(
            Trainable,
            param_space=tune.grid_search([{"number": number, "point": point} for number, point in enumerate(points)]),
            tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=1),
            run_config=tune.RunConfig(storage_path=scratch, verbose=0),
        )
        found = sorted(tuner.fit(), key=lambda each: each.config["number"])
        ray.shutdown()
    # Ray's daemon ignores the end of its children, so that the kernel counts what they took in no parent.
    actors: dict[int, float] = {}
    for each in found:
        actor = each.metrics["actor"]
        actors[actor] = max(actors.get(actor, 0.0), each.metrics["cpu_s"])
    return {
        "trials": [{"params": each.config["point"], "value": each.metrics["accuracy"]} for each in found],
        "unseen_s": sum(actors.values()),
        "unseen_peak_bytes": max(each.metrics["peak_kb"] for each in found) * 1024,
    }


def measure_ray(**arguments: Any) -> Measured:
    """Measure Ray Tune, with what its actors say they took."""
    taken = measure(search_with_ray, python=RAY, **arguments)
    return replace(
        taken,
        cpu_s=taken.cpu_s + taken.report["unseen_s"],
        peak_bytes=max(taken.peak_bytes, taken.report["unseen_peak_bytes"]),
    )
