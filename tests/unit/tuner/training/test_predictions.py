from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from language_models import CHAT_TEMPLATE, words_tokenizer, write_language_model
from PIL import Image

from tuner.errors import DataError
from tuner.study.data_config import DataConfig
from tuner.study.exported import Exported, PredictionRequest
from tuner.training import predictions
from tuner.training.predictions import predict_rows
from tuner.trial.run import ModelSource

pytestmark = pytest.mark.rest

NAMES = {0: "cat", 1: "dog", 2: "owl"}


def said(folder: Path, told: Exported, source: Path, *, max_new_tokens: int = 4) -> dict[str, Any]:
    request = PredictionRequest(
        model=folder, exported=told, source=str(source), cache=folder / "cache", max_new_tokens=max_new_tokens
    )
    return predict_rows(request)


def classifier(auto_model: Any, source: ModelSource, folder: Path, processor: Any) -> Any:
    """Write a model of three classes and its processor; return the model."""
    torch.manual_seed(0)
    model = auto_model.from_pretrained(source.location, num_labels=3, id2label=NAMES, initializer_range=1.0)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return model.eval()


def test_pictures_need_no_labels_and_are_converted_as_those_of_training(
    checkpoint: Callable[..., ModelSource], tmp_path: Path
) -> None:
    source, photos = checkpoint("vit", 2), tmp_path / "photos"
    processor = transformers.AutoImageProcessor.from_pretrained(source.location, backend="pil")
    model = classifier(transformers.AutoModelForImageClassification, source, tmp_path / "model", processor)
    photos.mkdir()
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)) for _ in range(3)]
    for number, picture in enumerate(pictures):
        picture.save(photos / f"{number}.png")
    told = Exported.of("image-classification", 0, DataConfig(source="animals"))
    found = said(tmp_path / "model", told, photos)
    assert [row["place"] for row in found["rows"]] == [f"photos/{number}.png" for number in range(3)]
    with torch.no_grad():
        expected = model(**processor(pictures, return_tensors="pt")).logits.double().softmax(dim=1)
    for row, each in zip(found["rows"], expected.tolist(), strict=True):
        assert row["probabilities"] == pytest.approx(dict(zip(NAMES.values(), each, strict=True)), abs=1e-6)
        assert row["label"] == NAMES[each.index(max(each))]


def test_where_memory_runs_out_rows_are_computed_in_smaller_parts_and_each_once() -> None:
    seen: list[list[int]] = []

    def compute(part: Sequence[int]) -> None:
        if len(part) > 3:
            raise torch.OutOfMemoryError("too many")
        seen.append(list(part))

    predictions._in_parts(range(10), 8, compute, lambda *_: None)
    assert [number for part in seen for number in part] == list(range(10))
    assert max(map(len, seen)) <= 3


def pairs_of(tmp_path: Path, prompts: Sequence[str]) -> Path:
    with (tmp_path / "new.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerows([["question"], *([prompt] for prompt in prompts)])
    return tmp_path / "new.csv"


def test_a_tokenizer_that_ends_texts_does_not_end_a_prompt(tmp_path: Path) -> None:
    from tokenizers import processors

    folder = write_language_model(tmp_path / "model")
    plain, ending = words_tokenizer(), words_tokenizer()
    ending.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", ending.eos_token_id)]
    )
    ending.save_pretrained(folder)
    assert ending("w1 w2")["input_ids"][-1] == ending.eos_token_id
    told = Exported.of("causal-lm", 64, DataConfig(source="a.csv", prompt="question", completion="answer"))
    prompts = ["w1 w2", "w3", "w4 w5"]
    found = said(folder, told, pairs_of(tmp_path, prompts))
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    for row, prompt in zip(found["rows"], prompts, strict=True):
        ids = torch.tensor([plain(prompt)["input_ids"]])
        made = model.generate(ids, max_new_tokens=4, do_sample=False, pad_token_id=3)[0, ids.shape[1] :]
        assert row["completion"] == plain.decode(made, skip_special_tokens=True)


def test_a_chat_is_asked_for_its_next_turn_or_for_its_last_one_again(tmp_path: Path) -> None:
    # A turn ends with a token that ends no text by itself.
    template = CHAT_TEMPLATE.replace(" </s>", " <pad>")
    folder = write_language_model(tmp_path / "model", chat_template=template)
    said_by = [{"role": "user", "content": "w1 w2"}, {"role": "assistant", "content": "w3"}]
    rows = [said_by[:1], said_by, [*said_by, {"role": "user", "content": "w4"}]]
    file = tmp_path / "new.jsonl"
    file.write_text("".join(f"{json.dumps({'messages': row})}\n" for row in rows))
    told = Exported.of("causal-lm", 64, DataConfig(source="a.jsonl", messages="messages"))
    found = said(folder, told, file)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    plain = words_tokenizer(chat_template=template)
    for row, messages, shown in zip(
        found["rows"],
        [rows[0], rows[0], rows[2]],
        ["user: w1 w2", "user: w1 w2 / assistant: w3", "user: w1 w2 / assistant: w3 / user: w4"],
        strict=True,
    ):
        inputs = plain.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")
        made = model.generate(**inputs, max_new_tokens=4, do_sample=False, eos_token_id=[1, 3], pad_token_id=3)
        expected = plain.decode(made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        assert (row["completion"], row["input"]) == (expected, shown)
    file.write_text(f"{json.dumps({'messages': [{'role': 'bot', 'content': 'w1'}]})}\n")
    with pytest.raises(DataError, match=r"new\.jsonl, record 1: the chat in column 'messages' has the role 'bot'"):
        said(folder, told, file)


def test_a_study_without_prompts_has_nothing_to_complete(tmp_path: Path) -> None:
    told = Exported.of("causal-lm", 64, DataConfig(source="a.csv", completion="answer"))
    with pytest.raises(DataError, match="completions without prompts"):
        said(tmp_path, told, pairs_of(tmp_path, ["w1"]))
