"""A Trainer of transformers or TRL trains a trial as it trains alone, and goes on anywhere as if nothing had been."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import numpy as np
import pytest
import torch
import transformers
from hf_trainers import EVALUATED, ROWS, classifier, dpo, sft
from safetensors.torch import load_file
from tiny_models import FolderSaver

from search_spaces import Hyperparameters
from tuner.processes.own_training import adapted, prepare_libraries
from tuner.training.hf_trainer.values import other_metrics, value_in
from tuner.trial.looks import LOOKS
from tuner.trial.run import TrialRun
from tuner.trial.runner import run_trial

if TYPE_CHECKING:
    from tuner.trial.evaluation import Evaluation
    from tuner.trial.result import TrialResult

# TRL sets a name that transformers has deprecated, and loaders of data ask for a GPU.
pytestmark = [
    pytest.mark.rest,
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*pin_memory"),
]

#: In 2.4 epochs of five optimiser steps.
TOTAL = 12


def masking(run: TrialRun, folder: Path, **more: Any) -> transformers.Trainer:
    """Return a Trainer whose examples lose a word, and whose batches lose some, at random."""
    trainer = classifier(run, folder, **more)

    def transform(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
        numbers = [[int(np.random.randint(4, 34)), *row[1:]] for row in rows["input_ids"]]
        return {"input_ids": numbers, "attention_mask": rows["attention_mask"], "label": rows["label"]}

    def collate(examples: Any) -> Any:
        batch = pad(examples)
        batch["input_ids"][torch.rand(batch["input_ids"].shape) < 0.3] = 2
        return batch

    pad, trainer.data_collator = trainer.data_collator, collate
    trainer.train_dataset = trainer.train_dataset.with_transform(transform)
    trainer.args.remove_unused_columns = False
    trainer.eval_dataset = trainer.eval_dataset.select_columns(["input_ids", "attention_mask", "label"])
    return trainer


#: Trainers, and optimiser steps after which they are interrupted: the first one; 5, the last one of an epoch, where an
#: evaluation is due; 9, in the middle of an epoch and between evaluations.
CASES: dict[str, tuple[Callable[..., transformers.Trainer], tuple[int, ...]]] = {
    "classifier": (classifier, (1, 5)),
    "accumulated": (
        partial(classifier, per_device_train_batch_size=4, gradient_accumulation_steps=2, logging_steps=3),
        (1, 5, 9),
    ),
    "plateau": (
        partial(
            classifier,
            lr_scheduler_type="reduce_lr_on_plateau",
            lr_scheduler_kwargs={"patience": 0, "factor": 0.5, "threshold": 1.0},
            metric_for_best_model="loss",
            logging_strategy="epoch",
            eval_strategy="epoch",
        ),
        (5, 9),
    ),
    "random data": (masking, (9,)),
    "random data in workers": (partial(masking, dataloader_num_workers=2), (9,)),
    "sft": (sft, (1, 5, 9)),
    "dpo": (dpo, (5, 9)),
}


class _Stopping(transformers.EarlyStoppingCallback):  # type: ignore[misc]
    """Early stopping of transformers."""


def make_run(**changes: Any) -> TrialRun:
    point = {"learning_rate": 1e-2, "num_train_epochs": 2.4}
    return TrialRun(
        **{
            "number": 0,
            "hyperparameters": Hyperparameters.from_values(point, free=True),
            "task": "text-classification",
            "model": None,
            "data": None,
            "metric": "loss",
            "direction": "minimize",
            "seed": 0,
            "looks": LOOKS[5],
            **changes,
        }
    )


def trained(
    make: Callable[..., Any], folder: Path, run: TrialRun, *, goes_on: Callable[[Evaluation], bool] = lambda _: True
) -> tuple[TrialResult, list[Evaluation], list[dict[str, Any]]]:
    """Train a trial; return its result, its evaluations and what it recorded."""
    evaluations: list[Evaluation] = []
    recorded: list[dict[str, Any]] = []

    def decide(evaluation: Evaluation) -> bool:
        evaluations.append(evaluation)
        return goes_on(evaluation)

    prepare_libraries(run.seed, 1)
    run = replace(run, record=lambda effective: recorded.append(dict(effective)))
    result = run_trial(run, adapted(lambda given: make(given, folder)), decide)
    return result, evaluations, recorded


def weights_in(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("case", CASES)
def test_a_trial_that_goes_on_from_a_checkpoint_is_the_one_that_was_never_interrupted(
    tmp_path: Path, case: str
) -> None:
    (make, interrupted_at), whole = CASES[case], FolderSaver(tmp_path / "whole")
    result, expected, recorded = trained(make, tmp_path, make_run(saver=whole))
    assert result.state == "complete", result.traceback
    whole.write_best()
    assert [each.step for each in expected] == list(LOOKS[5])
    assert (recorded[0]["optimiser_steps"], recorded[0]["batch_size"]) == (TOTAL, 8)
    for at in interrupted_at:
        saver = FolderSaver(tmp_path / f"at-{at}", at=[at], leave=True)
        left, first, _ = trained(make, tmp_path, make_run(saver=saver))
        assert left.state == "left", left.traceback
        torch.manual_seed(at)
        torch.rand(7)
        run = make_run(saver=saver, restored=saver.step(at), earlier=tuple(first))
        rest, last, _ = trained(make, tmp_path, run)
        assert [each.to_dict() for each in [*first, *last]] == [each.to_dict() for each in expected]
        assert (rest.state, rest.value) == ("complete", result.value)
        saver.write_best()
        ours, theirs = weights_in(saver.best), weights_in(whole.best)
        assert ours.keys() == theirs.keys()
        assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []


def test_values_and_losses_are_those_of_the_trainer_alone(tmp_path: Path) -> None:
    _, evaluations, _ = trained(classifier, tmp_path, make_run(looks=LOOKS[2]))
    prepare_libraries(0, 1)
    steps = evaluations[0].optimiser_steps
    alone = classifier(make_run(), tmp_path, eval_strategy="steps", eval_steps=steps, logging_steps=steps)
    alone.train()
    losses = {entry["step"]: entry["eval_loss"] for entry in alone.state.log_history if "eval_loss" in entry}
    trains = {entry["step"]: entry["loss"] for entry in alone.state.log_history if "loss" in entry}
    first = evaluations[0]
    assert (first.value, first.validation_loss) == (losses[steps], losses[steps])
    assert first.train_loss == pytest.approx(trains[steps], rel=1e-12)


def test_the_best_weights_are_a_model_of_transformers_that_has_the_value(tmp_path: Path) -> None:
    saver = FolderSaver(tmp_path / "saved")
    # So fast that later evaluations are worse than the best one.
    point = Hyperparameters.from_values({"learning_rate": 0.3, "num_train_epochs": 2.4}, free=True)
    _, evaluations, _ = trained(sft, tmp_path, make_run(saver=saver, hyperparameters=point, seed=1))
    saver.write_best()
    assert saver.kept[-1].value == min(each.value for each in evaluations) < evaluations[-1].value
    assert not (saver.best / "training_args.bin").exists()
    other = saver.made(tmp_path / "other")
    (other / "llama").symlink_to(saver.best)
    assert sft(make_run(), other).evaluate()["eval_loss"] == pytest.approx(saver.kept[-1].value, abs=1e-6)
    assert transformers.AutoTokenizer.from_pretrained(saver.best).pad_token == "<pad>"


def test_nothing_is_left_where_the_trainer_would_write(tmp_path: Path) -> None:
    settings = {"save_strategy": "steps", "save_steps": 1, "load_best_model_at_end": True, "eval_strategy": "steps"}
    make = partial(classifier, eval_steps=1, logging_steps=1, **settings)
    assert trained(make, tmp_path, make_run())[0].state == "complete"
    assert [*tmp_path.iterdir()] == []


def test_a_trial_is_evaluated_at_the_studys_percents_and_ends_where_it_is_pruned(tmp_path: Path) -> None:
    make = partial(classifier, eval_strategy="steps", eval_steps=1, eval_on_start=True)
    result, evaluations, _ = trained(make, tmp_path, make_run(), goes_on=lambda each: each.step < 40)
    assert [(each.step, each.optimiser_steps) for each in evaluations] == [(20, 3), (40, 5)]
    assert (result.state, result.final_value) == ("pruned", evaluations[-1].value)


def test_a_trial_ends_where_it_no_longer_improves(tmp_path: Path) -> None:
    point = Hyperparameters.from_values({"learning_rate": 1e-12, "num_train_epochs": 2.4}, free=True)
    run = make_run(hyperparameters=point, patience=2, metric="eval_accuracy", direction="maximize")
    result, evaluations, _ = trained(classifier, tmp_path, run)
    assert [each.step for each in evaluations] == [20, 40, 60]
    assert result.reason == "early stopping: 60 % was not better than 20 %"


def test_early_stopping_of_the_scripts_own_counts_on_after_an_interruption(tmp_path: Path) -> None:
    point = Hyperparameters.from_values({"learning_rate": 1e-12, "num_train_epochs": 2.4}, free=True)

    def make(run: TrialRun, folder: Path) -> transformers.Trainer:
        trainer = classifier(run, folder, metric_for_best_model="accuracy", eval_strategy="epoch")
        trainer.add_callback(_Stopping(early_stopping_patience=3))
        return trainer

    saver = FolderSaver(tmp_path / "saved", at=[8], leave=True)
    _, first, _ = trained(make, tmp_path, make_run(hyperparameters=point, saver=saver))
    run = make_run(hyperparameters=point, restored=saver.step(8), earlier=tuple(first))
    _, rest, _ = trained(make, tmp_path, run)
    assert [each.step for each in [*first, *rest]] == [20, 40, 60, 80]


def test_several_evaluation_sets_are_one_evaluation(tmp_path: Path) -> None:
    def make(run: TrialRun, folder: Path) -> transformers.Trainer:
        trainer = classifier(run, folder)
        trainer.eval_dataset = {"near": trainer.eval_dataset, "far": trainer.eval_dataset.select(range(4))}
        return trainer

    _, evaluations, _ = trained(make, tmp_path, make_run(metric="far_loss"))
    assert [each.step for each in evaluations] == list(LOOKS[5])
    for each in evaluations:
        assert each.metrics.keys() == {"near_loss", "near_accuracy", "far_accuracy"}
        assert each.validation_loss == pytest.approx((each.value + each.metrics["near_loss"]) / 2)


@pytest.mark.parametrize("make", [partial(classifier, dropout=0.0), partial(sft, dropout=0.0)])
def test_where_memory_was_short_fewer_examples_are_taken_at_once_in_as_many_steps(
    tmp_path: Path, make: Callable[..., transformers.Trainer]
) -> None:
    """Without dropout, whose draws depend on how examples are parted. Some losses heed the number of targets."""
    _, whole, at_once = trained(make, tmp_path, make_run())
    _, parted, in_parts = trained(make, tmp_path, make_run(micro_batch=3))
    assert (at_once[0]["micro_batch"], in_parts[0]["micro_batch"]) == (8, 2)
    assert {each[0]["batch_size"] for each in (at_once, in_parts)} == {8}
    assert {each[0]["optimiser_steps"] for each in (at_once, in_parts)} == {TOTAL}
    for key in ("value", "train_loss"):
        assert [getattr(each, key) for each in parted] == pytest.approx(
            [getattr(each, key) for each in whole], rel=1e-4
        )


def test_an_error_of_memory_tells_that_it_is_one(tmp_path: Path) -> None:
    def make(run: TrialRun, folder: Path) -> transformers.Trainer:
        trainer = classifier(run, folder, auto_find_batch_size=True)

        def training_step(*_: Any, **__: Any) -> torch.Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB.")

        trainer.training_step = training_step
        return trainer

    result, _, recorded = trained(make, tmp_path, make_run())
    assert (result.state, result.avoid) == ("pruned", "out_of_memory")
    assert [each["micro_batch"] for each in recorded] == [8], "the trainer process tries no smaller one by itself"


def test_a_smoke_run_takes_two_steps_and_few_rows(tmp_path: Path) -> None:
    seen: list[int] = []

    def make(run: TrialRun, folder: Path) -> transformers.Trainer:
        trainer = classifier(run, folder)
        measure = trainer.compute_metrics
        trainer.compute_metrics = lambda predicted: seen.append(len(predicted.label_ids)) or measure(predicted)
        return trainer

    result, evaluations, _ = trained(make, tmp_path, make_run(max_steps=2, max_rows=5))
    assert result.state == "complete"
    assert [(each.step, each.optimiser_steps) for each in evaluations] == [(100, 2)]
    assert seen == [5]


def test_a_loss_that_is_no_number_ends_the_trial(tmp_path: Path) -> None:
    def make(run: TrialRun, folder: Path) -> transformers.Trainer:
        trainer = classifier(run, folder)
        trainer.compute_loss_func = lambda outputs, labels, **_: outputs["logits"].sum() * math.nan
        return trainer

    result, evaluations, _ = trained(make, tmp_path, make_run())
    assert (result.state, result.reason) == ("pruned", f"diverged: loss nan at optimiser step 3 of {TOTAL}")
    assert (result.avoid, evaluations) == ("diverged", [])


def test_a_metric_that_is_missing_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    result, _, _ = trained(classifier, tmp_path, make_run(metric="f1"))
    assert result.state == "failed"
    assert result.reason == "ConfigError: metric: the Trainer's evaluation has no number 'f1'; it has accuracy, loss"


def test_a_trainer_that_cannot_evaluate_is_refused_in_a_line(tmp_path: Path) -> None:
    def make(run: TrialRun, folder: Path) -> transformers.Trainer:
        trainer = classifier(run, folder)
        trainer.eval_dataset = None
        return trainer

    result, _, _ = trained(make, tmp_path, make_run())
    assert result.reason == (
        "ConfigError: train: the Trainer has no eval_dataset, and a trial is judged by its evaluations"
    )


def test_a_checkpoint_of_another_training_is_refused_in_a_line(tmp_path: Path) -> None:
    result, _, _ = trained(classifier, tmp_path, make_run(restored=tmp_path))
    assert result.reason is not None
    assert result.reason.startswith(f"ModelError: {tmp_path / 'course.json'}: training cannot go on from it: ")


def test_a_metric_is_found_with_and_without_its_prefix_and_others_are_told() -> None:
    metrics = {"eval_loss": 0.5, "eval_f1": 0.25, "eval_runtime": 3.0, "epoch": 1.0, "eval_note": "x"}
    assert [value_in(metrics, name) for name in ("loss", "eval_loss", "eval_f1")] == [0.5, 0.5, 0.25]
    assert other_metrics(metrics, "eval_loss") == {"f1": 0.25}


def test_the_rows_of_these_tests_are_as_many_as_they_say(tmp_path: Path) -> None:
    trainer = classifier(make_run(), tmp_path)
    assert isinstance(trainer.train_dataset, datasets.Dataset)
    assert (len(trainer.train_dataset), len(trainer.eval_dataset)) == (ROWS, EVALUATED)
