"""The fitted head: which one it is, and what a trial makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from tuner.errors import ModelError
from tuner.training.head import fitting
from tuner.training.head.fitting import FittedHead, fit_head
from tuner.training.loop import train
from tuner.training.model.weights import save_weights
from tuner.training.training_state import TrainingState
from tuner.training.trunk.forward import ForwardPasses
from tuner.trial.looks import LOOKS
from tuner.trial.run import HeadHome

if TYPE_CHECKING:
    from tuner.trial.run import TrialRun

#: Learns in a few steps, and has dropout in its head.
HALF: dict[str, Any] = {"frozen_layers": 0.5, "head_init": "fitted", "dropout": 0.1, "num_train_epochs": 2.0}


@pytest.fixture(scope="module", autouse=True)
def _few_candidates() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "LEARNING_RATES", (3e-3, 1e-2))
        patch.setattr(fitting, "LENGTHS", (10, 20))
        yield


@pytest.fixture(scope="module")
def fitted(make_run: Callable[..., TrialRun]) -> FittedHead:
    return fit_head(make_run())


@pytest.fixture
def home(fitted: FittedHead, tmp_path: Path) -> HeadHome:
    folder = tmp_path / "head"
    folder.mkdir()
    save_weights(fitted.weights, folder)
    return HeadHome(folder=folder, key="heads/0123456789abcdef")


def same(one: FittedHead, other: FittedHead) -> bool:
    assert one.weights.keys() == other.weights.keys()
    return one.facts() == other.facts() and all(
        torch.equal(one.weights[name], other.weights[name]) for name in one.weights
    )


def test_the_head_alone_is_fitted_and_judged_on_rows_that_it_was_not_fitted_on(fitted: FittedHead) -> None:
    assert {name.split(".")[0] for name in fitted.weights} == {"classifier", "bert"}
    assert {name for name in fitted.weights if name.startswith("bert")} == {
        "bert.pooler.dense.weight",
        "bert.pooler.dense.bias",
    }
    assert fitted.value > 0.6, "two classes, equally frequent, that a third of the words tell"
    assert fitted.loss < 0.65
    assert fitted.learning_rate in fitting.LEARNING_RATES
    assert fitted.epochs in fitting.LENGTHS, "a batch is an epoch here"


def test_the_same_seed_gives_the_same_head_on_any_number_of_threads(
    make_run: Callable[..., TrialRun], fitted: FittedHead
) -> None:
    assert same(fit_head(make_run()), fitted)
    assert same(fit_head(make_run(threads=2)), fitted)
    assert not same(fit_head(make_run(seed=4)), fitted)


def test_the_best_loss_decides_and_the_validation_split_has_no_part(
    make_run: Callable[..., TrialRun], fitted: FittedHead, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()
    forward = ForwardPasses.forward

    def watched(self: ForwardPasses, split: str, *arguments: Any, **more: Any) -> Any:
        seen.add(split)
        return forward(self, split, *arguments, **more)

    monkeypatch.setattr(ForwardPasses, "forward", watched)
    found: list[FittedHead] = []
    judge = fitting._cross_validated
    monkeypatch.setattr(fitting, "_cross_validated", lambda *given: found.extend(each := judge(*given)) or each)
    assert same(fit_head(make_run()), fitted)
    assert seen == {"train"}
    assert len(found) == len(fitting.LEARNING_RATES) * len(fitting.LENGTHS)
    assert fitted.loss == min(each.loss for each in found)


def test_states_from_the_cache_give_the_same_head(
    make_run: Callable[..., TrialRun], fitted: FittedHead, tmp_path: Path
) -> None:
    from tuner.trial.run import TrunkHome

    cached = replace(make_run(), trunk=TrunkHome(folder=tmp_path, weights="w", shares=(1.0,)))
    assert same(fit_head(cached), fitted)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()], "something was cached"


def test_pictures_have_a_fitted_head_too(make_run: Callable[..., TrialRun]) -> None:
    head = fit_head(make_run("vit"))
    assert 0 < head.loss < 1
    assert {name.split(".")[-2] for name in head.weights} == {"classifier", "layernorm"}


def without_states(run: TrialRun, **changes: Any) -> TrialRun:
    """Return a trial whose model's layers cannot be run apart."""
    assert run.anatomy is not None
    trunk = replace(run.anatomy.trunk, complaint="its layers return no hidden states")
    return replace(run, anatomy=replace(run.anatomy, trunk=trunk, **changes))


def test_a_model_without_hidden_states_has_its_classifier_fitted_on_one_forward_pass(
    make_run: Callable[..., TrialRun], fitted: FittedHead, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[int] = []
    forward = ForwardPasses.forward

    def watched(self: ForwardPasses, split: str, indices: Any, **more: Any) -> Any:
        passed.extend(indices.tolist())
        return forward(self, split, indices, **more)

    monkeypatch.setattr(ForwardPasses, "forward", watched)
    monkeypatch.setattr(fitting, "LENGTHS", (20, 160))
    head = fit_head(without_states(make_run()))
    assert sorted(passed) == [*range(len(passed))], "each example has passed the model once"
    assert {*head.weights} == {"classifier.weight", "classifier.bias"}
    assert head.value > 0.6
    assert [each.frozen for each in head.depths] == [1.0]
    assert same(fit_head(without_states(make_run())), head)


def test_a_model_whose_layers_cannot_be_run_apart_has_a_fitted_head(
    make_run: Callable[..., TrialRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "LENGTHS", (20, 160))
    run = make_run("resnet", 2)
    assert run.anatomy is not None
    assert run.anatomy.trunk.complaint is not None
    assert run.anatomy.classifier == "classifier"
    head = fit_head(run)
    assert {*head.weights} == {"classifier.1.weight", "classifier.1.bias"}
    assert head.value > 0.8


def test_a_trial_of_such_a_model_begins_with_its_fitted_head(
    make_run: Callable[..., TrialRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "LENGTHS", (20, 160))
    save_weights(fit_head(make_run("resnet", 2)).weights, tmp_path)
    home = HeadHome(folder=tmp_path, key="heads/0123456789abcdef")
    values: dict[str, Any] = {"frozen_layers": 0.0, "learning_rate": 1e-5, "looks": LOOKS[1]}
    (begun,) = train(make_run("resnet", 2, head_init="fitted", head=home, **values))
    (random,) = train(make_run("resnet", 2, **values))
    assert begun.validation_loss < random.validation_loss
    assert begun.value > random.value


def test_a_model_with_nothing_to_fit_a_head_on_is_refused(make_run: Callable[..., TrialRun]) -> None:
    with pytest.raises(ModelError, match="no head can be fitted on frozen layers: its layers return no hidden states"):
        fit_head(without_states(make_run(), classifier=None))


# ---- trials that begin with it


def test_a_trial_that_begins_fitted_is_ahead_of_one_that_does_not(
    make_run: Callable[..., TrialRun], home: HeadHome
) -> None:
    slow = {"learning_rate": 1e-5, "frozen_layers": 0.5, "looks": LOOKS[1]}
    (random,) = train(make_run(**slow))
    (begun,) = train(make_run(**slow, head_init="fitted", head=home))
    assert begun.validation_loss < random.validation_loss
    assert begun.value > random.value


def test_a_fitted_head_learns_at_the_rate_of_the_encoder(make_run: Callable[..., TrialRun], home: HeadHome) -> None:
    told: dict[str, Any] = {}
    run = make_run(frozen_layers=0.5, head_init="fitted", head=home, head_learning_rate_factor=16.0)
    next(iter(train(replace(run, record=told.update))))
    assert {round(rate, 9) for rate in told["learning_rates"].values()} == {1e-3}
    assert told["fitted_head"] == home.key
    random = make_run(frozen_layers=0.5, head=home, head_learning_rate_factor=16.0)
    next(iter(train(replace(random, record=told.update))))
    assert {round(rate, 9) for rate in told["learning_rates"].values()} == {1e-3, 4e-3}
    assert told["fitted_head"] is None


def test_a_trial_that_begins_fitted_goes_on_bit_for_bit_and_with_no_other_head(
    make_run: Callable[..., TrialRun], attempt: Callable[..., Any], home: HeadHome, tmp_path: Path
) -> None:
    run = make_run(**HALF, head=home)
    whole = attempt(run, tmp_path / "whole")
    first = attempt(run, tmp_path / "first", at=[3], leave=True)
    assert TrainingState.read(first.step(3)).trial["head"] == home.key
    second = attempt(replace(run, restored=first.step(3), earlier=tuple(first.evaluations)), tmp_path / "second")
    assert second.best() == whole.best()
    other = replace(run, head=replace(home, key="heads/fedcba9876543210"), restored=first.step(3))
    with pytest.raises(ModelError, match="it is of another trial"):
        next(iter(train(other)))


def test_a_trial_that_asks_for_a_fitted_head_and_has_none_is_refused(make_run: Callable[..., TrialRun]) -> None:
    with pytest.raises(ModelError, match="there is no fitted head to begin with"):
        next(iter(train(make_run(head_init="fitted"))))
    (smoke,) = train(make_run(head_init="fitted", max_steps=1))
    assert smoke.step == 100


# ---- small and odd data


def test_two_rows_are_enough_and_one_is_not(make_run: Callable[..., TrialRun]) -> None:
    assert fit_head(make_run(max_rows=2)).epochs in fitting.LENGTHS
    with pytest.raises(ModelError, match="no head can be judged on a single row; write `head_init: random`"):
        fit_head(make_run(max_rows=1))


def test_a_metric_without_a_value_is_told_as_none(make_run: Callable[..., TrialRun]) -> None:
    alone = fit_head(make_run(max_rows=2, metric="roc_auc"))
    facts = alone.facts()
    assert facts["value"] is None or 0 <= facts["value"] <= 1
    assert replace(alone, value=float("nan")).facts()["value"] is None


def test_states_that_memory_cannot_hold_are_computed_again(
    make_run: Callable[..., TrialRun], fitted: FittedHead, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("nothing is held")

    monkeypatch.setattr(fitting, "available_memory", lambda: 1)
    monkeypatch.setattr(ForwardPasses, "hold_states", refuse)
    assert same(fit_head(make_run()), fitted)


@pytest.mark.rest
@pytest.mark.parametrize("has_states", [True, False])
def test_a_head_is_fitted_though_memory_runs_out_for_many_examples(
    make_run: Callable[..., TrialRun], monkeypatch: pytest.MonkeyPatch, has_states: bool
) -> None:
    run = make_run() if has_states else without_states(make_run())
    plain = fit_head(run)
    forward, refused = ForwardPasses.forward, []

    def short(self: ForwardPasses, split: str, indices: Any, **more: Any) -> Any:
        found = forward(self, split, indices, **more)
        if not torch.is_grad_enabled() and len(indices) > 3:
            refused.append(len(indices))
            raise torch.OutOfMemoryError("CUDA out of memory")
        return found

    monkeypatch.setattr(ForwardPasses, "forward", short)
    head = fit_head(run)
    assert refused
    assert head.learning_rate == plain.learning_rate
    assert all(torch.allclose(head.weights[name], plain.weights[name], atol=1e-4) for name in plain.weights)
