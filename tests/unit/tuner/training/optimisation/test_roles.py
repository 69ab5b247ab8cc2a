"""Which parameters decay, told by their roles."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers
from torch import nn

from tuner.training.optimisation.roles import decaying

TEXT = {"vocab_size": 32, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}


def build(architecture: str, **sizes: Any) -> nn.Module:
    config = transformers.CONFIG_MAPPING[architecture](**sizes)
    kind = "Image" if "image_size" in sizes else "Sequence"
    with torch.device("meta"):
        model: nn.Module = getattr(transformers, f"AutoModelFor{kind}Classification").from_config(config)
    return model


def spared(model: nn.Module) -> set[str]:
    """Return the own names, with those of their modules, of parameters with more dimensions that do not decay."""
    shaped = {name for name, parameter in model.named_parameters() if parameter.ndim > 1}
    assert decaying(model) <= shaped
    return {".".join(name.split(".")[-2:]) for name in shaped - decaying(model)}


CONVOLUTIONS = {"hidden_sizes": [8, 8], "depths": [1, 1], "num_stages": 2, "image_size": 32}


@pytest.mark.parametrize(
    ("architecture", "sizes", "expected"),
    [
        ("convnextv2", CONVOLUTIONS, {"grn.weight", "grn.bias"}),
        (
            "xlnet",
            {"vocab_size": 32, "d_model": 8, "n_layer": 1, "n_head": 2, "d_inner": 8},
            {"rel_attn.r_w_bias", "rel_attn.r_r_bias", "rel_attn.r_s_bias"},
        ),
        (
            "gpt_oss",
            {**TEXT, "num_key_value_heads": 1, "head_dim": 4, "num_local_experts": 2, "num_experts_per_tok": 1},
            {"experts.gate_up_proj_bias", "experts.down_proj_bias"},
        ),
        ("convbert", {**TEXT, "embedding_size": 8}, {"key_conv_attn_layer.bias"}),
    ],
)
def test_biases_and_norms_of_any_shape_do_not_decay(
    architecture: str, sizes: dict[str, Any], expected: set[str]
) -> None:
    assert spared(build(architecture, **sizes)) == expected


@pytest.mark.parametrize(
    ("architecture", "sizes"),
    [
        ("bert", TEXT),
        ("roberta-prelayernorm", TEXT),
        ("t5", {"vocab_size": 32, "d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}),
        ("vit", {"image_size": 8, "patch_size": 4, "hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1}),
        ("swin", {"image_size": 8, "patch_size": 2, "embed_dim": 4, "depths": [1], "num_heads": [1], "window_size": 2}),
    ],
)
def test_all_other_weights_decay_if_they_are_no_vectors(architecture: str, sizes: dict[str, Any]) -> None:
    # Tokens, position embeddings and tables of position biases are among them.
    assert spared(build(architecture, **sizes)) == set()


class Scale(nn.Module):
    """A module of one matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 2))


class PerHeadRMSNorm(Scale):
    """A norm by its class."""


class Parts(nn.Module):
    """A model that has the same matrix in several roles."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = Scale()
        self.q_norm = Scale()
        self.normal = Scale()
        self.inner = PerHeadRMSNorm()
        self.heads = nn.LayerNorm((2, 2))
        self.tied = self.scale


def test_a_norm_is_one_by_its_class_or_by_its_name() -> None:
    assert decaying(Parts()) == {"scale.weight", "normal.weight"}
