from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from datasets import load_from_disk
from torch.nn.functional import cross_entropy

from tuner.errors import Diverged
from tuner.training.data.encoded import LOCKED, EncodedData
from tuner.training.evaluation import evaluate
from tuner.training.loop import train
from tuner.training.model.freezing import possible_depths
from tuner.training.model.loading import build_model
from tuner.training.model.weights import restore_weights
from tuner.training.tasks import get_task
from tuner.training.trunk.forward import ForwardPasses
from tuner.trial.looks import LOOKS
from tuner.trial.runner import run_trial

if TYPE_CHECKING:
    from tuner.trial.evaluation import Evaluation
    from tuner.trial.run import TrialRun

#: Learns in four epochs: the validation loss falls from one evaluation to the next.
LEARNS: dict[str, Any] = {"num_train_epochs": 4, "looks": LOOKS[5], "metric": "loss", "direction": "minimize"}


def kept_by(run: TrialRun) -> Any:
    """Return the model that a trial saved."""
    data = EncodedData.open(run.data, get_task(run.task).examples)
    blueprint = get_task(run.task).blueprint(run.model, data.labels, run.seed)
    model = build_model(blueprint, dropout=run.hyperparameters.dropout)
    run.saver.write_best()
    restore_weights(model, run.saver.best)
    return model


def evaluate_kept(run: TrialRun) -> float:
    data = EncodedData.open(run.data, get_task(run.task).examples)
    model = kept_by(run)
    depths = possible_depths([run.hyperparameters.frozen_layers], layers=run.anatomy.count)
    passes = ForwardPasses(model, run.anatomy, data, torch.device("cpu"), depths=depths, speed=run.speed)
    scores = evaluate(get_task(run.task), model, passes, run)
    assert scores is not None
    return scores.value


@pytest.fixture
def saving(folder_saver: Callable[[Path], Any], tmp_path: Path) -> Callable[..., TrialRun]:
    """Returns a run whose best weights are kept in a folder of its own."""
    return lambda run, name="kept": replace(run, saver=folder_saver(tmp_path / name))


# ---- the same again


@pytest.mark.parametrize("name", ["bert", "vit"])
def test_the_same_run_gives_the_same_bits(
    name: str, make_run: Callable[..., TrialRun], attempt: Callable[..., Any], tmp_path: Path
) -> None:
    run = make_run(name, dropout=0.1, frozen_layers="gradual", num_train_epochs=2, looks=LOOKS[5])
    first, second = attempt(run, tmp_path / "first"), attempt(run, tmp_path / "second")
    assert first.evaluations == second.evaluations
    assert first.best() == second.best()


def test_what_ran_before_leaves_no_trace(make_run: Callable[..., TrialRun], tmp_path: Path) -> None:
    run = make_run("bert", dropout=0.1, looks=LOOKS[5])
    alone = list(train(run))
    list(train(make_run("bert", dropout=0.3, learning_rate=0.1, frozen_layers=0.5, seed=9, batch_size=4)))
    assert list(train(run)) == alone


def test_another_seed_gives_another_run(make_run: Callable[..., TrialRun]) -> None:
    run = make_run("bert", looks=LOOKS[5])
    first, other = list(train(run)), list(train(replace(run, seed=run.seed + 1)))
    assert all(one.train_loss != two.train_loss for one, two in zip(first, other, strict=True))


# ---- evaluations


def test_the_training_loss_is_the_mean_since_the_evaluation_before(make_run: Callable[..., TrialRun]) -> None:
    # Ten steps on batches of 12, 12 and 8.
    run = make_run("bert", batch_size=12, num_train_epochs=10 / 3)
    every = list(train(replace(run, looks=LOOKS[10])))
    twice = list(train(replace(run, looks=LOOKS[2])))
    sizes = [12, 12, 8] * 3 + [12]

    def mean(first: int, last: int) -> float:
        part = range(first, last)
        return sum(every[step].train_loss * sizes[step] for step in part) / sum(sizes[step] for step in part)

    assert [evaluation.train_loss for evaluation in twice] == pytest.approx([mean(0, 4), mean(4, 10)])
    assert [evaluation.step for evaluation in twice] == [40, 100]
    assert [evaluation.optimiser_steps for evaluation in twice] == [4, 10]
    assert [evaluation.epoch for evaluation in twice] == pytest.approx([4 / 3, 10 / 3])


def test_each_evaluation_records_the_other_metrics_and_one_decides(make_run: Callable[..., TrialRun]) -> None:
    by_accuracy, by_f1 = (
        list(train(make_run(num_train_epochs=2.0, looks=LOOKS[2], metric=metric)))
        for metric in ("accuracy", "f1_macro")
    )
    for one, other in zip(by_accuracy, by_f1, strict=True):
        assert set(one.metrics) == {"f1_macro", "f1_weighted", "matthews"}
        assert (one.metrics["f1_macro"], one.value) == (other.value, other.metrics["accuracy"])


def test_looking_more_often_changes_nothing_of_the_training(make_run: Callable[..., TrialRun]) -> None:
    run = make_run("bert", dropout=0.1, num_train_epochs=2.5)
    often, once = list(train(replace(run, looks=LOOKS[10]))), list(train(replace(run, looks=LOOKS[1])))
    assert often[-1].value == once[-1].value
    assert often[-1].validation_loss == once[-1].validation_loss


@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert", "electra", "deberta-v2", "vit"])
def test_value_and_validation_loss_are_those_of_the_model_example_by_example(
    name: str, make_run: Callable[..., TrialRun], saving: Callable[..., TrialRun]
) -> None:
    run = saving(make_run(name, dropout=0.2, num_train_epochs=2))
    evaluation = list(train(run))[-1]
    model = kept_by(run).eval()
    right, losses = [], []
    for row in load_from_disk(str(run.data / "validation")):
        label = row.pop("labels")
        row.pop("length")
        with torch.no_grad():
            logits = model(**{key: torch.tensor([value]) for key, value in row.items()}).logits
        right.append(logits.argmax().item() == label)
        losses.append(cross_entropy(logits, torch.tensor([label])).item())
    assert evaluation.value == sum(right) / len(right)
    assert evaluation.validation_loss == pytest.approx(sum(losses) / len(losses), abs=1e-5)


# ---- best, early stopping, pruning


def test_the_weights_that_are_kept_are_the_best_evaluations(
    make_run: Callable[..., TrialRun], saving: Callable[..., TrialRun]
) -> None:
    falling = make_run("bert", **LEARNS)
    # A trial whose loss falls, judged as if more were better: its first evaluation is its best.
    backwards = replace(falling, direction="maximize")
    for run, best in ((falling, -1), (backwards, 0)):
        kept = saving(run, run.direction)
        evaluations = list(train(kept))
        values = [evaluation.value for evaluation in evaluations]
        assert values == sorted(values, reverse=True), "the loss falls from evaluation to evaluation"
        assert kept.saver.kept == (evaluations if best else evaluations[:1])
        assert evaluate_kept(kept) == pytest.approx(values[best], abs=1e-6)
        assert abs(values[0] - values[-1]) > 0.01


@pytest.mark.parametrize("frozen", [0.0, 0.5, 1.0, "gradual"])
def test_saved_weights_give_the_recorded_value(
    frozen: float | str, make_run: Callable[..., TrialRun], saving: Callable[..., TrialRun]
) -> None:
    run = saving(make_run("bert", **{**LEARNS, "frozen_layers": frozen, "dropout": 0.1}))
    recorded = run_trial(run, train, lambda _: True)
    assert recorded.value is not None
    assert evaluate_kept(run) == pytest.approx(recorded.value, abs=1e-6)


def test_only_what_was_trained_is_kept(
    make_run: Callable[..., TrialRun], attempt: Callable[..., Any], tmp_path: Path
) -> None:
    from safetensors.torch import load

    names = set(load(attempt(make_run("bert", frozen_layers=0.5), tmp_path).best()))
    assert {name for name in names if "embeddings" in name or ".layer.0." in name or ".layer.1." in name} == set()
    assert {"classifier.weight", "bert.pooler.dense.weight", "bert.encoder.layer.2.output.dense.bias"} <= names


@pytest.mark.parametrize("patience", [1, 2])
def test_a_trial_that_no_longer_improves_stops(
    patience: int, make_run: Callable[..., TrialRun], saving: Callable[..., TrialRun]
) -> None:
    # The loss falls, so that with more being better nothing after the first evaluation is better.
    run = saving(make_run("bert", **{**LEARNS, "direction": "maximize"}, patience=patience))
    result = run_trial(run, train, lambda _: True)
    assert result.state == "complete"
    assert result.best_step == 20
    assert result.reason == f"early stopping: {20 + 20 * patience} % was not better than 20 %"
    assert result.value is not None
    assert evaluate_kept(run) == pytest.approx(result.value, abs=1e-6)


def test_a_trial_that_improves_is_not_stopped(make_run: Callable[..., TrialRun]) -> None:
    assert [evaluation.step for evaluation in train(make_run("bert", **LEARNS, patience=1))] == [20, 40, 60, 80, 100]


def test_pruning_is_to_stop_iterating_and_writes_nothing(
    make_run: Callable[..., TrialRun], saving: Callable[..., TrialRun]
) -> None:
    run = saving(make_run("bert", **LEARNS))
    with closing(train(run)) as evaluations:  # type: ignore[type-var]
        assert next(evaluations).step == 20
    result = run_trial(run, train, lambda evaluation: evaluation.step < 40)
    assert (result.state, result.avoid, result.best_step) == ("pruned", None, 40)
    assert not run.saver.folder.exists()


def test_the_best_weights_are_handed_over_before_their_evaluation_is_told(
    make_run: Callable[..., TrialRun], saving: Callable[..., TrialRun]
) -> None:
    run = saving(make_run("bert", **LEARNS))
    told = []
    for evaluation in train(run):
        told.append(evaluation)
        assert run.saver.kept == told


def test_training_goes_on_in_training_mode_after_an_evaluation(
    make_run: Callable[..., TrialRun], watch: Callable[[TrialRun], Any]
) -> None:
    watched = watch(make_run("bert", dropout=0.2, frozen_layers=0.25, looks=LOOKS[10]))
    assert len(watched.evaluations) == len(watched.steps) == 4
    for step in watched.steps:
        assert step.in_training_mode == watched.steps[0].in_training_mode
        assert step.in_training_mode["classifier"]
        assert len(step.dropped) == len(watched.effective["dropout"])


# ---- what goes wrong


def test_a_rate_that_is_far_too_high_diverges(
    make_run: Callable[..., TrialRun], saving: Callable[..., TrialRun]
) -> None:
    run = saving(make_run("bert", learning_rate=1e4, num_train_epochs=4, looks=LOOKS[10]))
    with pytest.raises(Diverged, match=r"loss .*, gradient norm .* at optimiser step \d+ of 16"):
        list(train(run))
    result = run_trial(run, train, lambda _: True)
    assert (result.state, result.avoid) == ("pruned", "diverged")
    assert result.reason is not None
    assert result.reason.startswith("diverged: loss ")
    assert not run.saver.folder.exists()


def test_a_loss_that_is_no_number_is_told_with_its_step(make_run: Callable[..., TrialRun]) -> None:
    # The first step makes the weights overflow, so that the second loss is none.
    run = make_run("bert", learning_rate=1e30, num_train_epochs=4, lr_scheduler_type="constant", looks=LOOKS[1])
    with pytest.raises(Diverged, match="at optimiser step 2 of 16"):
        list(train(run))


def test_a_model_that_is_lost_at_its_last_step_diverges_at_its_evaluation(make_run: Callable[..., TrialRun]) -> None:
    # One step of a rate so high that the weights overflow: the loss before it was a number.
    run = make_run("bert", learning_rate=1e30, num_train_epochs=0.25, lr_scheduler_type="constant")
    with pytest.raises(Diverged, match="accuracy is nan at optimiser step 1 of 1"):
        list(train(run))


def test_a_damaged_preparation_fails_this_trial_with_a_label(make_run: Callable[..., TrialRun], tmp_path: Path) -> None:
    result = run_trial(replace(make_run("bert"), data=tmp_path / "gone"), train, lambda _: True)
    assert result.state == "failed"
    assert result.reason is not None
    assert result.reason.startswith("FileNotFoundError: ")
    assert "\n" not in result.reason
    assert result.traceback is not None
    assert "Traceback" in result.traceback


# ---- smoke runs and the locked split


def test_a_smoke_run_takes_few_steps_on_few_rows(
    make_run: Callable[..., TrialRun], watch: Callable[[TrialRun], Any]
) -> None:
    watched = watch(make_run("bert", num_train_epochs=4, max_steps=2, max_rows=10, looks=LOOKS[10]))
    assert len(watched.steps) == 2
    (only,) = watched.evaluations
    assert (only.step, only.optimiser_steps) == (100, 2)
    assert only.epoch == 1, "ten rows are two batches of eight"
    assert math.isclose(only.value * 10, round(only.value * 10)), "an accuracy over ten rows"


def test_a_smoke_run_is_shorter_than_the_trial_or_as_long(make_run: Callable[..., TrialRun]) -> None:
    (only,) = train(make_run("bert", num_train_epochs=0.25, max_steps=2))
    assert (only.step, only.optimiser_steps) == (100, 1)


def test_a_smoke_run_that_is_lost_is_no_mistake_of_the_study(make_run: Callable[..., TrialRun]) -> None:
    run = make_run("bert", learning_rate=1e30, num_train_epochs=4, lr_scheduler_type="constant", max_steps=1)
    result = run_trial(run, train, lambda _: True)
    assert (result.state, result.avoid) == ("pruned", "diverged")
    assert result.reason == "diverged: no evaluation was a number; that at 100 % is nan"


@pytest.mark.parametrize("locked", ["missing", "a file that no data set is"])
def test_training_never_opens_the_test_split(locked: str, make_run: Callable[..., TrialRun], tmp_path: Path) -> None:
    run = make_run("bert", looks=LOOKS[5])
    assert (run.data / LOCKED / "test").is_dir()
    copy = tmp_path / "prepared"
    shutil.copytree(run.data, copy)
    shutil.rmtree(copy / LOCKED)
    if locked != "missing":
        (copy / LOCKED).write_text("closed")
    assert list(train(replace(run, data=copy))) == list(train(run))


def test_the_number_of_threads_is_the_runs(make_run: Callable[..., TrialRun], watch: Callable[[TrialRun], Any]) -> None:
    before = torch.get_num_threads()
    try:
        watched = watch(make_run("bert", threads=2))
        assert torch.get_num_threads() == 2
        assert watched.effective["threads"] == 2
    finally:
        torch.set_num_threads(before)


def test_nothing_is_written_without_a_saver(make_run: Callable[..., TrialRun], tmp_path: Path) -> None:
    run = make_run("bert")

    def files() -> list[Path]:
        return sorted(path for folder in (run.data, Path(run.model.location)) for path in folder.rglob("*"))

    before = files()
    evaluations: list[Evaluation] = list(train(run))
    assert len(evaluations) == 1
    assert files() == before
