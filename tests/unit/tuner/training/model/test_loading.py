from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from tuner.errors import ModelError
from tuner.training.model.dropout import places
from tuner.training.model.dropout_draws import examine_dropouts
from tuner.training.model.loading import build_model, load_config
from tuner.training.model.weights import restore_weights, save_weights
from tuner.training.tasks import get_task
from tuner.trial.run import ModelSource

TEXT = get_task("text-classification")


@pytest.fixture
def copied(checkpoint: Callable[..., ModelSource], tmp_path: Path) -> Path:
    """A tiny BERT of which a test may change the files."""
    folder = tmp_path / "bert"
    shutil.copytree(checkpoint("bert", 2).location, folder)
    return folder


def build(folder: Path, **changed: Any) -> torch.nn.Module:
    asked: dict[str, Any] = {"labels": ("no", "yes"), "dropout": None, "seed": 0, **changed}
    blueprint = TEXT.blueprint(ModelSource(location=str(folder)), asked["labels"], asked["seed"])
    return build_model(blueprint, dropout=asked["dropout"])


def change_config(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_the_encoder_is_pretrained_and_the_head_is_the_seeds(copied: Path) -> None:
    pretrained = load_file(copied / "model.safetensors")
    one, same, other = (dict(build(copied, seed=seed).named_parameters()) for seed in (1, 1, 2))
    for name, weights in pretrained.items():
        assert torch.equal(one[f"bert.{name}"], weights), name
    assert torch.equal(one["classifier.weight"], same["classifier.weight"])
    assert not torch.equal(one["classifier.weight"], other["classifier.weight"])


def test_the_classes_are_named_in_the_order_of_the_logits(copied: Path) -> None:
    model: Any = build(copied, labels=("bad", "good", "mixed"))
    assert model.config.id2label == {0: "bad", 1: "good", 2: "mixed"}
    assert model.config.label2id == {"bad": 0, "good": 1, "mixed": 2}
    assert model.classifier.out_features == 3


def test_a_checkpoint_in_half_precision_is_trained_in_full(copied: Path) -> None:
    weights = {name: value.half() for name, value in load_file(copied / "model.safetensors").items()}
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    change_config(copied, dtype="float16")
    assert {parameter.dtype for parameter in build(copied).parameters()} == {torch.float32}


def test_a_head_of_another_task_is_replaced(copied: Path) -> None:
    build(copied, labels=("a", "b", "c")).save_pretrained(copied)  # type: ignore[operator]
    assert build(copied, labels=("a", "b")).classifier.out_features == 2  # type: ignore[union-attr]


def test_weights_of_the_encoder_that_are_missing_are_refused(copied: Path) -> None:
    weights = load_file(copied / "model.safetensors")
    missing = [name for name in weights if name.startswith("encoder.layer.1.")]
    kept = {name: value for name, value in weights.items() if name not in missing}
    save_file(kept, copied / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ModelError, match=rf"lacks {len(missing)} weights of its encoder, such as bert\.encoder\.layer\.1"
    ):
        build(copied)


def test_weights_of_the_encoder_of_another_shape_are_refused(copied: Path) -> None:
    change_config(copied, intermediate_size=56)
    with pytest.raises(ModelError, match=r"weights of another shape than its config\.json says, such as bert\.encoder"):
        build(copied)


def test_a_missing_pooler_is_part_of_the_head(copied: Path) -> None:
    weights = {name: value for name, value in load_file(copied / "model.safetensors").items() if "pooler" not in name}
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    build(copied)


def test_weights_of_another_architecture_are_refused(copied: Path, checkpoint: Callable[..., ModelSource]) -> None:
    shutil.copy(Path(checkpoint("distilbert", 2).location) / "model.safetensors", copied)
    with pytest.raises(ModelError, match="lacks"):
        build(copied)


def test_a_folder_without_weights_is_refused(copied: Path) -> None:
    (copied / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="has no usable weights"):
        build(copied)


@pytest.mark.parametrize("content", [None, "{", '{"model_type": "no-such-model"}'])
def test_a_folder_without_a_usable_configuration_is_refused(copied: Path, content: str | None) -> None:
    if content is None:
        (copied / "config.json").unlink()
    else:
        (copied / "config.json").write_text(content)
    with pytest.raises(ModelError, match="has no usable configuration") as caught:
        load_config(ModelSource(location=str(copied)))
    assert "\n" not in str(caught.value)


def test_a_checkpoint_whose_model_would_return_a_tuple_returns_names(copied: Path) -> None:
    change_config(copied, return_dict=False)
    assert build(copied)(torch.tensor([[2, 3]])).logits.shape == (1, 2)


def test_a_checkpoint_that_needs_a_missing_library_is_refused_in_one_line(copied: Path) -> None:
    change_config(copied, quantization_config={"quant_method": "eetq"})
    with pytest.raises(ModelError, match=r"bert has no usable weights: .* requires kernels"):
        build(copied)


def test_trained_weights_lie_over_the_pretrained_ones(copied: Path, tmp_path: Path) -> None:
    model = build(copied)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    save_weights({"classifier.bias": torch.tensor([1.0, 2.0])}, tmp_path)
    restore_weights(model, tmp_path)
    after = model.state_dict()
    assert after["classifier.bias"].tolist() == [1.0, 2.0]
    assert all(torch.equal(after[name], value) for name, value in before.items() if name != "classifier.bias")


def test_trained_weights_of_another_model_are_refused(copied: Path, tmp_path: Path) -> None:
    save_weights({"vit.layernorm.bias": torch.zeros(2)}, tmp_path)
    with pytest.raises(ModelError, match=r"holds weights of another model, such as vit\.layernorm\.bias"):
        restore_weights(build(copied), tmp_path)


# ---- dropout


def dropouts(model: torch.nn.Module) -> set[float]:
    return {place.value for place in places(model)}


def test_every_dropout_of_a_model_is_the_one_that_is_asked(copied: Path) -> None:
    assert dropouts(build(copied, dropout=0.2)) == {0.2}
    change_config(copied, hidden_dropout_prob=0.3, attention_probs_dropout_prob=0.4, classifier_dropout=0.5)
    assert dropouts(build(copied, dropout=0.2)) == {0.2}
    assert dropouts(build(copied, dropout=None)) == {0.3, 0.4, 0.5}


def test_a_dropout_that_no_configuration_names_is_set_too(copied: Path) -> None:
    class Stubborn(transformers.BertForSequenceClassification):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.extra = torch.nn.Dropout(0.5)

    class Task(type(TEXT)):  # type: ignore[misc]
        auto_model = Stubborn

    blueprint = Task().blueprint(ModelSource(location=str(copied)), ("a", "b"), 0)
    assert build_model(blueprint, dropout=0.1).extra.p == 0.1  # type: ignore[union-attr]


def test_the_dropouts_of_both_parts_of_a_model_are_set(tmp_path: Path) -> None:
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1}
    config = transformers.CLIPConfig(
        text_config=sizes, vision_config={**sizes, "image_size": 8, "patch_size": 4}, projection_dim=8
    )
    transformers.CLIPForImageClassification(config).save_pretrained(tmp_path)
    task = get_task("image-classification")
    blueprint = task.blueprint(ModelSource(location=str(tmp_path)), ("a", "b"), 0)
    model: Any = build_model(blueprint, dropout=0.2)
    assert dropouts(model) == {0.2}
    assert model.config.vision_config.attention_dropout == model.config.text_config.attention_dropout == 0.2


def test_an_architecture_that_refuses_a_dropout_in_its_configuration_is_built(tmp_path: Path) -> None:
    config = transformers.DiffLlamaConfig(
        vocab_size=32,
        hidden_size=16,
        intermediate_size=8,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_hidden_layers=1,
        pad_token_id=0,
    )
    transformers.DiffLlamaForSequenceClassification(config).save_pretrained(tmp_path)
    model: Any = build(tmp_path, dropout=0.2)
    assert model.config.num_labels == 2
    ids = {"input_ids": torch.ones(2, 4, dtype=torch.long)}
    assert examine_dropouts(model, ids).draws == ()
