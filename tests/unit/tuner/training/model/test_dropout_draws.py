"""The dropouts that are seen are those that torch draws, and looking at a model changes nothing in it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from tuner.errors import ModelError
from tuner.training.model.dropout import module_dropouts, set_config_dropouts, set_dropouts
from tuner.training.model.dropout_draws import Draw, examine_dropouts, is_repeatable, record_draws

TEXT = {"vocab_size": 32, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
REFORMER = {"attn_layers": ["local", "lsh"], "attention_head_size": 4, "feed_forward_size": 8, "axial_pos_embds": False}
CHUNKS = {"num_buckets": 2, "num_hashes": 1, "lsh_attn_chunk_length": 4, "local_attn_chunk_length": 4}
BART = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
#: Architecture, its tiny configuration, and some of the places that it draws with.
ARCHITECTURES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "bert": (TEXT, {"bert.embeddings.dropout", "bert.encoder.layer.1.attention.self.dropout", "dropout"}),
    "gpt_neo": (
        {**TEXT, "num_layers": 2, "num_heads": 2, "attention_types": [[["global", "local"], 1]], "pad_token_id": 0},
        {"transformer.drop", "transformer.h.1.attn.attention.resid_dropout", "transformer.h.0.mlp.dropout"},
    ),
    "starcoder2": (
        {**TEXT, "num_key_value_heads": 1, "pad_token_id": 0},
        {":embedding_dropout", "layers.1.mlp:residual_dropout", "layers.0.self_attn:attention_dropout"},
    ),
    "bart": (
        {"vocab_size": 32, "d_model": 8, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8, **BART, "encoder_layerdrop": 1.0},
        {"model.encoder:dropout", "model.encoder.layers.0:activation_dropout", "classification_head.dropout"},
    ),
    "xlm": (
        {"vocab_size": 32, "emb_dim": 8, "n_layers": 2, "n_heads": 2},
        {"transformer:dropout", "transformer.attentions.0:dropout", "sequence_summary.first_dropout"},
    ),
    "falcon": (
        {**TEXT, "pad_token_id": 0, "parallel_attn": False, "alibi": True},
        {"transformer.h.0:config.hidden_dropout", "transformer.h.1.self_attention.attention_dropout"},
    ),
    "efficientnet": (
        {"image_size": 32, "width_coefficient": 0.1, "depth_coefficient": 0.1, "hidden_dim": 128},
        {"dropout"},
    ),
    "reformer": (
        {"vocab_size": 32, "hidden_size": 8, "num_attention_heads": 2, **REFORMER, **CHUNKS},
        {"encoder.layers.1.attention.self_attention:dropout", "classifier.dropout", "reformer.encoder:dropout"},
    ),
    "resnet": ({"embedding_size": 8, "hidden_sizes": [8, 8], "depths": [1, 1], "layer_type": "basic"}, set()),
}
IMAGES = ("efficientnet", "resnet")


class Drawn(TorchDispatchMode):
    """Counts the probabilities with which torch itself draws, whichever function asks for it."""

    def __init__(self) -> None:
        super().__init__()
        self.probabilities: Counter[float] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if "bernoulli" in str(func):
            self.probabilities[round(1 - args[1], 6)] += 1
        return func(*args, **(kwargs or {}))


def build(architecture: str, dropout: float) -> tuple[Any, dict[str, torch.Tensor]]:
    """Return a tiny model with a dropout, and two examples."""
    config = transformers.CONFIG_MAPPING[architecture](**ARCHITECTURES[architecture][0])
    set_config_dropouts(config, dropout)
    kind = "Image" if architecture in IMAGES else "Sequence"
    model: nn.Module = getattr(transformers, f"AutoModelFor{kind}Classification").from_config(config).eval()
    set_dropouts(model, dropout)
    if architecture in IMAGES:
        return model, {"pixel_values": torch.rand(2, 3, 32, 32)}
    return model, {"input_ids": torch.tensor([[5, 6, 7, 8, 9, 10, 11, 2]] * 2)}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_each_dropout_that_torch_draws_is_seen_and_has_the_probability_that_is_asked(architecture: str) -> None:
    model, inputs = build(architecture, 0.1)
    seen = examine_dropouts(model, inputs)
    assert {place for place in ARCHITECTURES[architecture][1] if not any(map(ending(place), seen.places))} == set()
    assert set(module_dropouts(model, seen.places).values()) <= {0.1}
    set_dropouts(model, 0.25)
    assert module_dropouts(model, seen.places) == dict.fromkeys(seen.places, 0.25)
    # Layers are not dropped while a model is looked at, but here they would be.
    set_layerdrop(model, 0.0)
    model.train()
    with torch.no_grad(), Drawn() as drawn:
        model(**inputs)
    assert drawn.probabilities == (Counter({0.25: len(seen.draws)}) if seen.draws else Counter())
    assert [draw.p for draw in record_draws(model, inputs).draws] == [0.25] * len(seen.draws)


def ending(place: str) -> Callable[[str], bool]:
    return lambda name: name.endswith(place)


def set_layerdrop(model: nn.Module, probability: float) -> None:
    for module in model.modules():
        if hasattr(module, "layerdrop"):
            module.layerdrop = probability  # type: ignore[assignment]


@pytest.mark.parametrize("architecture", ["bart", "efficientnet", "reformer"])
def test_looking_at_a_model_changes_nothing_in_it(architecture: str) -> None:
    model, inputs = build(architecture, 0.1)
    model.train()
    frozen = next(module for module in model.modules() if isinstance(module, nn.Dropout | nn.LayerNorm))
    frozen.training = False

    def state() -> Any:
        return (
            {name: buffer.tolist() for name, buffer in model.named_buffers()},
            [module.training for module in model.modules()],
            [sorted(vars(module)) for module in model.modules()],
            [vars(module).get("layerdrop") for module in model.modules()],
            {name: value for name, value in model.config.to_dict().items() if "drop" in name},
            [vars(module)["p"] for module in model.modules() if isinstance(module, nn.Dropout)],
            torch.get_rng_state().tolist(),
            random.getstate(),
            str(np.random.get_state()),
        )

    before = state()
    examine_dropouts(model, inputs)
    assert state() == before


def test_nothing_is_drawn_where_dropout_is_0() -> None:
    assert record_draws(*build("bert", 0.0)).draws == ()


# ---- small models


class Small(nn.Module):
    """Draws twice of itself, before and after a part that is called past its hooks, and once with a fixed dropout."""

    def __init__(self, fixed: float | None = None, function: Any = functional.dropout) -> None:
        super().__init__()
        self.dropout = 0.3
        self.part = nn.Dropout(0.2)
        self.attention = nn.MultiheadAttention(4, 2, dropout=0.4)
        self.fixed = fixed
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.function(x, p=self.dropout, training=self.training)
        x = self.part.forward(x)
        x = self.attention(x, x, x)[0]
        x = functional.dropout(x, self.dropout, self.training)
        return x if self.fixed is None else functional.dropout(x, self.fixed)


INPUTS = {"x": torch.ones(3, 2, 4)}


def test_draws_and_calls_lie_on_one_clock() -> None:
    recording = examine_dropouts(Small(), INPUTS)
    assert [(draw.module, draw.place) for draw in recording.draws] == [
        ("", ":dropout"),
        ("part", "part"),
        ("attention", "attention:dropout"),
        ("", ":dropout"),
    ]
    times = [draw.time for draw in recording.draws]
    calls = {call.module: call for call in recording.calls}
    assert times == sorted(times)
    assert calls["part"].began < times[1] < calls["part"].ended < calls["attention"].began < times[2]
    assert calls["attention"].ended < times[3] < calls[""].ended
    assert recording.places == (":dropout", "part", "attention:dropout")


@pytest.mark.parametrize("fixed", [0.3, 0.5])
def test_a_dropout_that_nothing_sets_is_refused_with_the_module_that_draws_it(fixed: float) -> None:
    model = nn.Sequential(Small(fixed))
    model[0].forward = lambda x: Small.forward(model[0], x)
    with pytest.raises(ModelError, match=rf"^model: dropout of 0 stays {fixed}: no setting of Sequential changes it"):
        examine_dropouts(model, {"input": INPUTS["x"]})
    assert "forward" in vars(model[0]), "the model's own forward is gone"


@pytest.mark.parametrize("function", [functional.alpha_dropout, functional.feature_alpha_dropout, functional.dropout1d])
def test_other_kinds_of_dropout_are_seen(function: Any) -> None:
    assert record_draws(Small(function=function), INPUTS).draws[0] == Draw(module="", p=0.3, time=2)


def test_functions_act_by_default_as_torch_has_it() -> None:
    class Defaults(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            functional.alpha_dropout(x)
            torch.alpha_dropout(x, 0.1, False)
            torch.dropout(x, p=0.1, train=False)
            functional.scaled_dot_product_attention(x, x, x)
            torch.dropout(x, 0.2, train=True)
            return functional.dropout(x)

    assert [draw.p for draw in record_draws(Defaults(), INPUTS).draws] == [0.2, 0.5]


@pytest.mark.parametrize(("name", "repeatable"), [("bert", True), ("reformer", False)])
def test_a_model_that_seeds_itself_cannot_be_repeated(name: str, repeatable: bool) -> None:
    model, inputs = build(name, 0.1)
    before = torch.get_rng_state()
    assert is_repeatable(model, inputs) == repeatable
    assert torch.equal(torch.get_rng_state(), before)
