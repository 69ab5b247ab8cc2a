"""Where dropouts are found, and that all of them are set."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from torch import nn

from tuner.training.model.dropout import (
    config_dropouts,
    layerdrop_places,
    module_dropouts,
    places,
    set_config_dropouts,
    set_dropouts,
)

DROPOUTS = (
    "activation_dropout", "aspp_dropout_prob", "attention_drop_rate", "attention_dropout",
    "attention_probs_dropout_prob", "attn_dropout", "attn_dropout_p", "attn_pdrop", "classifier_dropout",
    "classifier_dropout_prob", "classifier_dropout_rate", "cls_dropout", "drop", "drop_conv_encoder_rate",
    "drop_mlp_rate", "drop_rate", "dropout", "dropout_prob", "dropout_rate", "emb_pdrop", "embd_pdrop", "embed_dropout",
    "embedding_dropout", "ffn_dropout", "hidden_dropout", "hidden_dropout_prob", "local_attention_probs_dropout_prob",
    "lsh_attention_probs_dropout_prob", "mlp_dropout", "pooler_dropout", "qa_dropout", "resid_dropout", "resid_pdrop",
    "residual_dropout", "seq_classif_dropout", "summary_first_dropout", "summary_last_dropout",
)  # fmt: skip
LAYERDROPS = ("decoder_layerdrop", "encoder_layerdrop", "layer_drop", "layerdrop")
OTHERS = ("drop_connect_rate", "drop_path_rate", "fusion_droppath", "path_dropout", "token_dropout", "hidden_size")


class Attention(nn.Module):
    """A module that hands its probability to a function, and has other attributes."""

    def __init__(self, probability: Any) -> None:
        super().__init__()
        self.dropout = probability
        self.attention_dropout = probability
        self.scale = 0.7
        self.inner = nn.Dropout(0.1)


class BeitDropPath(nn.Module):
    """A module that drops the path of a whole example."""

    drop_prob: float
    drop_rate: float

    def __init__(self) -> None:
        super().__init__()
        self.drop_prob = self.drop_rate = 0.3


class LevitResidualLayer(BeitDropPath):
    """Another such module, with a name that does not show it."""


class Model(nn.Module):
    """A model whose configuration names dropouts."""

    def __init__(self, probability: Any = 0.2) -> None:
        super().__init__()
        part = SimpleNamespace(model_type="part", dropout=0.0, drop_path_rate=0.3)
        self.config = SimpleNamespace(hidden_dropout_prob=0.1, classifier_dropout=None, layerdrop=0.3, part_config=part)
        self.attention = Attention(probability)
        self.last = nn.Dropout2d(0.4)
        self.dense = nn.Linear(1, 1)


def names(model: nn.Module) -> list[str]:
    return [place.name for place in places(model)]


CONFIG = [":config.hidden_dropout_prob", ":config.classifier_dropout", ":config.part_config.dropout"]


# ---- names


@pytest.mark.parametrize("holder", [SimpleNamespace, nn.Identity])
def test_a_probability_is_a_dropout_by_its_name_in_configurations_and_in_modules(holder: Any) -> None:
    model = nn.Identity()
    values: dict[str, Any] = dict.fromkeys((*DROPOUTS, *LAYERDROPS, *OTHERS), 0.1)
    model.config = SimpleNamespace(**values) if holder is SimpleNamespace else None  # type: ignore[assignment]
    if holder is not SimpleNamespace:
        vars(model).update(values)
    prefix = ":config." if holder is SimpleNamespace else ":"
    assert sorted(names(model)) == [prefix + name for name in sorted(DROPOUTS)]
    assert sorted(place.name for place in layerdrop_places(model)) == [prefix + name for name in LAYERDROPS]


@pytest.mark.parametrize("no_probability", [True, "0.2", 2, -0.1, [], [True], {"dropout": 0.1}])
def test_a_value_that_is_no_probability_is_no_dropout(no_probability: Any) -> None:
    assert config_dropouts(SimpleNamespace(dropout=no_probability)) == []
    assert names(Model(no_probability)) == ["attention.inner", "last", *CONFIG]


def test_a_module_without_a_probability_has_no_place_but_a_configuration_that_leaves_one_open_has() -> None:
    assert names(Model(None)) == ["attention.inner", "last", *CONFIG]


@pytest.mark.parametrize("kind", [BeitDropPath, LevitResidualLayer])
def test_a_module_that_drops_paths_keeps_its_probability(kind: type[BeitDropPath]) -> None:
    module = kind()
    set_dropouts(module, 0.1)
    assert names(module) == []
    assert module.drop_prob == module.drop_rate == 0.3


# ---- configurations


def test_the_dropouts_of_a_configuration_are_those_of_its_parts_too() -> None:
    assert config_dropouts(Model().config) == ["classifier_dropout", "hidden_dropout_prob", "part_config.dropout"]


def test_every_dropout_of_a_configuration_is_set() -> None:
    config = Model().config
    set_config_dropouts(config, 0.5)
    assert vars(config.part_config) == {"model_type": "part", "dropout": 0.5, "drop_path_rate": 0.3}
    del config.part_config
    assert vars(config) == {"hidden_dropout_prob": 0.5, "classifier_dropout": 0.5, "layerdrop": 0.3}


@pytest.mark.parametrize(("before", "after"), [((0.0, 0.1), (0.5, 0.5)), ([0.0, 0.1], [0.5, 0.5])])
def test_a_dropout_of_each_stage_keeps_its_kind_and_length(before: Any, after: Any) -> None:
    config = SimpleNamespace(drop_rate=before)
    set_config_dropouts(config, 0.5)
    assert config.drop_rate == after


def test_the_modules_are_set_where_the_configuration_declares_an_integer() -> None:
    config = transformers.MptConfig(d_model=8, n_heads=2, n_layers=1, vocab_size=8)
    with torch.device("meta"):
        model = transformers.MptForSequenceClassification(config)
    set_dropouts(model, 0.5)
    assert config.attn_config.attn_pdrop == 0
    assert model.transformer.blocks[0].attn.attn_dropout_p == 0.5


# ---- built models


def test_dropouts_are_found_in_modules_attributes_and_configurations() -> None:
    assert names(Model()) == ["attention.inner", "last", *CONFIG, "attention:dropout", "attention:attention_dropout"]


def test_a_configuration_that_modules_share_is_one_place() -> None:
    model = Model()
    model.attention.config = model.config  # type: ignore[assignment]
    assert [name for name in names(model) if "config" in name] == CONFIG


@pytest.mark.parametrize("probability", [0, 0.2])
def test_every_dropout_is_set_and_nothing_else(probability: float) -> None:
    model = Model(probability)
    set_dropouts(model, 0.5)
    assert {place.value for place in places(model)} == {0.5}
    assert model.config.layerdrop == 0.3
    assert model.attention.scale == 0.7
    assert not hasattr(model.dense, "dropout")


def test_the_probabilities_of_a_built_model_are_read_by_place() -> None:
    named = ["attention.inner", "attention:dropout", "last", ":config.part_config.dropout"]
    assert module_dropouts(Model(), named) == dict(zip(named, (0.1, 0.2, 0.4, 0.0), strict=True))


def test_places_of_modules_that_are_skipped_are_left_out() -> None:
    assert module_dropouts(Model(), names(Model())[:2], skip=lambda name: name.startswith("attention")) == {"last": 0.4}


def test_a_place_that_a_model_was_built_without_is_left_out() -> None:
    model = Model()
    model.last = nn.Identity()  # type: ignore[assignment]
    assert module_dropouts(model, ["last", "attention.inner", "gone:dropout"]) == {"attention.inner": 0.1}
