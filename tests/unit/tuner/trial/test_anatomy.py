from __future__ import annotations

import json

import pytest

from tuner.trial.anatomy import Anatomy, Freezable, Padding, TrunkFacts

BERT = Anatomy(
    layers=(("bert.layer.0",), ("bert.layer.1",)),
    depths={"bert.embeddings": 0, "bert.relative.weight": 0, "bert.layer.0": 1, "bert.layer.1": 2},
)
PARAMETERS = (
    "bert.embeddings.word.weight",
    "bert.embeddings.norm.bias",
    "bert.relative.weight",
    "bert.layer.0.dense.weight",
    "bert.layer.1.dense.weight",
    "bert.pooler.dense.weight",
    "bert.pooler.dense.bias",
    "bert.scale",
    "classifier.weight",
)


def test_modules_below_the_layers_and_of_the_head_are_named_by_the_outermost_ones() -> None:
    assert BERT.below(PARAMETERS) == ["bert.embeddings", "bert.relative"]
    assert BERT.head(PARAMETERS) == ["bert.pooler", "bert.scale", "classifier"]


def test_frozen_layers_are_named_from_the_input_up_and_a_repeated_layer_once() -> None:
    assert BERT.layer_names(0) == []
    assert BERT.layer_names(1) == ["bert.layer.0"]
    assert Anatomy(layers=(("attention.0", "dense.0"), ("attention.1", "dense.1"))).layer_names(2) == [
        "attention.0",
        "dense.0",
        "attention.1",
        "dense.1",
    ]
    assert Anatomy(layers=(("layer",),) * 12).layer_names(12) == ["layer"]


def test_a_name_has_the_depth_of_the_longest_known_one_that_contains_it() -> None:
    anatomy = Anatomy(layers=BERT.layers, depths={**BERT.depths, "": 0, "bert.layer.1.adapter": None})
    assert [anatomy.depth(f"bert.layer.1{rest}") for rest in ("", ".dense", ".adapter", ".adapter.up", "0")] == [
        2,
        2,
        None,
        None,
        0,
    ]
    assert anatomy.depth("") == anatomy.depth("classifier") == 0
    assert BERT.depth("") is BERT.depth("classifier") is None


def test_everything_below_a_frozen_layer_is_frozen_with_it() -> None:
    assert [BERT.is_frozen(name, 1) for name in ("bert.embeddings", "bert.layer.0", "bert.layer.1", "classifier")] == [
        True,
        True,
        False,
        False,
    ]
    assert not BERT.is_frozen("bert.embeddings", 0)


@pytest.mark.parametrize(
    ("freezable", "allowed"),
    [
        (Freezable.LAYERS, [True, True, True, True]),
        (Freezable.WHOLE, [True, False, True, False]),
        (Freezable.NOTHING, [True, False, False, False]),
    ],
)
def test_shares_are_allowed_as_layers_can_be_frozen(freezable: Freezable, allowed: list[bool]) -> None:
    anatomy = Anatomy(layers=BERT.layers, freezable=freezable)
    assert [anatomy.allows(share) for share in (0.0, 0.5, 1.0, "gradual")] == allowed


def test_an_anatomy_is_built_again_from_its_json() -> None:
    whole = Anatomy(
        layers=(("a", "b"), ("a", "b")),
        freezable=Freezable.WHOLE,
        reason="it is one layer",
        depths={"": None, "a": 1},
        straddling=("c",),
        dropouts=("d",),
        padding=Padding(token_id=3, side="left", embeddings=8, token="[PAD]"),
        padding_difference=1e-3,
        trunk=TrunkFacts(complaint=None, reads_first=True, hidden=4),
    )
    for anatomy in (whole, BERT):
        assert Anatomy.from_dict(json.loads(json.dumps(anatomy.to_dict()))) == anatomy
