from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from search_spaces import NAMES, SEVEN, Categorical, Float, Hyperparameters, Int, InvalidParameter
from search_spaces.hyperparameters import OF_LORA, check_name, check_parameter

VALUES: dict[str, Any] = {
    "learning_rate": 3e-5,
    "batch_size": 16,
    "num_train_epochs": 3,
    "dropout": 0.1,
    "weight_decay": 0,
    "lr_scheduler_type": "linear",
    "frozen_layers": 0.5,
}


def test_the_seven_come_first_and_in_the_order_of_the_documentation() -> None:
    assert NAMES[:7] == SEVEN
    others = {"warmup_ratio", "head_learning_rate_factor", "layerwise_lr_decay", "head_init", "adapter", *OF_LORA}
    assert set(NAMES) - set(SEVEN) == others


def test_what_is_built_from_values_has_them_and_the_defaults_of_the_rest() -> None:
    built = Hyperparameters.from_values(VALUES)
    assert built.to_dict() == VALUES | {
        "warmup_ratio": 0.0,
        "head_learning_rate_factor": 1.0,
        "layerwise_lr_decay": 1.0,
    }
    assert replace(built, head_init="fitted").to_dict() == built.to_dict() | {"head_init": "fitted"}
    assert isinstance(built.num_train_epochs, float)
    assert isinstance(built.weight_decay, float)


def test_values_of_adapters_are_named_where_there_are_adapters() -> None:
    built = Hyperparameters.from_values(
        {**VALUES, "adapter": "lora", "lora_rank": 8.0, "lora_targets": "q_proj+v_proj"}
    )
    assert {"adapter", *OF_LORA} - built.to_dict().keys() == {"lora_alpha"}
    assert isinstance(built.lora_rank, int)
    assert (built.lora_scaling, replace(built, lora_alpha=4.0).lora_scaling) == (2.0, 0.5)
    assert not {"adapter", *OF_LORA} & replace(built, adapter="none").to_dict().keys()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("adapter", "dora", "must be 'none' or 'lora'"),
        ("lora_rank", 2.5, "must be a whole number, at least 1"),
        ("lora_alpha", 0, "must be a number above 0"),
        ("lora_dropout", 1, "must be a probability from 0 to below 1"),
        ("lora_targets", "q_proj,v_proj", "must be 'all-linear', 'attention', or names of linear layers joined by \\+"),
    ],
)
def test_a_value_of_adapters_is_refused_by_name(name: str, value: Any, reason: str) -> None:
    with pytest.raises(InvalidParameter, match=f"{name} is .*: {reason}"):
        Hyperparameters.from_values({**VALUES, "adapter": "lora", name: value})


def test_values_that_were_written_out_build_the_same_again() -> None:
    built = Hyperparameters.from_values(VALUES)
    assert Hyperparameters.from_values(built.to_dict()) == built
    without_dropout = replace(built, dropout=None)
    assert Hyperparameters.from_values(without_dropout.to_dict()) == without_dropout


def test_a_batch_size_that_optuna_hands_out_as_a_float_is_a_whole_number() -> None:
    built = Hyperparameters.from_values(VALUES | {"batch_size": 16.0})
    assert built.batch_size == 16
    assert isinstance(built.batch_size, int)


def test_frozen_layers_may_be_gradual() -> None:
    assert Hyperparameters.from_values(VALUES | {"frozen_layers": "gradual"}).frozen_layers == "gradual"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("learning_rate", 0, "learning_rate is 0.0: must be a number above 0"),
        ("learning_rate", -1e-5, "must be a number above 0"),
        ("learning_rate", math.nan, "must be a number above 0"),
        ("learning_rate", "fast", "learning_rate is 'fast': must be a number above 0"),
        ("learning_rate", None, "learning_rate is None: must be a number above 0"),
        ("learning_rate", True, "learning_rate is True: must be a number above 0"),
        ("batch_size", 0, "must be a whole number of examples, at least 1"),
        ("batch_size", 16.5, "must be a whole number of examples, at least 1"),
        ("batch_size", "16", "must be a whole number of examples, at least 1"),
        ("batch_size", math.inf, "must be a whole number of examples, at least 1"),
        ("num_train_epochs", 0, "must be a number above 0"),
        ("dropout", 1.0, "must be a probability from 0 to below 1"),
        ("dropout", -0.1, "must be a probability from 0 to below 1"),
        ("weight_decay", 1.1, "must be a number from 0 to 1"),
        ("lr_scheduler_type", 3, "must be the name of a transformers schedule"),
        ("frozen_layers", 1.5, "must be a share from 0 to 1, or 'gradual'"),
        ("frozen_layers", "all", "must be a share from 0 to 1, or 'gradual'"),
        ("warmup_ratio", -0.1, "must be a number from 0 to 1"),
        ("head_learning_rate_factor", 0, "must be a number above 0"),
        ("layerwise_lr_decay", 1.01, "must be a number from 0 to 1"),
    ],
)
def test_a_value_that_its_name_cannot_mean_is_refused(name: str, value: Any, reason: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        Hyperparameters.from_values(VALUES | {name: value})
    assert reason in str(caught.value)
    assert str(caught.value).startswith(f"{name} is ")


@pytest.mark.parametrize("name", SEVEN)
def test_a_missing_one_of_the_seven_is_named(name: str) -> None:
    values = {key: value for key, value in VALUES.items() if key != name}
    with pytest.raises(InvalidParameter, match=f"^{name}: no value$"):
        Hyperparameters.from_values(values)


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("learning_rat", "learning_rate"),
        ("lr_schedule_type", "lr_scheduler_type"),
        ("batchsize", "batch_size"),
        ("warmup_ration", "warmup_ratio"),
        ("drop_out", "dropout"),
    ],
)
def test_a_misspelt_name_is_told_which_one_may_be_meant(misspelt: str, meant: str) -> None:
    with pytest.raises(InvalidParameter, match=f"'{misspelt}' is no hyperparameter; did you mean '{meant}'"):
        check_name(misspelt)
    with pytest.raises(InvalidParameter, match=f"did you mean '{meant}'"):
        Hyperparameters.from_values(VALUES | {misspelt: 1})


def test_a_name_that_is_like_none_is_told_all_of_them() -> None:
    with pytest.raises(InvalidParameter) as caught:
        check_name("zzz")
    assert "did you mean" not in str(caught.value)
    assert all(name in str(caught.value) for name in NAMES)


def test_seed_is_refused_with_the_reason() -> None:
    with pytest.raises(InvalidParameter, match="seed is never searched: it picks lucky runs"):
        check_name("seed")


@pytest.mark.parametrize(
    ("name", "parameter", "reason"),
    [
        ("dropout", Float(low=0, high=1), "1.0 must be a probability"),
        ("dropout", Categorical(choices=(0.1, "much")), "'much' must be a probability"),
        ("learning_rate", Float(low=0, high=1e-3), "0.0 must be a number above 0"),
        ("lr_scheduler_type", Float(low=0, high=1), "0.0 must be the name of a transformers schedule"),
        ("lr_scheduler_type", Categorical(choices=("linear", 1)), "1 must be the name of a transformers schedule"),
        ("frozen_layers", Categorical(choices=(0, 2)), "2 must be a share"),
        ("batch_size", Int(low=0, high=8), "0 must be a whole number"),
        ("batch_size", Float(low=8, high=64), "is a count; give whole ends, or a list of choices"),
    ],
)
def test_a_parameter_that_could_draw_what_its_name_cannot_mean_is_refused(
    name: str, parameter: Any, reason: str
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        check_parameter(name, parameter)
    assert reason in str(caught.value)


def test_hyperparameters_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Hyperparameters.from_values(VALUES).dropout = 0.5  # type: ignore[misc]
