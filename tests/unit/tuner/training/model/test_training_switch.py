"""Modules that drop out below and above the last frozen layer drop out above it only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import transformers
from torch import nn

from tuner.training.model.dropout import set_dropouts
from tuner.training.model.dropout_draws import examine_dropouts
from tuner.training.model.freezing import Freezing
from tuner.training.model.layers import examine_layers
from tuner.training.model.straddling import find_straddling
from tuner.trial.anatomy import Anatomy

TEXTS = {
    "input_ids": torch.tensor([[5, 6, 7, 8, 9, 3], [5, 6, 3, 0, 0, 0]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]]),
}
CONFIGS = {
    "t5": transformers.T5Config(
        d_model=8, d_kv=4, d_ff=8, num_heads=2, vocab_size=12, num_layers=2, decoder_start_token_id=0, eos_token_id=3
    ),
    "bart": transformers.BartConfig(
        d_model=8,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=8,
        decoder_ffn_dim=8,
        vocab_size=12,
        max_position_embeddings=16,
        eos_token_id=3,
        pad_token_id=0,
        bos_token_id=1,
        decoder_start_token_id=3,
        forced_eos_token_id=None,
    ),
    "albert": transformers.AlbertConfig(
        hidden_size=8, embedding_size=8, num_attention_heads=2, num_hidden_layers=3, intermediate_size=8, vocab_size=12
    ),
}
STRADDLING = {
    "t5": ("transformer.decoder.dropout", "transformer.encoder.dropout"),
    "bart": ("model.decoder", "model.encoder"),
    "albert": (),
}


def examined(name: str) -> tuple[nn.Module, Anatomy]:
    torch.manual_seed(0)
    model = transformers.AutoModelForSequenceClassification.from_config(CONFIGS[name])
    set_dropouts(model, 0.5)
    anatomy = examine_layers(model, TEXTS)
    recording = examine_dropouts(model, TEXTS)
    return model, replace(anatomy, straddling=find_straddling(model, anatomy, recording))


def outputs(model: nn.Module, anatomy: Anatomy, depth: int) -> torch.Tensor:
    """Return the output of a layer in the model's present mode."""
    found: list[Any] = []
    last = model.get_submodule(anatomy.layers[depth - 1][-1])
    handle = last.register_forward_hook(lambda module, inputs, made: found.append(made))
    with torch.no_grad():
        model(**TEXTS)
    handle.remove()
    made = found[-1]
    return made[0] if isinstance(made, tuple) else made


@pytest.mark.parametrize("name", CONFIGS)
def test_frozen_layers_compute_in_training_what_they_compute_in_evaluation(name: str) -> None:
    model, anatomy = examined(name)
    assert anatomy.straddling == STRADDLING[name]
    depths = range(1, anatomy.count + 1) if name != "albert" else (anatomy.count,)
    freezing = Freezing(model, anatomy, dict(enumerate(depths)))
    for step, frozen in enumerate(depths):
        model.eval()
        expected = outputs(model, anatomy, frozen)
        freezing.begin_optimiser_step(step)
        freezing.set_training_mode()
        assert torch.equal(outputs(model, anatomy, frozen), expected), frozen
        logits = [model(**TEXTS).logits for _ in range(2)]
        assert not torch.equal(*logits), "the head drops out"


def test_without_frozen_layers_everything_drops_out() -> None:
    model, anatomy = examined("t5")
    model.eval()
    expected = outputs(model, anatomy, 1)
    Freezing(model, anatomy, {0: 0}).begin_optimiser_step(0)
    assert not torch.equal(outputs(model, anatomy, 1), expected)


def test_a_forward_pass_that_fails_leaves_no_trace() -> None:
    model, anatomy = examined("bart")
    freezing = Freezing(model, anatomy, {0: 1})
    freezing.begin_optimiser_step(0)
    layer: Any = model.get_submodule(anatomy.layers[0][0])
    attention = layer.self_attn
    layer.self_attn = None
    with pytest.raises(TypeError):
        model(**TEXTS)
    layer.self_attn = attention
    model(**TEXTS)
    assert all(model.get_submodule(name).training for name in anatomy.straddling)
    assert "forward" not in vars(layer)


def test_an_evaluation_stays_one() -> None:
    model, anatomy = examined("bart")
    Freezing(model, anatomy, {0: 1}).begin_optimiser_step(0)
    model.eval()
    assert torch.equal(model(**TEXTS).logits, model(**TEXTS).logits)
    assert not any(module.training for module in model.modules())
