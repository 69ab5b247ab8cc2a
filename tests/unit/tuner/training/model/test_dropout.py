"""Where dropouts are found, and that all of them are set."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from tuner.training.model.dropout import (
    CONFIG_NAMES,
    config_dropouts,
    dropout_overrides,
    module_dropouts,
    set_dropouts,
)


class Attention(nn.Module):
    """A module that hands its probability to a function, and has other attributes."""

    def __init__(self, probability: Any) -> None:
        super().__init__()
        self.dropout = probability
        self.attention_dropout = probability
        self.scale = 0.7
        self.inner = nn.Dropout(0.1)


class Model(nn.Module):
    """A model whose configuration names dropouts."""

    def __init__(self, probability: Any = 0.2) -> None:
        super().__init__()
        self.config = SimpleNamespace(hidden_dropout_prob=0.1, attention_dropout=0.0, layerdrop=0.3, hidden_size=8)
        self.attention = Attention(probability)
        self.last = nn.Dropout(0.4)
        self.dense = nn.Linear(1, 1)


def test_the_dropouts_of_a_configuration_are_those_that_it_has() -> None:
    assert config_dropouts(Model().config) == ["attention_dropout", "hidden_dropout_prob"]
    assert config_dropouts(SimpleNamespace(**dict.fromkeys(CONFIG_NAMES, 0.0))) == list(CONFIG_NAMES)


@pytest.mark.parametrize("probability", [0.0, 0.3])
def test_every_dropout_of_a_configuration_is_overridden(probability: float) -> None:
    expected = {"attention_dropout": probability, "hidden_dropout_prob": probability}
    assert dropout_overrides(Model().config, probability) == expected


def test_no_probability_overrides_nothing() -> None:
    assert dropout_overrides(Model().config, None) == {}


def test_dropouts_are_found_in_modules_and_in_attributes() -> None:
    assert module_dropouts(Model()) == {
        "attention:attention_dropout": 0.2,
        "attention:dropout": 0.2,
        "attention.inner": 0.1,
        "last": 0.4,
    }


@pytest.mark.parametrize("attribute", ["attention_dropout", "attn_dropout", "dropout", "dropout_prob"])
def test_a_probability_is_found_and_set_under_each_name_that_architectures_use(attribute: str) -> None:
    model = nn.Identity()
    setattr(model, attribute, 0.2)
    assert module_dropouts(model) == {f":{attribute}": 0.2}
    set_dropouts(model, 0.5)
    assert getattr(model, attribute) == 0.5


def test_modules_that_are_skipped_are_left_out_and_those_after_them_are_not() -> None:
    assert module_dropouts(Model(), skip=lambda name: name.startswith("attention")) == {"last": 0.4}


@pytest.mark.parametrize("no_probability", [True, "0.2", None])
def test_an_attribute_that_is_no_number_is_no_dropout(no_probability: Any) -> None:
    model = Model(no_probability)
    assert module_dropouts(model) == {"attention.inner": 0.1, "last": 0.4}
    set_dropouts(model, 0.5)
    assert model.attention.dropout == no_probability


@pytest.mark.parametrize("probability", [0, 0.2])
def test_every_dropout_is_set_in_modules_attributes_and_configuration(probability: float) -> None:
    model = Model(probability)
    set_dropouts(model, 0.5)
    assert set(module_dropouts(model).values()) == {0.5}
    assert len(module_dropouts(model)) == 4
    assert vars(model.config) == {
        "hidden_dropout_prob": 0.5,
        "attention_dropout": 0.5,
        "layerdrop": 0.3,
        "hidden_size": 8,
    }
    assert model.attention.scale == 0.7
    assert not hasattr(model.dense, "dropout")
