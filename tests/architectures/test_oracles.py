"""The oracles complain where something is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from architectures.catalogue import catalogue
from architectures.layers import layer_complaints
from architectures.padding import padding_complaints
from architectures.tiny_configurations import tiny
from architectures.training import dropout_complaints, frozen_complaints, group_complaints, mode_complaints
from architectures.watching import Draw, Group, Training, watch
from tuner.trial.anatomy import Anatomy, Padding

if TYPE_CHECKING:
    from torch import nn

_LAYERS = {f"bert.encoder.layer.{number}": number + 1 for number in range(4)}
#: The anatomy of the tiny BERT, written by hand.
BERT = Anatomy(
    layers=tuple((name,) for name in _LAYERS),
    depths={"": None, "bert.embeddings": 0, **_LAYERS},
    padding=Padding(token_id=0, side="right"),
)
#: That of T5, whose norm between encoder and decoder goes with the encoder's last layer.
T5 = Anatomy(
    layers=tuple(
        (f"transformer.{part}.block.{number}",)
        for part, count in (("encoder", 4), ("decoder", 2))
        for number in range(count)
    ),
    depths={
        "": None,
        "transformer.shared": 0,
        **{f"transformer.encoder.block.{number}": number + 1 for number in range(4)},
        "transformer.encoder.final_layer_norm": 4,
        **{f"transformer.decoder.block.{number}": number + 5 for number in range(2)},
    },
)
INPUTS = {"input_ids": torch.tensor([[6, 7, 8, 9, 1], [9, 8, 7, 6, 1]])}
ROWS = [[6, 7], [8, 9, 10, 11, 12]]


def build(name: str, **settings: Any) -> Any:
    torch.manual_seed(0)
    (architecture,) = (each for each in catalogue() if each.name == name)
    config = tiny(architecture.kind, architecture.config_class, **settings)
    return architecture.auto_model.from_config(config)


def moved(anatomy: Anatomy, name: str, depth: int | None) -> Anatomy:
    return replace(anatomy, depths={**anatomy.depths, name: depth})


@pytest.fixture
def bert() -> Any:
    return build("text/bert")


# ---- layers


def test_anatomies_written_by_hand_have_no_complaint(bert: nn.Module) -> None:
    assert [*layer_complaints(bert, BERT, INPUTS)] == []
    assert [*layer_complaints(build("text/t5"), T5, INPUTS)] == []


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        ("bert.pooler", 0),
        ("bert.embeddings.LayerNorm", None),
        ("bert.embeddings", 1),
        ("bert.encoder.layer.3", None),
        ("bert.encoder.layer.1.attention.self.query", 1),
        ("bert.encoder.layer.1", 3),
        ("classifier", 4),
    ],
)
def test_a_part_at_another_depth_is_found(name: str, depth: int | None, bert: nn.Module) -> None:
    found = [*layer_complaints(bert, moved(BERT, name, depth), INPUTS)]
    assert found
    assert all(complaint.startswith(name) for complaint in found)


@pytest.mark.parametrize(("name", "depth"), [("encoder.final_layer_norm", 0), ("decoder.final_layer_norm", 6)])
def test_a_norm_above_the_layers_is_not_below_them(name: str, depth: int) -> None:
    found = [*layer_complaints(build("text/t5"), moved(T5, f"transformer.{name}", depth), INPUTS)]
    assert len(found) == 1
    assert found[0].startswith(f"transformer.{name}.weight has depth {depth}")


def test_layers_in_another_order_or_taken_from_another_list_are_found(bert: nn.Module) -> None:
    turned = replace(BERT, layers=BERT.layers[::-1])
    assert "layer 2 is not computed from layer 1" in [*layer_complaints(bert, turned, INPUTS)]
    parts = replace(BERT, layers=tuple((f"{name}.attention",) for name in _LAYERS))
    assert [*layer_complaints(bert, parts, INPUTS)]
    twice = replace(BERT, layers=(*BERT.layers, BERT.layers[-1]))
    assert [*layer_complaints(bert, twice, INPUTS)] == ["bert.encoder.layer.3 is 2 layers and runs 1 times"]


# ---- padding


def test_padding_that_is_mixed_into_texts_is_found() -> None:
    (hidden,) = padding_complaints(build("text/fnet"), BERT, ROWS)
    assert hidden.startswith("padding on the right changes logits by ")
    assert [*padding_complaints(build("text/fnet"), replace(BERT, padding_difference=0.3), ROWS)] == []
    (invented,) = padding_complaints(build("text/bert"), replace(BERT, padding_difference=0.3), ROWS)
    assert invented == "the anatomy says that padding changes logits by 0.3, and it does not"


@pytest.mark.parametrize("token_id", [0, 7])
def test_a_padding_id_that_the_model_was_not_told_is_found(token_id: int) -> None:
    model = build("text/gpt2")
    model.config.pad_token_id = 0
    anatomy = replace(BERT, padding=Padding(token_id=token_id, side="right"))
    assert len([*padding_complaints(model, anatomy, ROWS)]) == (token_id != 0)


# ---- training


def trained(model: nn.Module) -> Training:
    """Return a training of one step, by hand."""
    optimizer = torch.optim.AdamW([{"params": [*model.parameters()], "name": "all"}], lr=0.01, weight_decay=0.1)
    model.train()
    with watch() as training:
        model(**INPUTS, labels=torch.tensor([0, 1])).loss.backward()
        optimizer.step()
    return training


def test_a_layer_that_is_trained_although_it_is_frozen_is_found(bert: nn.Module) -> None:
    training = trained(bert)
    assert [*frozen_complaints(training, BERT, 0)] == []
    found = [*frozen_complaints(training, BERT, 1)]
    assert "bert.encoder.layer.0.output.dense.weight is frozen and changed" in found
    assert not any(".layer.1." in complaint for complaint in found)
    training.before["classifier.weight"] = training.after["classifier.weight"]
    assert [*frozen_complaints(training, BERT, 0)] == ["classifier.weight had a gradient and did not change"]


def test_statistics_of_a_frozen_batch_norm_that_move_are_found() -> None:
    model = build("image/resnet")
    with watch() as training:
        model.train()
        model(pixel_values=torch.rand(2, 3, 64, 64))
    anatomy = Anatomy(layers=(("resnet.encoder.stages.0",),), depths={"": None, "resnet.embedder": 0})
    found = [*frozen_complaints(training, anatomy, 1)]
    assert "resnet.embedder.embedder.normalization.running_mean is frozen and changed" in found


def test_decay_of_biases_and_norms_and_groups_with_gaps_are_found(bert: nn.Module) -> None:
    training = trained(bert)
    found = {*group_complaints(training, BERT, 0)}
    assert {"classifier.bias decays", "bert.embeddings.LayerNorm.weight decays"} <= found
    assert "classifier.weight decays" not in found
    names = frozenset(name for name, _ in bert.named_parameters()) - {"classifier.weight"}
    training.groups = [Group(name="one", parameters=names, rate=0.1, decay=0.0)]
    found = {*group_complaints(training, BERT, 1)}
    assert "classifier.weight is not frozen, and no group has it" in found
    assert "bert.embeddings.LayerNorm.weight is frozen, and a group has it" in found
    assert "bert.encoder.layer.1.output.dense.weight does not decay" in found


def test_dropouts_of_frozen_parts_and_of_another_probability_are_found(bert: nn.Module) -> None:
    draws = trained(bert).draws
    assert {draw.p for draw in draws} == {0.1}
    assert {draw.module for draw in draws} >= {"dropout", "bert.embeddings.dropout"}
    assert [*dropout_complaints(draws, BERT, 0, 0.1)] == []
    assert "dropout drops out 0.1 where 0.3 was asked for" in [*dropout_complaints(draws, BERT, 0, 0.3)]
    assert "bert.embeddings.dropout is frozen and drops out 0.1" in [*dropout_complaints(draws, BERT, 1, 0.1)]


def test_dropout_inside_an_attention_is_heard(bert: nn.Module) -> None:
    assert Draw("bert.encoder.layer.0.attention.self", 0.1) in trained(bert).draws


def test_a_frozen_layer_in_training_mode_is_found(bert: nn.Module) -> None:
    bert.train()
    assert [*mode_complaints(bert, BERT, 2, INPUTS)] == ["layer 2 gives another output in training than in evaluation"]
    bert.train()
    for name, module in bert.named_modules():
        if BERT.is_frozen(name, 2):
            module.training = False
    assert [*mode_complaints(bert, BERT, 2, INPUTS)] == []
