"""Which group a parameter is in, and at which rate and decay the group learns."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from search_spaces import Hyperparameters
from tuner.training.optimisation.parameter_groups import parameter_groups
from tuner.trial.anatomy import Anatomy


def hyperparameters(**values: Any) -> Hyperparameters:
    return Hyperparameters(
        **{
            "learning_rate": 0.5,
            "batch_size": 8,
            "num_train_epochs": 1.0,
            "dropout": None,
            "weight_decay": 0.25,
            "lr_scheduler_type": "linear",
            "frozen_layers": 0.0,
            **values,
        }
    )


class Encoder(nn.Module):
    """Embeddings, two layers and what lies above them."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(3, 2)
        self.layer = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
        self.pooler = nn.Linear(2, 2, bias=False)


class Model(nn.Module):
    """An encoder and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.bert = Encoder()
        self.classifier = nn.Linear(2, 2)


ANATOMY = Anatomy(
    layers=(("bert.layer.0",), ("bert.layer.1",)),
    depths={"": None, "bert.embeddings": 0, "bert.layer.0": 1, "bert.layer.1": 2},
)


def groups(frozen_layers: int = 0, **values: Any) -> dict[str, tuple[set[str], float, float]]:
    """Return the names of the parameters, rate and decay of each group."""
    model = Model()
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = parameter_groups(model, ANATOMY, hyperparameters(**values), frozen_layers=frozen_layers)
    return {
        group["name"]: ({names[id(each)] for each in group["params"]}, group["lr"], group["weight_decay"])
        for group in found
    }


HEAD = {
    "head/decay": ({"bert.pooler.weight", "classifier.weight"}, 0.5, 0.25),
    "head/no_decay": ({"classifier.bias"}, 0.5, 0.0),
}


def test_vectors_never_decay_and_one_rate_holds_for_the_whole_model() -> None:
    weights = {"bert.embeddings.weight", "bert.layer.0.weight", "bert.layer.1.weight"}
    assert groups() == {
        "encoder/decay": (weights, 0.5, 0.25),
        "encoder/no_decay": ({"bert.layer.0.bias", "bert.layer.1.bias"}, 0.5, 0.0),
        **HEAD,
    }


def test_a_layer_further_down_learns_at_a_share_of_the_rate_above_it() -> None:
    found = groups(layerwise_lr_decay=0.5)
    assert found == {
        "layer-0/decay": ({"bert.embeddings.weight"}, 0.125, 0.25),
        "layer-1/decay": ({"bert.layer.0.weight"}, 0.25, 0.25),
        "layer-1/no_decay": ({"bert.layer.0.bias"}, 0.25, 0.0),
        "layer-2/decay": ({"bert.layer.1.weight"}, 0.5, 0.25),
        "layer-2/no_decay": ({"bert.layer.1.bias"}, 0.5, 0.0),
        **HEAD,
    }


def test_layers_that_are_never_trained_are_left_out_with_the_embeddings_below_them() -> None:
    assert groups(1)["encoder/decay"][0] == {"bert.layer.1.weight"}
    assert set(groups(2)) == {"head/decay", "head/no_decay"}


@pytest.mark.parametrize(("frozen_layers", "rate"), [(0, 0.5), (1, 2.0), (2, 8.0)])
def test_the_heads_factor_grows_with_the_frozen_share(frozen_layers: int, rate: float) -> None:
    found = groups(frozen_layers, head_learning_rate_factor=16.0)
    assert found["head/decay"][1] == found["head/no_decay"][1] == rate
    assert all(group[1] == 0.5 for name, group in found.items() if name.startswith("encoder"))
