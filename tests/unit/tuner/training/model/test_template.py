"""A model taken from a template is the model that would be built: every fork of the parent trains as if alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tuner.processes.trainers import ForkServer
from tuner.training.data.encoded import EncodedData
from tuner.training.model import template
from tuner.training.model.blueprint import Blueprint
from tuner.training.model.loading import build_model, keep_template
from tuner.training.model.template import Template
from tuner.training.tasks import get_task
from tuner.trial.looks import LOOKS
from tuner.trial.run import ModelSource, TrialRun

ARCHITECTURES = ("bert", "roberta", "distilbert", "electra", "deberta-v2", "vit")


@pytest.fixture(scope="module")
def fork_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        with ForkServer(tmp_path_factory.mktemp("warm") / "log", preload=("training_functions",)) as parent:
            yield parent


@pytest.fixture(autouse=True)
def _none_left() -> Iterator[None]:
    yield
    template.keep(None)


def labels_of(run: TrialRun) -> tuple[str, ...]:
    assert run.data is not None
    return EncodedData.open(run.data, get_task(run.task).examples).labels


def padding_of(run: TrialRun) -> dict[str, Any]:
    assert run.anatomy is not None
    return {"padding": run.anatomy.padding}


def trained(fork_server: ForkServer, run: TrialRun) -> tuple[list[Any], bool]:
    """Return the evaluations of a trial in a fork, and whether it took the template."""
    found: tuple[list[Any], bool] = fork_server.call("training_functions:train_trial", {"run": run})
    return found


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_trial_from_a_template_is_that_of_a_fresh_model(
    name: str, make_run: Callable[..., TrialRun], fork_server: ForkServer
) -> None:
    runs = [
        make_run(name, dropout=dropout, frozen_layers=frozen, looks=LOOKS[2], num_train_epochs=2)
        for dropout, frozen in ((0.3, 0.0), (0.0, 0.5), (0.1, 1.0), (0.2, "gradual"))
    ]
    fork_server.share("training_functions:no_template", {})
    fresh = [trained(fork_server, run) for run in runs]
    arguments = {
        "task": runs[0].task,
        "model": runs[0].model,
        "labels": labels_of(runs[0]),
        "seed": runs[0].seed,
    } | padding_of(runs[0])
    fork_server.share("tuner.training.calls:keep_model_template", arguments)
    taken = [trained(fork_server, run) for run in runs]
    assert [with_template for _, with_template in fresh] == [False] * len(runs)
    assert [with_template for _, with_template in taken] == [True] * len(runs)
    assert [evaluations for evaluations, _ in taken] == [evaluations for evaluations, _ in fresh]


def blueprint(run: TrialRun, **changed: Any) -> Blueprint:
    asked: dict[str, Any] = {"model": run.model, "labels": ("no", "yes"), "seed": 3} | padding_of(run) | changed
    return get_task(run.task).blueprint(**asked)


def kept(run: TrialRun, room: int | None = None) -> Template:
    """Keep a template of a trial's model and return it."""
    keep_template(blueprint(run), room=room)
    (held,) = template._kept
    return held


def test_a_template_is_taken_once(make_run: Callable[..., TrialRun]) -> None:
    held = kept(make_run("bert", 2))
    first, second = (build_model(held.blueprint, dropout=0.2) for _ in range(2))
    assert first is held.model
    assert second is not first
    assert {name: float(value.sum()) for name, value in first.state_dict().items()} == {
        name: float(value.sum()) for name, value in second.state_dict().items()
    }


@pytest.mark.parametrize(
    "other", [{"seed": 4}, {"labels": ("yes", "no")}, {"dropout": None}], ids=["seed", "labels", "dropout of its own"]
)
def test_what_is_asked_for_otherwise_is_built(other: dict[str, Any], make_run: Callable[..., TrialRun]) -> None:
    run = make_run("bert", 2)
    held = kept(run)
    asked = {"dropout": 0.2, **other}
    dropout = asked.pop("dropout")
    assert build_model(blueprint(run, **asked), dropout=dropout) is not held.model


def test_another_models_template_is_not_taken(
    make_run: Callable[..., TrialRun], checkpoint: Callable[..., ModelSource]
) -> None:
    run = make_run("bert", 2)
    kept(run)
    model: Any = build_model(blueprint(run, model=checkpoint("bert", 4)), dropout=0.2)
    assert len(model.bert.encoder.layer) == 4


def test_random_numbers_go_on_as_after_building(make_run: Callable[..., TrialRun]) -> None:
    held = kept(make_run("bert", 2))
    build_model(held.blueprint, dropout=0.2)
    after_taking = torch.rand(3)
    build_model(held.blueprint, dropout=0.2)
    assert torch.equal(after_taking, torch.rand(3))


def test_a_model_without_room_is_built_for_each_trial(make_run: Callable[..., TrialRun]) -> None:
    with pytest.raises(template.Unusable):
        kept(make_run("bert", 2), room=1000)
    assert template._kept == []


def test_an_architecture_that_leaves_a_dropout_of_zero_away_has_no_template(
    make_run: Callable[..., TrialRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    build = transformers.BertForSequenceClassification.__init__

    def without(self: Any, config: Any) -> None:
        build(self, config)
        if config.hidden_dropout_prob == 0:
            self.dropout = torch.nn.Identity()

    monkeypatch.setattr(transformers.BertForSequenceClassification, "__init__", without)
    with pytest.raises(template.Unusable):
        kept(make_run("bert", 2))


def test_a_template_job_that_cannot_make_one_leaves_trials_to_build(
    make_run: Callable[..., TrialRun], fork_server: ForkServer, tmp_path: Path
) -> None:
    run = make_run("bert", 2)
    gone = ModelSource(location=str(tmp_path))
    arguments = {"task": run.task, "model": gone, "labels": labels_of(run), "seed": run.seed} | padding_of(run)
    fork_server.share("tuner.training.calls:keep_model_template", arguments)
    evaluations, with_template = trained(fork_server, run)
    assert not with_template
    assert len(evaluations) == 1


def test_the_parent_has_no_more_threads_with_a_template_than_without(
    make_run: Callable[..., TrialRun], fork_server: ForkServer
) -> None:
    run = make_run("bert", 2)
    before = fork_server.call("training_functions:threads_of_parent", {})
    arguments = {"task": run.task, "model": run.model, "labels": labels_of(run), "seed": run.seed} | padding_of(run)
    fork_server.share("tuner.training.calls:keep_model_template", arguments)
    assert fork_server.call("training_functions:threads_of_parent", {}) == before
