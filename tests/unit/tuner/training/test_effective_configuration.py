"""What is recorded, what was sampled and what is really trained are one thing, over six architectures."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from tuner.training.loop import MICRO_BATCH
from tuner.training.model.loading import build_model
from tuner.training.precision import device_name
from tuner.training.tasks import get_task
from tuner.trial.looks import LOOKS

if TYPE_CHECKING:
    from tuner.trial.run import TrialRun

ARCHITECTURES = ("bert", "roberta", "distilbert", "electra", "deberta-v2", "vit")
LAYERS = 4
#: What lies above the last layer, written down by hand from the models' own sources.
HEADS = {
    "bert": ("bert.pooler.", "dropout.", "classifier."),
    "roberta": ("classifier.",),
    "distilbert": ("pre_classifier.", "dropout.", "classifier."),
    "electra": ("classifier.",),
    "deberta-v2": ("pooler.", "dropout.", "classifier."),
    "vit": ("vit.layernorm.", "classifier."),
}
#: Shares and the number of four layers that they freeze.
SHARES = {0.0: 0, 0.25: 1, 0.5: 2, 0.75: 3, 1.0: 4}

every_architecture = pytest.mark.parametrize("name", ARCHITECTURES)


def depth(name: str, parameter: str) -> int | None:
    """Return 0 for embeddings, 1 to 4 for layers, None for the head."""
    if parameter.startswith(HEADS[name]):
        return None
    if parameter.startswith("deberta.encoder.conv."):  # works on the output of the first layer
        return 1
    layer = re.search(r"\.layers?\.(\d+)\.", parameter)
    return int(layer[1]) + 1 if layer else 0


def is_frozen(name: str, parameter: str, frozen: int) -> bool:
    found = depth(name, parameter)
    return frozen > 0 and found is not None and found <= frozen


def is_bias_or_norm(parameter: str) -> bool:
    return parameter.endswith("bias") or "norm" in parameter.lower()


def fresh(run: TrialRun) -> nn.Module:
    """Return the model that a trial starts from."""
    return build_model(get_task(run.task).blueprint(run.model, ("0", "1"), run.seed), dropout=None)


# ---- rates and decay


@every_architecture
@pytest.mark.parametrize(("share", "head_factor"), [(0.0, 1.0), (0.25, 2.0), (1.0, 16.0), ("gradual", 1.0)])
def test_every_trained_parameter_learns_at_the_sampled_rate_of_its_depth(
    name: str,
    share: float | str,
    head_factor: float,
    make_run: Callable[..., TrialRun],
    watch: Callable[[TrialRun], Any],
) -> None:
    # The head's factor is given for a frozen encoder and taken to the power of the frozen share: 16 ** 0.25 = 2.
    run = make_run(
        name,
        learning_rate=4e-4,
        head_learning_rate_factor=16.0,
        layerwise_lr_decay=0.5,
        frozen_layers=share,
        lr_scheduler_type="constant",
    )
    watched = watch(run)
    for step in watched.steps:
        for group, parameters in step.groups.items():
            for parameter in parameters:
                found = depth(name, parameter)
                expected = 4e-4 * (head_factor if found is None else 0.5 ** (LAYERS - found))
                assert step.rates[group] == pytest.approx(expected, rel=1e-12), parameter
    assert watched.effective["learning_rates"] == watched.steps[0].rates
    assert watched.evaluations[-1].learning_rate == pytest.approx(4e-4), "what is reported is the last layer's rate"


@every_architecture
def test_one_rate_without_factors_holds_for_the_whole_model(
    name: str, make_run: Callable[..., TrialRun], watch: Callable[[TrialRun], Any]
) -> None:
    watched = watch(make_run(name, learning_rate=7e-4, lr_scheduler_type="constant"))
    assert set(watched.steps[0].rates.values()) == {7e-4}
    assert set(watched.effective["learning_rates"].values()) == {7e-4}


@every_architecture
def test_decay_is_on_every_matrix_and_on_no_bias_or_norm(
    name: str, make_run: Callable[..., TrialRun], watch: Callable[[TrialRun], Any]
) -> None:
    watched = watch(make_run(name, weight_decay=0.05))
    step = watched.steps[0]
    decay = {parameter: step.decays[group] for group, parameters in step.groups.items() for parameter in parameters}
    for parameter, weights in watched.model.named_parameters():
        assert decay[parameter] == (0.05 if weights.ndim > 1 else 0.0), parameter
        if is_bias_or_norm(parameter):
            assert decay[parameter] == 0.0, parameter
    assert {0.0, 0.05} == set(decay.values())
    assert watched.effective["weight_decays"] == step.decays


# ---- freezing


@every_architecture
@pytest.mark.parametrize(("share", "frozen"), SHARES.items())
def test_a_share_freezes_layers_from_the_input_up(
    name: str, share: float, frozen: int, make_run: Callable[..., TrialRun], watch: Callable[[TrialRun], Any]
) -> None:
    run = make_run(name, frozen_layers=share, dropout=0.15)
    before = {key: value.detach().clone() for key, value in fresh(run).named_parameters()}
    watched = watch(run)
    trained = {parameter for parameter in before if not is_frozen(name, parameter, frozen)}

    for step in watched.steps:
        assert {parameter for parameter, wanted in step.requires_grad.items() if wanted} == trained
        grouped = [parameter for parameters in step.groups.values() for parameter in parameters]
        assert sorted(grouped) == sorted(trained), "each trained parameter is in one group, a frozen one in none"
        assert step.with_gradient == trained
        for module, training in step.in_training_mode.items():
            assert training != is_frozen(name, f"{module}.", frozen) or contains_layers(module), module

    after = dict(watched.model.named_parameters())
    for parameter in before:
        same = torch.equal(before[parameter], after[parameter])
        assert same == (parameter not in trained), parameter

    assert watched.effective["frozen_layers"] == frozen
    assert watched.effective["layers"] == LAYERS
    assert watched.effective["thawing"] is None
    assert watched.effective["trainable_parameters"] == sum(before[parameter].numel() for parameter in trained)
    assert watched.effective["parameters"] == sum(value.numel() for value in before.values())


def contains_layers(module: str) -> bool:
    return module == "" or re.fullmatch(r"\w+(\.(encoder|transformer))?(\.layers?)?", module) is not None


@every_architecture
@pytest.mark.parametrize(("epochs", "plan"), [(4.0, [3, 2, 1, 0]), (2.5, [2, 1, 0]), (1.0, [0])])
def test_gradual_thaws_from_the_top_until_everything_is_trained(
    name: str, epochs: float, plan: list[int], make_run: Callable[..., TrialRun], watch: Callable[[TrialRun], Any]
) -> None:
    watched = watch(make_run(name, frozen_layers="gradual", num_train_epochs=epochs, batch_size=16, dropout=0.1))
    per_epoch = 2
    assert len(watched.steps) == 2 * epochs
    for number, step in enumerate(watched.steps):
        frozen = plan[number // per_epoch]
        expected = {parameter for parameter in step.requires_grad if not is_frozen(name, parameter, frozen)}
        assert {parameter for parameter, wanted in step.requires_grad.items() if wanted} == expected
        assert step.with_gradient == expected
        for module, training in step.in_training_mode.items():
            assert training != is_frozen(name, f"{module}.", frozen) or contains_layers(module), module
    for step, following in zip(watched.steps, watched.steps[1:], strict=False):
        for parameter, wanted in step.requires_grad.items():
            same = torch.equal(step.weights[parameter], following.weights[parameter])
            assert same != wanted, f"{parameter} changes in exactly the steps that train it"
    thawing = {str(epoch * per_epoch): frozen for epoch, frozen in enumerate(plan)}
    assert watched.effective["thawing"] == (thawing if len(plan) > 1 else None)
    assert watched.effective["trainable_parameters"] == watched.effective["parameters"]


# ---- dropout


@every_architecture
@pytest.mark.parametrize(("share", "frozen"), [(0.0, 0), (0.5, 2), (1.0, 4)])
def test_every_dropout_of_the_trained_part_drops_with_the_sampled_probability(
    name: str, share: float, frozen: int, make_run: Callable[..., TrialRun], watch: Callable[[TrialRun], Any]
) -> None:
    watched = watch(make_run(name, frozen_layers=share, dropout=0.17))
    recorded = watched.effective["dropout"]
    # Any number in any module whose name speaks of dropout, whatever list of names our own code goes by.
    found = {}
    for module_name, module in watched.model.named_modules():
        for attribute, value in vars(module).items():
            speaks = attribute == "p" if isinstance(module, nn.Dropout) else "drop" in attribute
            if speaks and isinstance(value, float):
                assert value == 0.17, f"{module_name}.{attribute}"
                if not is_frozen(name, f"{module_name}.", frozen):
                    found[module_name if isinstance(module, nn.Dropout) else f"{module_name}:{attribute}"] = value
    assert dict(recorded) == found
    for step in watched.steps:
        assert set(step.dropped) == ({0.17} if recorded else set())
        # A layer of ViT calls its one dropout after the attention and after the feed-forward; these heads call theirs
        # before and after the dense layer.
        twice = sum(key.endswith(".dropout") for key in recorded if name == "vit" and ".layers." in key)
        twice += name in ("roberta", "electra")
        assert len(step.dropped) == len(recorded) + twice


@every_architecture
def test_dropout_that_is_not_sampled_stays_the_checkpoints_own(
    name: str, make_run: Callable[..., TrialRun], watch: Callable[[TrialRun], Any]
) -> None:
    watched = watch(make_run(name, dropout=None))
    own = {"bert": {0.1}, "roberta": {0.1}, "electra": {0.1}, "distilbert": {0.1, 0.2}, "vit": {0.0}}
    own["deberta-v2"] = {0.1, 0.0}
    assert set(watched.effective["dropout"].values()) == own[name]


# ---- the rest of the record


def test_the_record_holds_what_the_steps_were(
    make_run: Callable[..., TrialRun], watch: Callable[[TrialRun], Any]
) -> None:
    watched = watch(
        make_run(
            "bert",
            batch_size=12,
            num_train_epochs=2.5,
            warmup_ratio=0.2,
            lr_scheduler_type="cosine",
            micro_batch=5,
            looks=LOOKS[5],
        )
    )
    assert watched.effective["optimiser_steps"] == len(watched.steps) == 8
    assert watched.effective["warmup_steps"] == 2
    assert watched.effective["batch_size"] == 12
    assert watched.effective["micro_batch"] == 5
    assert watched.effective["lr_scheduler_type"] == "cosine"
    assert watched.effective["evaluations"] == [evaluation.step for evaluation in watched.evaluations]
    assert watched.effective["threads"] == torch.get_num_threads()
    assert watched.effective["device_name"] == device_name()
    assert watched.effective["seed"] == 3
    assert watched.effective["max_grad_norm"] == 1.0


def test_a_batch_is_taken_in_small_parts_where_nothing_else_is_said(
    make_run: Callable[..., TrialRun], watch: Callable[[TrialRun], Any]
) -> None:
    watched = watch(make_run("bert", batch_size=20, dropout=0.1, micro_batch=None))
    assert watched.effective["micro_batch"] == min(20, MICRO_BATCH)
    # 32 rows: a batch of 20 and one of 12, each dropout once a part. Of 5 to 11 tokens a text, both are best left
    # whole: 20 texts of 11 are 220 tokens.
    parts = [1, 1]
    assert [len(step.dropped) / len(watched.effective["dropout"]) for step in watched.steps] == parts


@every_architecture
def test_gradients_are_clipped_before_the_step(
    name: str, make_run: Callable[..., TrialRun], watch: Callable[[TrialRun], Any]
) -> None:
    norms = [step.gradient_norm for step in watch(make_run(name, num_train_epochs=2)).steps]
    assert max(norms) == pytest.approx(1.0, abs=1e-4), "the first gradients of these models are longer than 1"
    assert all(norm < 1.0001 for norm in norms)
