"""Tokenizer and model agree on padding: a text has the same logits in a ragged batch as in a row of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
import transformers

from tuner.errors import ModelError
from tuner.study.data_config import DataConfig
from tuner.training.data.examples import TextExamples
from tuner.training.model import template
from tuner.training.model.blueprint import Blueprint
from tuner.training.model.loading import build_model, keep_template, load_config, load_pretrained
from tuner.training.model.padding import check_token_ids, choose_side, enlarge, token_padding
from tuner.training.tasks import get_task
from tuner.trial.anatomy import Padding
from tuner.trial.run import ModelSource

TASK = get_task("text-classification")
WORDS = ("good", "bad", "film", "plot", "a", "was", "very")
TEXTS = ("a good film", "bad", "the plot was very very good a film", "was a bad plot", "very good film a bad plot was")
#: Rows of the tiny models' tables: one for each word and each special token below, and no more.
ROWS = 12


def tokenizer(*, appends: str | None = None, **special: Any) -> transformers.PreTrainedTokenizerFast:
    """Return a tokenizer of twelve tokens, a word each.

    Args:
        appends: Token that ends every text.
        special: Special tokens by role, and other settings.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    vocabulary = {word: number for number, word in enumerate(("<s>", "</s>", "<unk>", "[PAD]", "<sep>", *WORDS))}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    if appends is not None:
        backend.post_processor = processors.TemplateProcessing(
            single=f"$A {appends}", pair=f"$A $B {appends}", special_tokens=[(appends, vocabulary[appends])]
        )
    settings = {"unk_token": "<unk>", "model_input_names": ["input_ids", "attention_mask"], **special}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **settings)


def tiny(name: str, **changed: Any) -> transformers.PreTrainedConfig:
    """Return a tiny configuration that names no padding, unless it is asked to."""
    config: transformers.PreTrainedConfig = {
        "gpt2": lambda **more: transformers.GPT2Config(
            **{"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32, "bos_token_id": 0, "eos_token_id": 1, **more}
        ),
        "llama": lambda **more: transformers.LlamaConfig(**{**_common(), "num_key_value_heads": 1, **more}),
        "roberta": lambda **more: transformers.RobertaConfig(**{**_common(), "pad_token_id": 1, **more}),
        "xlnet": lambda **more: transformers.XLNetConfig(
            **{"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 24, **more}
        ),
        "fnet": lambda **more: transformers.FNetConfig(**{**_common(), "tpu_short_seq_length": 32, **more}),
    }[name](**{"vocab_size": ROWS, "initializer_range": 0.3, **changed})  # fmt: skip
    return config


def _common() -> dict[str, Any]:
    return {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "max_position_embeddings": 32,
    }


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A checkpoint, as a study reads it."""

    tokenizer: Any
    config: Any
    padding: Padding
    blueprint: Blueprint
    model: Any
    examples: TextExamples


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Loaded]:
    """Returns a tiny checkpoint of an architecture under a tokenizer, loaded as a study loads it."""

    def build(
        config: transformers.PreTrainedConfig, words: Any = None, texts: tuple[str, ...] = TEXTS, **changed: Any
    ) -> Loaded:
        torch.manual_seed(5)
        transformers.AutoModelForSequenceClassification.from_config(config).save_pretrained(tmp_path)
        (tokenizer() if words is None else words).save_pretrained(tmp_path)
        source = ModelSource(location=str(tmp_path))
        processor, config = TASK.processor(source), load_config(source)
        padding = TASK.token_padding(processor, config)
        assert padding is not None
        blueprint = TASK.blueprint(source, ("no", "yes"), 3, replace(padding, **changed))
        rows = datasets.Dataset.from_dict({"text": list(texts), "labels": [0] * len(texts)})
        encoded = TASK.encode(rows, DataConfig(source="here"), processor, 16)
        return Loaded(
            tokenizer=processor,
            config=config,
            padding=padding,
            blueprint=blueprint,
            model=load_pretrained(blueprint, dropout=None)[0].eval(),
            examples=TextExamples(encoded.remove_columns("full_length"), TASK.padding(processor)),
        )

    return build


@torch.no_grad()
def alone(model: Any, words: Any, texts: tuple[str, ...] = TEXTS) -> torch.Tensor:
    """Return the logits of each text in a row of its own."""
    rows = [words(text, return_tensors="pt", padding=False) for text in texts]
    return torch.cat([model(input_ids=row["input_ids"], attention_mask=row["attention_mask"]).logits for row in rows])


@torch.no_grad()
def ragged(model: Any, words: Any, side: str) -> torch.Tensor:
    """Return the logits of the texts in one batch that the tokenizer itself pads."""
    words.padding_side = side
    logits: torch.Tensor = model(**words(list(TEXTS), padding=True, return_tensors="pt")).logits
    return logits


# ---- the token


@pytest.mark.parametrize(
    ("quirk", "token", "token_id"),
    [
        ({"pad_token": "[PAD]", "eos_token": "</s>"}, "[PAD]", 3),
        ({"eos_token": "</s>"}, "</s>", 1),
        ({"eos_token": "</s>", "pad_token": "</s>"}, "</s>", 1),
        ({"eos_token": "</s>", "appends": "</s>"}, "<pad>", 12),
        ({"eos_token": "</s>", "pad_token": "</s>", "appends": "</s>"}, "<pad>", 12),
        ({"sep_token": "<sep>", "pad_token": "<sep>", "appends": "<sep>"}, "<pad>", 12),
        ({"eos_token": "<unk>"}, "<pad>", 12),
        ({}, "<pad>", 12),
    ],
    ids=[
        "its own", "end of text", "end of text by its own choice", "end of text ends texts", "its own ends texts",
        "a separator ends texts", "an unknown word is end of text", "without end of text",
    ],
)  # fmt: skip
def test_a_token_that_hides_no_end_pads(quirk: dict[str, Any], token: str, token_id: int) -> None:
    words = tokenizer(**quirk)
    padding = token_padding(words, tiny("llama"))
    embeddings = 13 if token_id == ROWS else None
    assert padding == Padding(token_id=token_id, side="right", token=token, embeddings=embeddings)
    assert (words.pad_token, words.pad_token_id) == (token, token_id)
    assert token_padding(words, tiny("llama")) == padding, "a second look finds the same"


def test_a_padding_token_that_the_model_names_is_taken_before_a_new_one() -> None:
    assert token_padding(tokenizer(), tiny("llama", pad_token_id=3)).token == "[PAD]"
    assert token_padding(tokenizer(), tiny("llama", pad_token_id=7)).token == "<pad>", "the id of a word"


def test_a_new_token_that_a_larger_table_has_a_row_for_enlarges_nothing() -> None:
    assert token_padding(tokenizer(), tiny("llama", vocab_size=16)) == Padding(token_id=12, side="right", token="<pad>")


def test_looking_at_a_tokenizer_changes_nothing_of_its_file() -> None:
    words = tokenizer(eos_token="</s>", pad_token="</s>")
    words.backend_tokenizer.enable_truncation(3)
    words.backend_tokenizer.enable_padding(length=8)
    before = words.backend_tokenizer.to_str()
    assert token_padding(words, tiny("llama")).token == "</s>", "the padding of its file ends no text"
    assert words.backend_tokenizer.to_str() == before


# ---- the side


@pytest.mark.parametrize(
    ("side", "quirk"),
    [
        ("right", {"eos_token": "</s>"}),
        ("left", {"eos_token": "</s>", "pad_token": "</s>"}),
        ("left", {"eos_token": "</s>", "pad_token": "</s>", "appends": "</s>"}),
        ("right", {"pad_token": "<extra>"}),
    ],
    ids=["no padding token", "end of text pads", "end of text pads and ends texts", "beyond the embeddings"],
)
@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_a_decoder_reads_the_last_token_of_a_padded_text(
    name: str, quirk: dict[str, Any], side: str, load: Callable[..., Loaded]
) -> None:
    loaded = load(tiny(name), tokenizer(padding_side=side, **quirk))
    assert loaded.padding.side == side
    assert choose_side(loaded.model, loaded.examples, loaded.padding) == ("right", 0.0)
    expected = alone(loaded.model, loaded.tokenizer)
    torch.testing.assert_close(ragged(loaded.model, loaded.tokenizer, "right"), expected, rtol=0, atol=1e-5)
    # The last token by hand: the hidden state at the end of each text, under the head.
    body = loaded.model.base_model
    with torch.no_grad():
        last = torch.cat(
            [body(**loaded.tokenizer(text, return_tensors="pt")).last_hidden_state[:, -1] for text in TEXTS]
        )
        torch.testing.assert_close(loaded.model.score(last), expected, rtol=0, atol=1e-5)


def test_xlnet_is_padded_on_the_left(load: Callable[..., Loaded]) -> None:
    loaded = load(tiny("xlnet", pad_token_id=3), tokenizer(pad_token="[PAD]", padding_side="right"))
    assert choose_side(loaded.model, loaded.examples, loaded.padding) == ("left", 0.0)
    expected = alone(loaded.model, loaded.tokenizer)
    torch.testing.assert_close(ragged(loaded.model, loaded.tokenizer, "left"), expected, rtol=0, atol=1e-5)
    assert (ragged(loaded.model, loaded.tokenizer, "right") - expected).abs().max() > 0.01


def test_positions_are_counted_from_the_tokenizers_id(load: Callable[..., Loaded]) -> None:
    loaded = load(tiny("roberta"), tokenizer(pad_token="[PAD]"))
    assert loaded.model.config.pad_token_id == loaded.model.roberta.embeddings.padding_idx == 3
    assert choose_side(loaded.model, loaded.examples, replace(loaded.padding, side="left")) == ("right", 0.0)
    expected = alone(loaded.model, loaded.tokenizer)
    torch.testing.assert_close(ragged(loaded.model, loaded.tokenizer, "right"), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_model_that_mixes_padding_in_keeps_the_tokenizers_side(side: str, load: Callable[..., Loaded]) -> None:
    loaded = load(tiny("fnet", pad_token_id=3), tokenizer(pad_token="[PAD]", padding_side=side))
    found, difference = choose_side(loaded.model, loaded.examples, loaded.padding)
    assert found == side
    expected = alone(loaded.model, loaded.tokenizer)
    largest = (ragged(loaded.model, loaded.tokenizer, side) - expected).abs().max() / expected.abs().max()
    assert difference == pytest.approx(float(largest), rel=1e-3)


def test_texts_of_one_length_are_compared_with_padding_too(load: Callable[..., Loaded]) -> None:
    texts = ("a good film", "a bad plot", "very very bad")
    loaded = load(tiny("xlnet", pad_token_id=3), tokenizer(pad_token="[PAD]"), texts)
    assert choose_side(loaded.model, loaded.examples, loaded.padding) == ("left", 0.0)


def test_texts_that_fill_the_model_need_no_side(load: Callable[..., Loaded]) -> None:
    loaded = load(tiny("gpt2", n_positions=3), tokenizer(eos_token="</s>", padding_side="left"), ("a good film",) * 2)
    assert choose_side(loaded.model, loaded.examples, loaded.padding) == ("left", 0.0)


def test_a_model_that_computes_no_padded_batch_is_refused(load: Callable[..., Loaded]) -> None:
    loaded = load(tiny("gpt2"), tokenizer(eos_token="</s>"))
    loaded.model.config.pad_token_id = None
    with pytest.raises(
        ModelError, match=r"GPT2ForSequenceClassification cannot compute 5 texts in one batch: Cannot handle"
    ):
        choose_side(loaded.model, loaded.examples, loaded.padding)


# ---- texts without a token


def test_a_text_without_a_token_is_given_one(load: Callable[..., Loaded]) -> None:
    texts = ("", "a good film", "bad", "")
    loaded = load(tiny("gpt2"), tokenizer(eos_token="</s>"), texts)
    assert loaded.examples.lengths.tolist() == [1, 3, 1, 1]
    batch = loaded.examples.inputs(np.arange(4))
    assert batch["input_ids"][:, 0].tolist() == [1, 9, 6, 1]
    assert batch["attention_mask"].sum(dim=1).tolist() == [1, 3, 1, 1]
    assert choose_side(loaded.model, loaded.examples, loaded.padding) == ("right", 0.0)
    with torch.no_grad():
        expected = loaded.model(input_ids=torch.tensor([[1]])).logits
        torch.testing.assert_close(loaded.model(**batch).logits[:1], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("special", "token_id"),
    [({"bos_token": "<s>", "pad_token": "[PAD]"}, 0), ({"pad_token": "[PAD]"}, 3)],
    ids=["begin of text", "padding"],
)
def test_the_token_of_an_empty_text_is_one_that_the_tokenizer_has(special: dict[str, str], token_id: int) -> None:
    rows = datasets.Dataset.from_dict({"text": ["", "a"], "labels": [0, 1]})
    encoded = TASK.encode(rows, DataConfig(source="here"), tokenizer(**special), 8)
    assert encoded["input_ids"][0] == [token_id]
    assert encoded["full_length"][:] == encoded["length"][:] == [1, 1]


# ---- the model


def test_a_new_token_leaves_the_other_weights_as_they_are(load: Callable[..., Loaded]) -> None:
    loaded = load(tiny("llama"))
    assert loaded.padding.embeddings == ROWS + 1
    model: Any = load_pretrained(loaded.blueprint, dropout=None)[0]
    drawn = torch.rand(3)
    without, _ = load_pretrained(replace(loaded.blueprint, padding=None), dropout=None)
    assert torch.equal(drawn, torch.rand(3)), "random numbers go on as without the token"
    for name, value in without.state_dict().items():
        assert torch.equal(model.state_dict()[name][: len(value)], value), name
    assert model.model.embed_tokens.num_embeddings == model.config.vocab_size == ROWS + 1
    assert model.model.embed_tokens.padding_idx == model.config.pad_token_id == ROWS


def test_a_saved_model_with_a_new_token_is_the_same_in_transformers(
    load: Callable[..., Loaded], tmp_path: Path
) -> None:
    loaded = load(tiny("gpt2"), tokenizer(padding_side="left"))
    expected = ragged(loaded.model, loaded.tokenizer, "right")
    folder = tmp_path / "saved"
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    words = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    assert words.padding_side == "right"
    assert torch.equal(ragged(model, words, "right"), expected)


def test_a_template_has_the_new_token(load: Callable[..., Loaded]) -> None:
    loaded = load(tiny("gpt2"))
    keep_template(loaded.blueprint, room=None)
    try:
        (kept,) = template._kept
        taken: Any = build_model(loaded.blueprint, dropout=0.0)
    finally:
        template.keep(None)
    assert taken is kept.model
    assert torch.equal(alone(taken.eval(), loaded.tokenizer), alone(loaded.model, loaded.tokenizer))


def test_an_id_of_the_checkpoint_that_its_table_lacks_is_put_right(load: Callable[..., Loaded], tmp_path: Path) -> None:
    load(tiny("llama"), tokenizer(pad_token="<extra>"))
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "pad_token_id": ROWS}))
    source = ModelSource(location=str(tmp_path))
    padding = TASK.token_padding(TASK.processor(source), load_config(source))
    model: Any = load_pretrained(TASK.blueprint(source, ("no", "yes"), 3, padding), dropout=None)[0]
    assert model.config.pad_token_id == model.model.embed_tokens.padding_idx == ROWS


def test_a_padding_id_that_a_model_has_no_place_for_is_refused(load: Callable[..., Loaded]) -> None:
    with pytest.raises(ModelError, match=r"cannot be built with the padding token <pad> \(id 40\) of its tokenizer"):
        load(tiny("roberta"), tokenizer(eos_token="</s>", appends="</s>"), token="<pad>", token_id=40, embeddings=41)


def test_a_second_table_that_stays_as_it_is_is_refused(load: Callable[..., Loaded]) -> None:
    loaded = load(tiny("llama"))
    outline = transformers.AutoModelForSequenceClassification.from_config(tiny("llama", num_labels=2, vocab_size=13))
    model = load_pretrained(replace(loaded.blueprint, padding=None), dropout=None)[0]
    for each, rows in ((model, ROWS), (outline, ROWS + 1)):
        each.second = torch.nn.Embedding(rows, 4)
    with pytest.raises(ModelError, match=r"<pad> \(id 12\) has no embedding, .* second\.weight stays as it is"):
        enlarge(model, loaded.padding, outline)


def test_tokens_without_an_embedding_are_refused() -> None:
    config, padding = tiny("llama"), Padding(token_id=12, side="right", token="<pad>", embeddings=13)
    for fine in (None, 11, 12):
        check_token_ids(fine, padding, config, "here")
    with pytest.raises(
        ModelError, match=r"of here gives ids up to 13, but the model has embeddings for 12 tokens"
    ) as caught:
        check_token_ids(13, padding, config, "here")
    assert caught.value.key == "model"
