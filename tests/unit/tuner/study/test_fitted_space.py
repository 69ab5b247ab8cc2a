from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search_spaces import Categorical, SearchSpace, recipe_for
from search_spaces.loading import load_space
from tuner.errors import ConfigError
from tuner.study import space_checks
from tuner.study.fitted_space import FittedSpace, fit_space
from tuner.study.space_checks import check_four_bits, check_packages
from tuner.trial.anatomy import Anatomy, Freezable, TrunkFacts

RECIPE = recipe_for("bert", "", 768)
LAYERS = tuple((f"layer.{number}",) for number in range(4))
BERT = Anatomy(layers=LAYERS, dropouts=("dropout",))
RESNET = Anatomy(layers=LAYERS)
ALBERT = Anatomy(
    layers=(("layer",),) * 4,
    freezable=Freezable.WHOLE,
    reason="its one layer runs 4 times with the same weights",
    dropouts=("dropout",),
)
OPAQUE = Anatomy(
    layers=(), freezable=Freezable.NOTHING, reason="its base cannot be told from its head", dropouts=("dropout",)
)


def space(written: dict[str, Any]) -> SearchSpace:
    return load_space(written, preset="text-classification", recipe=RECIPE, folder=Path())


def fit(anatomy: Anatomy, written: dict[str, Any] | None = None, *, names: Any = None) -> FittedSpace:
    """Fit what the user has written; `names` are those of them that the user has written, by default all."""
    written = written or {}
    given = written if names is None else names
    return fit_space(space(written), anatomy, written=given, model="tiny", source="s.yaml")


def refused(anatomy: Anatomy, written: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        fit(anatomy, written)
    assert caught.value.source == "s.yaml"
    return caught.value.key, caught.value.reason


def test_a_space_that_the_model_can_apply_stays_as_it_is() -> None:
    whole = space({"frozen_layers": [0, 0.3, "gradual"], "layerwise_lr_decay": 0.9})
    assert fit_space(whole, BERT, written=(), model="tiny", source="s") == FittedSpace(space=whole)


# ---- dropout


def test_a_dropout_of_the_preset_is_fixed_at_0_in_a_model_without_dropout() -> None:
    fitted = fit(RESNET)
    assert fitted.space.parameters["dropout"].extremes() == (0.0,)
    assert fitted.remarks == ("dropout is fixed at 0, as tiny has no dropout",)
    assert fitted.space.clip(RECIPE.defaults)["dropout"] == 0.0, "trial 0 follows"
    assert {corner.dropout for corner in fitted.space.corners()} == {0.0}
    others = {name: each for name, each in space({}).parameters.items() if name != "dropout"}
    assert {name: each for name, each in fitted.space.parameters.items() if name != "dropout"} == others


@pytest.mark.parametrize("written", [0.1, [0, 0.1], {"low": 0.0, "high": 0.3}, "recipe"])
def test_a_dropout_that_the_user_writes_is_refused_in_a_model_without_dropout(written: Any) -> None:
    assert refused(RESNET, {"dropout": written}) == (
        "search_space.dropout",
        "tiny has no dropout; write `dropout: 0` or leave it out",
    )


def test_a_dropout_of_0_is_no_dropout() -> None:
    assert fit(RESNET, {"dropout": 0}) == FittedSpace(space=space({"dropout": 0}))


# ---- frozen layers


@pytest.mark.parametrize(
    ("anatomy", "left", "remark"),
    [
        (
            ALBERT,
            (0.0, 1.0),
            "frozen_layers is 0 or 1 in each trial, as 0.25, 0.5 and 0.75 cannot be applied to tiny: its one layer "
            "runs 4 times with the same weights",
        ),
        (
            OPAQUE,
            (0.0,),
            "frozen_layers is 0 in each trial, as 0.25, 0.5, 0.75 and 1 cannot be applied to tiny: its base cannot be "
            "told from its head",
        ),
    ],
)
def test_shares_of_the_preset_are_narrowed_to_those_that_the_model_allows(
    anatomy: Anatomy, left: tuple[float, ...], remark: str
) -> None:
    fitted = fit(anatomy)
    assert fitted.space.parameters["frozen_layers"].extremes() == left
    assert fitted.remarks == (remark,)


@pytest.mark.parametrize(
    ("anatomy", "written", "begin", "end"),
    [
        (ALBERT, [0, 0.5, 1], "0.5 cannot be", "`frozen_layers: 0` and `1` work"),
        (ALBERT, "gradual", "gradual cannot be", "`frozen_layers: 0` and `1` work"),
        (ALBERT, {"low": 0.0, "high": 1.0}, "a value from 0 to 1 cannot be", "`frozen_layers: 0` and `1` work"),
        (OPAQUE, [0, 0.25, 1], "0.25 and 1 cannot be", "`frozen_layers: 0` works"),
        (OPAQUE, 1, "1 cannot be", "`frozen_layers: 0` works"),
    ],
)
def test_shares_that_the_user_writes_are_refused_and_those_that_work_are_named(
    anatomy: Anatomy, written: Any, begin: str, end: str
) -> None:
    key, reason = refused(anatomy, {"frozen_layers": written})
    assert key == "search_space.frozen_layers"
    assert reason.startswith(f"{begin} applied to tiny: its ")
    assert reason.endswith(f"; {end}")


@pytest.mark.parametrize(
    ("anatomy", "written"),
    [(ALBERT, [0, 1]), (ALBERT, 1), (ALBERT, {"type": "int", "low": 0, "high": 1}), (OPAQUE, 0)],
)
def test_shares_that_the_model_allows_are_taken(anatomy: Anatomy, written: Any) -> None:
    assert fit(anatomy, {"frozen_layers": written}) == FittedSpace(space=space({"frozen_layers": written}))


def test_a_preset_none_of_whose_shares_is_allowed_freezes_nothing() -> None:
    for share in (0.5, {"low": 0.3, "high": 0.7}):
        assert fit(ALBERT, {"frozen_layers": share}, names=()).space.parameters["frozen_layers"].extremes() == (0.0,)


# ---- rates by layer


def test_a_rate_by_layer_needs_layers() -> None:
    decay = {"low": 0.7, "high": 1.0, "when": {"frozen_layers": [0]}}
    assert refused(ALBERT, {"frozen_layers": 0, "layerwise_lr_decay": 0.9}) == (
        "search_space.layerwise_lr_decay",
        "cannot be applied to tiny: its one layer runs 4 times with the same weights; write `layerwise_lr_decay: 1` or "
        "leave it out",
    )
    assert not fit(ALBERT, {"frozen_layers": 0, "layerwise_lr_decay": 1}).remarks
    fitted = fit(ALBERT, {"frozen_layers": 0, "layerwise_lr_decay": decay}, names=())
    assert fitted.space.parameters["layerwise_lr_decay"].extremes() == (1.0,)
    assert fitted.space.conditions["layerwise_lr_decay"] == {"frozen_layers": (0.0,)}


# ---- conditions


def test_conditions_keep_the_choices_that_are_left() -> None:
    factor = {"low": 1.0, "high": 50.0, "when": {"frozen_layers": [0.5, 1]}}
    fitted = fit(ALBERT, {"head_learning_rate_factor": factor})
    assert fitted.space.conditions["head_learning_rate_factor"] == {"frozen_layers": (1.0,)}
    assert "warmup_ratio" in fitted.space.conditions
    assert len(fitted.remarks) == 1


def test_a_parameter_whose_condition_is_never_met_is_left_out_with_those_that_wait_for_it() -> None:
    written = {
        "head_learning_rate_factor": {"choices": [1, 50], "when": {"frozen_layers": [0.5]}},
        "warmup_ratio": {"low": 0.0, "high": 0.2, "when": {"head_learning_rate_factor": [50]}},
    }
    fitted = fit(ALBERT, written)
    assert not {"head_learning_rate_factor", "warmup_ratio"} & {*fitted.space.parameters, *fitted.space.conditions}
    assert fitted.remarks[1:] == (
        "head_learning_rate_factor is not searched: its condition on frozen_layers is never met with this model",
        "warmup_ratio is not searched: its condition on head_learning_rate_factor is never met with this model",
    )


def test_a_head_is_fitted_only_where_the_model_has_hidden_states_or_a_classifier() -> None:
    whole = replace(BERT, trunk=TrunkFacts(complaint=None))
    both = {"head_init": ["random", "fitted"]}
    assert fit(whole, both).space.parameters["head_init"] == Categorical(choices=("random", "fitted"))
    blind = replace(BERT, trunk=TrunkFacts(complaint="its layers return no hidden states"))
    classified = replace(blind, classifier="classifier")
    assert fit(classified, both).space.parameters["head_init"] == Categorical(choices=("random", "fitted"))
    why = "no head can be fitted on the frozen layers of tiny: its layers return no hidden states"
    assert refused(blind, both) == (
        "search_space.head_init",
        f"{why}; write `head_init: random` or leave it out",
    )
    assert fit(blind, {"head_init": "random"}).remarks == ()
    fitted = fit(blind, both, names=())
    assert fitted.space.parameters["head_init"] == Categorical(choices=("random",))
    assert fitted.remarks == (f"head_init is fixed at random, as {why}",)


# ---- language models


def test_a_language_model_is_left_something_to_train() -> None:
    model = replace(BERT, predicts_tokens=True)
    assert fit(model).space.parameters["frozen_layers"].extremes() == (0.0, 0.25, 0.5, 0.75)
    assert fit(model, {"frozen_layers": [0, 0.75, "gradual"]}).remarks == ()
    key, reason = refused(model, {"frozen_layers": [0.5, 0.9]})
    assert key == "search_space.frozen_layers"
    assert reason == (
        "0.9 leaves nothing of tiny to train, whose output layer is pretrained; give values that freeze fewer of its 4 "
        "layers"
    )


# ---- adapters

LINEAR = replace(BERT, depths={"layer": 1}, linear=("layer.attention.query", "layer.output.dense"))


def test_adapters_of_a_model_without_linear_layers_are_refused_or_left_out() -> None:
    why = "the layers of tiny have no linear layer that an adapter could be added to"
    asked = {"adapter": ["none", "lora"]}
    assert refused(BERT, asked) == ("search_space.adapter", f"{why}; write `adapter: none` or leave it out")
    fitted = fit(BERT, asked, names=())
    assert fitted.remarks[0] == f"adapter is fixed at none, as {why}"
    assert not [name for name in fitted.space.parameters if name.startswith("lora")]


def test_a_target_that_names_no_linear_layer_is_refused() -> None:
    assert fit(LINEAR, {"adapter": "lora", "lora_targets": ["attention", "query", "output.dense"]}).remarks == ()
    asked = {"adapter": "lora", "lora_targets": ["all-linear", "q_proj+v_proj"]}
    reason = "q_proj+v_proj names no linear layer of tiny; its layers have dense, query"
    assert refused(LINEAR, asked) == ("search_space.lora_targets", reason)
    assert fit(LINEAR, asked, names=()).space.parameters["lora_targets"].extremes() == ("all-linear",)


def test_without_peft_a_space_with_adapters_is_refused_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    adapted = space({"adapter": ["none", "lora"]})
    check_packages(adapted, "s.yaml")
    monkeypatch.setattr(space_checks, "find_spec", lambda name: None)
    check_packages(space({"adapter": "none"}), "s.yaml")
    with pytest.raises(ConfigError, match=r"adapter: `lora` needs the package peft; pip install 'shichimi\[llm\]'"):
        check_packages(adapted, "s.yaml")


def test_weights_in_four_bits_need_adapters_in_every_trial_and_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    check_four_bits(space({"adapter": "lora"}), "s.yaml")
    for other in ("none", ["none", "lora"]):
        with pytest.raises(
            ConfigError, match=r"load_in_4bit: weights in four bits cannot be trained; write `adapter: "
        ):
            check_four_bits(space({"adapter": other}), "s.yaml")
    monkeypatch.setattr(space_checks, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"load_in_4bit: needs the package bitsandbytes; pip install 'shichimi\["):
        check_four_bits(space({"adapter": "lora"}), "s.yaml")
