"""The test split as trained models read it: the values of exactly its rows, and a comparison of models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tiny_models import FolderSaver

from tuner.training.data.encoded import EncodedData
from tuner.training.held_out import Candidate, judge
from tuner.training.loop import train
from tuner.training.model.loading import build_model
from tuner.training.model.weights import restore_weights
from tuner.training.tasks import get_task
from tuner.training.trunk.forward import ForwardPasses
from tuner.trial.row_arrays import decoded_array

if TYPE_CHECKING:
    from tuner.trial.run import TrialRun

#: Rows of the test split.
ROWS = 8


def trained(make_run: Callable[..., TrialRun], folder: Path, **values: Any) -> Candidate:
    saver = FolderSaver(folder)
    run = make_run(saver=saver, **values)
    for _ in train(run):
        pass
    saver.write_best()
    return Candidate(run=run, weights=folder / "best")


@pytest.fixture(scope="module")
def candidates(make_run: Callable[..., TrialRun], tmp_path_factory: pytest.TempPathFactory) -> list[Candidate]:
    """A model that has learnt little, and one that has learnt more."""
    weak = trained(make_run, tmp_path_factory.mktemp("weak"), learning_rate=1e-5)
    strong = trained(make_run, tmp_path_factory.mktemp("strong"), learning_rate=3e-3, num_train_epochs=8.0)
    return [weak, replace(strong, run=replace(strong.run, number=7))]


def plainly(candidate: Candidate) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits of each row of the test split by itself, and the targets."""
    run = candidate.run
    assert run.data is not None
    assert run.anatomy is not None
    assert run.model is not None
    task = get_task(run.task)
    rows = EncodedData.open_test(run.data, task.examples, run.anatomy.padding).validation
    labels = EncodedData.open(run.data, task.examples).labels
    model: Any = build_model(task.blueprint(run.model, labels, run.seed, run.anatomy.padding), dropout=0.0)
    restore_weights(model, candidate.weights)
    model.eval()
    with torch.no_grad():
        logits = [model(**rows.inputs(np.array([number]))).logits for number in range(len(rows))]
    return torch.cat(logits), rows.targets(np.arange(len(rows)))


def test_each_row_of_the_test_split_counts_once(candidates: list[Candidate]) -> None:
    found = judge(candidates, "test")
    assert found["rows"] == ROWS
    for candidate, model in zip(candidates, found["models"], strict=True):
        logits, targets = plainly(candidate)
        right = logits.argmax(dim=1) == targets
        assert (model["trial"], model["right"]) == (candidate.run.number, int(right.sum()))
        assert model["value"] == pytest.approx(float(right.double().mean()))
        assert model["metrics"]["loss"] == pytest.approx(
            float(torch.nn.functional.cross_entropy(logits, targets)), abs=1e-5
        )
        assert {"accuracy", "f1_macro", "loss"} <= set(model["metrics"])
        stored = {name: decoded_array(values) for name, values in model["predictions"].items()}
        assert stored["class"].tolist() == logits.argmax(dim=1).tolist()
        assert stored["confidence"] == pytest.approx(logits.softmax(dim=1).max(dim=1).values.numpy(), abs=1e-3)


def test_all_but_the_first_model_are_compared_with_it(candidates: list[Candidate]) -> None:
    first, second = judge(candidates, "test")["models"]
    assert first["beside"] is None
    beside = second["beside"]
    assert beside["method"] == "mcnemar"
    assert beside["difference"] == pytest.approx(second["value"] - first["value"])
    assert beside["first_alone"] - beside["second_alone"] == second["right"] - first["right"]


def test_a_metric_that_is_no_share_of_rows_is_compared_by_draws_of_rows(candidates: list[Candidate]) -> None:
    others = [replace(each, run=replace(each.run, metric="loss", direction="minimize")) for each in candidates]
    first, second = judge(others, "test")["models"]
    assert (first["right"], second["beside"]["method"], second["beside"]["p_value"]) == (None, "bootstrap", None)
    low, high = second["beside"]["interval"]
    assert low <= second["beside"]["difference"] <= high
    assert second["value"] < first["value"]


def test_guessing_is_judged_on_the_test_split(candidates: list[Candidate]) -> None:
    run = candidates[0].run
    assert run.data is not None
    train = EncodedData.open(run.data, get_task(run.task).examples).train
    most = np.bincount(train.targets(np.arange(len(train))).numpy()).argmax()
    _, targets = plainly(candidates[0])
    assert judge(candidates[:1], "test")["guess"] == pytest.approx(float((targets == int(most)).double().mean()))


@pytest.mark.rest
def test_memory_that_runs_out_for_many_rows_changes_nothing(
    candidates: list[Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, refused = judge(candidates, "test"), []
    forward = ForwardPasses.forward

    def short(self: ForwardPasses, split: str, indices: Any, **more: Any) -> Any:
        if len(indices) > 2:
            refused.append(len(indices))
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, split, indices, **more)

    monkeypatch.setattr(ForwardPasses, "forward", short)
    found = judge(candidates, "test")
    assert refused
    assert [each["right"] for each in found["models"]] == [each["right"] for each in plain["models"]]


def test_a_metric_without_a_value_on_these_rows_is_told_as_none(
    candidates: list[Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = type(get_task(candidates[0].run.task))
    monkeypatch.setattr(task, "score", lambda *_: float("nan"))
    found = judge(candidates, "test")
    assert [model["value"] for model in found["models"]] == [None, None]
    assert (found["guess"], found["models"][1]["beside"]) == (None, None)
