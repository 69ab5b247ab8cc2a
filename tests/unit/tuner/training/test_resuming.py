"""A trial that is interrupted anywhere and goes on elsewhere is the trial that was never interrupted, bit for bit."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from search_spaces.schedules import REQUIRED
from tuner.study.data_config import DataConfig
from tuner.training.loop import MICRO_BATCH, train
from tuner.training.model.loading import build_model
from tuner.training.tasks import get_task
from tuner.training.training_state import STATE, TRAINED
from tuner.trial.looks import LOOKS
from tuner.trial.saver import TrialStopped

if TYPE_CHECKING:
    from tuner.trial.evaluation import Evaluation
    from tuner.trial.run import TrialRun

ARCHITECTURES = ("bert", "roberta", "distilbert", "electra", "deberta-v2", "vit")
#: Eight steps on batches of 12, 12 and 8, evaluated after the fourth and the last one.
EIGHT: dict[str, Any] = {"batch_size": 12, "num_train_epochs": 2.5, "looks": LOOKS[2], "dropout": 0.1}
CASES: dict[str, dict[str, Any]] = {
    "gradual": {"frozen_layers": "gradual", "warmup_ratio": 0.3},
    "half, accumulated": {"frozen_layers": 0.5, "lr_scheduler_type": "cosine", "micro_batch": 5},
    "head only": {"frozen_layers": 1.0, "lr_scheduler_type": "polynomial", "head_learning_rate_factor": 4.0},
    "adapters": {"frozen_layers": 0.5, "adapter": "lora", "lora_rank": 2, "lora_dropout": 0.2},
    "every layer": {"lr_scheduler_type": "constant", "layerwise_lr_decay": 0.7},
}
#: Many trials, which a change seldom needs first.
ADAPTERS = pytest.param("adapters", marks=pytest.mark.rest)
#: The first step, in the middle of an evaluation's share of the trial, at an evaluation, one before the end.
INTERRUPTED_AT = (1, 3, 4, 7)
#: Learns in four epochs of four steps: the validation loss falls from one evaluation to the next.
LEARNS: dict[str, Any] = {"num_train_epochs": 4, "looks": LOOKS[5], "metric": "loss", "direction": "minimize"}


def disturb() -> None:
    """Leave every generator of random numbers where no trial would."""
    torch.manual_seed(1)
    torch.rand(7)
    random.seed(2)
    np.random.seed(3)


def evaluations_after(step: int, evaluations: list[Evaluation]) -> list[Evaluation]:
    return [evaluation for evaluation in evaluations if evaluation.optimiser_steps > step]


def assert_same_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def assert_same_files(one: Path, other: Path) -> None:
    """Hold two checkpoints equal, whatever time and order their archives were written in."""

    def compare(left: Any, right: Any, where: str) -> None:
        assert type(left) is type(right), where
        if isinstance(left, torch.Tensor):
            assert left.dtype == right.dtype, where
            assert torch.equal(left, right), where
        elif isinstance(left, dict):
            assert left.keys() == right.keys(), where
            for key in left:
                compare(left[key], right[key], f"{where}.{key}")
        elif isinstance(left, list | tuple):
            assert len(left) == len(right), where
            for number, (a, b) in enumerate(zip(left, right, strict=True)):
                compare(a, b, f"{where}.{number}")
        else:
            assert left == right, where

    assert (one / TRAINED).read_bytes() == (other / TRAINED).read_bytes()
    compare(torch.load(one / STATE, weights_only=True), torch.load(other / STATE, weights_only=True), "")


@pytest.fixture(scope="module")
def undisturbed(
    make_run: Callable[..., TrialRun], attempt: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], tuple[TrialRun, Any]]:
    """Returns a trial and what comes of it where nothing interrupts it; it is saved after every step all the same."""
    made: dict[tuple[str, str], tuple[TrialRun, Any]] = {}

    def build(name: str, case: str) -> tuple[TrialRun, Any]:
        if (name, case) not in made:
            run = make_run(name, **EIGHT, **CASES[case])
            made[name, case] = (run, attempt(run, tmp_path_factory.mktemp("undisturbed"), at=range(1, 8)))
        return made[name, case]

    return build


# ---- the same trial


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("case", [*(case for case in CASES if case != "adapters"), ADAPTERS])
@pytest.mark.parametrize("step", INTERRUPTED_AT)
def test_a_trial_that_goes_on_is_the_trial_that_was_never_interrupted(
    name: str,
    case: str,
    step: int,
    undisturbed: Callable[[str, str], tuple[TrialRun, Any]],
    attempt: Callable[..., Any],
    tmp_path: Path,
) -> None:
    run, whole = undisturbed(name, case)
    first = attempt(run, tmp_path / "trial", at=[step], leave=True)
    assert first.left
    assert_same_files(first.step(step), whole.step(step))
    disturb()
    second = attempt(replace(run, restored=first.step(step)), tmp_path / "trial", at=[7])
    assert first.evaluations + second.evaluations == whole.evaluations
    assert second.evaluations == evaluations_after(step, whole.evaluations)
    assert second.effective == first.effective == whole.effective
    assert second.best() == whole.best()
    assert_same_weights(second.weights, whole.weights)
    if step < 7:
        assert_same_files(second.step(7), whole.step(7))


@pytest.mark.parametrize("name", ["bert", "vit"])
def test_saving_changes_nothing_of_the_trial(
    name: str, undisturbed: Callable[[str, str], tuple[TrialRun, Any]], attempt: Callable[..., Any], tmp_path: Path
) -> None:
    run, saved = undisturbed(name, "gradual")
    unsaved = attempt(run, tmp_path)
    assert unsaved.evaluations == saved.evaluations
    assert unsaved.best() == saved.best()
    assert_same_weights(unsaved.weights, saved.weights)


@pytest.mark.rest
@pytest.mark.parametrize("name", ["bert", "deberta-v2"])
@pytest.mark.parametrize("case", ["gradual", "half, accumulated"])
def test_a_trial_that_is_interrupted_after_every_step_is_the_same_trial(
    name: str,
    case: str,
    undisturbed: Callable[[str, str], tuple[TrialRun, Any]],
    attempt: Callable[..., Any],
    tmp_path: Path,
) -> None:
    run, whole = undisturbed(name, case)
    evaluations: list[Evaluation] = []
    for step in range(1, 8):
        part = attempt(run, tmp_path, at=[step], leave=True)
        assert part.left
        evaluations += part.evaluations
        assert_same_files(part.step(step), whole.step(step))
        run = replace(run, restored=part.step(step))
        disturb()
    last = attempt(run, tmp_path)
    assert evaluations + last.evaluations == whole.evaluations
    assert last.best() == whole.best()
    assert_same_weights(last.weights, whole.weights)


@pytest.mark.parametrize("schedule", REQUIRED)
@pytest.mark.parametrize("step", [1, 5])
def test_every_schedule_goes_on_at_its_rate(
    schedule: str, step: int, make_run: Callable[..., TrialRun], attempt: Callable[..., Any], tmp_path: Path
) -> None:
    run = make_run(
        "bert",
        2,
        **{**EIGHT, "looks": LOOKS[10]},
        lr_scheduler_type=schedule,
        lr_scheduler_kwargs={group[-1]: 0.3 for group in REQUIRED[schedule]},
        warmup_ratio=0.25,
    )
    whole = attempt(run, tmp_path / "whole", at=[step])
    rest = attempt(replace(run, restored=whole.step(step)), tmp_path / "rest")
    assert rest.evaluations == evaluations_after(step, whole.evaluations)
    assert len({evaluation.learning_rate for evaluation in rest.evaluations}) > 1 or schedule.startswith("constant")
    assert_same_weights(rest.weights, whole.weights)


@pytest.mark.parametrize("epochs", [0.5, 1.3, 2.0])
def test_a_trial_of_any_length_goes_on(
    epochs: float, make_run: Callable[..., TrialRun], attempt: Callable[..., Any], tmp_path: Path
) -> None:
    run = make_run("bert", 2, batch_size=8, num_train_epochs=epochs, dropout=0.1, looks=LOOKS[5])
    whole = attempt(run, tmp_path / "whole", at=range(100))
    total = whole.effective["optimiser_steps"]
    for step in range(1, total):
        rest = attempt(replace(run, restored=whole.step(step)), tmp_path / "rest")
        assert rest.evaluations == evaluations_after(step, whole.evaluations)
        assert_same_weights(rest.weights, whole.weights)
    assert not whole.step(total).exists()


# ---- best, early stopping


@pytest.mark.rest
@pytest.mark.parametrize("patience", [1, 2, 3])
def test_patience_is_counted_over_interruptions(
    patience: int, make_run: Callable[..., TrialRun], attempt: Callable[..., Any], tmp_path: Path
) -> None:
    # The loss falls, so that with more being better nothing after the first evaluation is better.
    run = make_run("bert", 2, **{**LEARNS, "direction": "maximize"}, patience=patience)
    whole = attempt(run, tmp_path / "whole", at=range(1, 16))
    percents = [evaluation.step for evaluation in whole.evaluations]
    assert percents == [20, 40, 60, 80, 100][: 1 + patience]
    for step in range(1, whole.evaluations[-1].optimiser_steps):
        rest = attempt(replace(run, restored=whole.step(step)), tmp_path / "rest")
        assert rest.evaluations == evaluations_after(step, whole.evaluations)


def test_the_best_weights_from_before_an_interruption_stay_the_best(
    make_run: Callable[..., TrialRun], attempt: Callable[..., Any], tmp_path: Path
) -> None:
    run = make_run("bert", 2, **{**LEARNS, "direction": "maximize"})
    whole = attempt(run, tmp_path / "whole")
    first = attempt(run, tmp_path / "trial", at=[6], leave=True)
    assert first.saver.kept == first.evaluations == whole.evaluations[:1]
    second = attempt(replace(run, restored=first.step(6)), tmp_path / "trial")
    assert second.evaluations == whole.evaluations[1:]
    assert second.saver.kept == []
    assert second.best() == whole.best()


def test_weights_that_are_better_after_an_interruption_replace_those_from_before(
    make_run: Callable[..., TrialRun], attempt: Callable[..., Any], tmp_path: Path
) -> None:
    run = make_run("bert", 2, **LEARNS)
    whole = attempt(run, tmp_path / "whole")
    first = attempt(run, tmp_path / "trial", at=[6], leave=True)
    before = first.best()
    second = attempt(replace(run, restored=first.step(6)), tmp_path / "trial")
    assert second.saver.kept == second.evaluations == whole.evaluations[1:]
    assert before != second.best() == whole.best()


def test_a_trial_that_is_done_is_not_saved(
    make_run: Callable[..., TrialRun], attempt: Callable[..., Any], tmp_path: Path
) -> None:
    whole = attempt(make_run("bert", 2, **EIGHT), tmp_path / "whole", at=range(100))
    assert whole.saver.asked == 7
    stopped = attempt(
        make_run("bert", 2, **{**LEARNS, "direction": "maximize"}, patience=1), tmp_path / "stopped", at=range(100)
    )
    assert stopped.saver.asked == stopped.evaluations[-1].optimiser_steps - 1


# ---- leaving in the middle of an evaluation


@pytest.fixture(scope="module")
def long_validation(
    make_run: Callable[..., TrialRun], preparation: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> TrialRun:
    """A trial whose evaluations take three batches."""
    path = tmp_path_factory.mktemp("long") / "long.csv"
    words = ("good film", "bad film with a very long plot", "the music was great", "an awful story")
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((words[i % 4], i % 2) for i in range(162))])
    data = DataConfig(source=str(path), splits={"train": 32, "validation": 130})
    prepared = preparation("bert", 2, data=data, source=str(path))
    return replace(make_run("bert", 2, **EIGHT, **CASES["gradual"]), data=prepared.folder)


@pytest.mark.parametrize("looks", range(6))
def test_an_evaluation_that_is_broken_off_is_made_where_the_trial_goes_on(
    looks: int, long_validation: TrialRun, attempt: Callable[..., Any], tmp_path: Path
) -> None:
    whole = attempt(long_validation, tmp_path / "whole")
    first = attempt(long_validation, tmp_path / "trial", looks=looks)
    # Each evaluation looks before each of its three batches.
    step = 4 if looks < 3 else 8
    assert first.left
    assert first.evaluations == whole.evaluations[: looks // 3]
    assert first.saver.asked == step
    disturb()
    second = attempt(replace(long_validation, restored=first.step(step)), tmp_path / "trial")
    assert first.evaluations + second.evaluations == whole.evaluations
    assert second.best() == whole.best()
    assert_same_weights(second.weights, whole.weights)


def test_an_evaluation_can_be_broken_off_twice(
    long_validation: TrialRun, attempt: Callable[..., Any], tmp_path: Path
) -> None:
    whole = attempt(long_validation, tmp_path / "whole")
    first = attempt(long_validation, tmp_path / "trial", looks=1)
    run = replace(long_validation, restored=first.step(4))
    second = attempt(run, tmp_path / "again", looks=2)
    assert_same_files(second.step(4), first.step(4))
    third = attempt(replace(run, restored=second.step(4)), tmp_path / "trial")
    assert third.evaluations == whole.evaluations
    assert_same_weights(third.weights, whole.weights)


def test_a_move_that_is_called_off_costs_no_evaluation(
    long_validation: TrialRun, folder_saver: Any, attempt: Callable[..., Any], tmp_path: Path
) -> None:
    class CalledOff(folder_saver):  # type: ignore[misc]
        """Leaves in its second look, and is saved and told to stay."""

        def save(self, step: int, write: Callable[[Path], None]) -> None:
            with pytest.raises(TrialStopped):
                super().save(step, write)
            self.looks = None

    whole = attempt(long_validation, tmp_path / "whole")
    saver = CalledOff(tmp_path / "stayed", looks=1)
    assert list(train(replace(long_validation, saver=saver))) == whole.evaluations
    assert saver.step(4).is_dir()


# ---- what is saved


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("case", ["half, accumulated", "head only", "gradual"])
def test_a_saved_step_holds_what_is_trained_and_nothing_that_runs_as_code(
    name: str, case: str, undisturbed: Callable[[str, str], tuple[TrialRun, Any]]
) -> None:
    run, whole = undisturbed(name, case)
    folder = whole.step(3)
    assert sorted(path.name for path in folder.iterdir()) == [STATE, TRAINED]
    state = torch.load(folder / STATE, weights_only=True)
    assert (state["progress"]["step"], state["progress"]["evaluation_due"]) == (3, False)
    assert state["threads"] == torch.get_num_threads()
    assert state["micro_batch"] == run.micro_batch
    saved = load_file(folder / TRAINED)
    pretrained = build_model(get_task(run.task).blueprint(run.model, ("0", "1"), run.seed), dropout=0.1).state_dict()
    frozen = pretrained.keys() - saved.keys()
    assert [key for key in frozen if not torch.equal(whole.weights[key], pretrained[key])] == []
    # Everything else is trained: it is another weight by the end of the trial, if its gradient is more than rounding.
    changed = [key for key in saved if not torch.equal(whole.weights[key], pretrained[key])]
    assert len(changed) > 0.9 * len(saved)
    embeddings = [key for key in saved if "embeddings" in key]
    assert bool(embeddings) == (case == "gradual")
    assert bool(frozen) == (case != "gradual")


def test_training_draws_from_pythons_and_numpys_generators_as_its_seed_says(make_run: Callable[..., TrialRun]) -> None:
    # No architecture of these tests draws from them: what their state is after a trial, is what the trial began with.
    run = make_run("bert", 2)
    disturb()
    list(train(run))
    assert random.getstate() == random.Random(run.seed).getstate()
    assert np.random.get_state()[1].tolist() == np.random.RandomState(run.seed).get_state()[1].tolist()


# ---- threads and micro-batch


def test_parts_and_threads_are_those_that_the_trial_began_with(
    make_run: Callable[..., TrialRun], attempt: Callable[..., Any], tmp_path: Path
) -> None:
    run = make_run("bert", 2, **{**EIGHT, "micro_batch": 5, "threads": 2})
    try:
        whole = attempt(run, tmp_path / "whole", at=[3])
        torch.set_num_threads(1)
        overrides = replace(run, restored=whole.step(3), threads=None, micro_batch=None)
        rest = attempt(overrides, tmp_path / "rest")
        assert (rest.effective["threads"], rest.effective["micro_batch"]) == (2, 5)
        assert rest.evaluations == whole.evaluations
        assert_same_weights(rest.weights, whole.weights)
        told = attempt(replace(overrides, threads=1, micro_batch=3), tmp_path / "told")
        assert (told.effective["threads"], told.effective["micro_batch"]) == (1, 3)
        # What another kind of device was best at says nothing of this one.
        state = torch.load(whole.step(3) / STATE, weights_only=True)
        torch.save({**state, "device": "another"}, whole.step(3) / STATE)
        moved = attempt(overrides, tmp_path / "moved")
        assert (moved.effective["threads"], moved.effective["micro_batch"]) == (1, min(12, MICRO_BATCH))
    finally:
        torch.set_num_threads(1)
