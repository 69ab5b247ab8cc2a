"""Supervised fine-tuning of language models: which tokens count, and losses that are those of transformers."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
import transformers
from datasets import Dataset, load_from_disk
from language_models import words_tokenizer, write_language_model, write_pairs
from reference_trainer import ReferenceTrainer, reference_arguments

from search_spaces import Hyperparameters
from tuner.errors import DataError
from tuner.study.data_config import DataConfig
from tuner.study.prepared import PreparationRequest, Prepared
from tuner.training.data.batches import training_batches
from tuner.training.data.encoded import EncodedData
from tuner.training.data.token_examples import IGNORED, TokenExamples
from tuner.training.loop import train
from tuner.training.model.token_head import TokenHead
from tuner.training.preparation import prepare
from tuner.training.tasks import causal_lm
from tuner.training.tasks.causal_lm import TASK
from tuner.trial.looks import LOOKS
from tuner.trial.run import ModelSource, TrialRun

PADDING = {"input_ids": 3, "attention_mask": 0, "side": "right"}
PAIR = DataConfig(source="rows.csv", prompt="question", completion="answer")
TEXT = DataConfig(source="rows.csv", text="question")
STEPS = 10


def encoded(texts: list[tuple[str, str]], data: DataConfig = PAIR, max_length: int = 64) -> TokenExamples:
    rows = Dataset.from_dict({"question": [one for one, _ in texts], "answer": [other for _, other in texts]})
    if data is TEXT:
        rows = rows.remove_columns("answer")
    splits, _ = TASK.targets({"train": rows}, data)
    made = TASK.encode(splits["train"], data, words_tokenizer(), max_length)
    return TASK.examples(made.remove_columns("full_length"), PADDING)


# ---- which tokens count


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_tokens_of_the_completion_and_the_end_are_predicted_from_those_before_them(side: str) -> None:
    examples = encoded([("w0 w1", " w2 w3"), ("w4", " w5")]).with_padding({"side": side})
    inputs, targets = examples.inputs(np.arange(2)), examples.targets(np.arange(2))
    assert examples.loss_terms.tolist() == [3, 2]
    for ids, mask, wanted, (prompt, completion) in zip(
        inputs["input_ids"], inputs["attention_mask"], targets, [([4, 5], [6, 7, 1]), ([8], [9, 1])], strict=True
    ):
        assert ids[mask.bool()].tolist() == [*prompt, *completion]
        places = torch.arange(len(ids))[mask.bool()]
        assert wanted[places].tolist() == [*[IGNORED] * (len(prompt) - 1), *completion, IGNORED]
        assert (wanted[~mask.bool()] == IGNORED).all()


def test_a_token_that_the_tokenizer_makes_of_both_sides_of_the_border_is_one_of_the_completion() -> None:
    assert causal_lm._shared([4, 5, 1], [4, 5, 6, 7, 1]) == 2, "the end that was put behind the prompt alone"
    assert causal_lm._shared([4, 5], [4, 9, 1]) == 1
    assert causal_lm._shared([4, 5], [4, 5, 6, 1]) == 2


def test_of_a_plain_text_all_tokens_but_the_first_are_predicted() -> None:
    examples = encoded([("w0 w1 w2", "")], TEXT)
    assert examples.targets(np.arange(1)).tolist() == [[5, 6, 1, IGNORED]]
    assert examples.targets(np.arange(1), width=6).tolist() == [[5, 6, 1, *[IGNORED] * 3]]


def test_a_text_is_cut_at_its_end_and_what_it_had_is_known() -> None:
    rows = Dataset.from_dict({"question": ["w0 w1"], "answer": [" w2 w3 w4"], "labels": [0]})
    cut = TASK.encode(rows, PAIR, words_tokenizer(), 4)
    assert (cut["input_ids"][:], cut["length"][:], cut["full_length"][:]) == ([[4, 5, 6, 7]], [4], [6])


def test_a_row_whose_prompt_alone_is_too_long_is_refused() -> None:
    with pytest.raises(DataError, match="max_length: keeps 4 tokens, and a row has a prompt of as many tokens"):
        encoded([("w0 w1 w2 w3", " w4")], max_length=4)


# ---- the loss


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2"])
@pytest.mark.parametrize("most", [causal_lm._LOGITS, 40])
def test_loss_and_gradient_are_those_of_transformers_however_few_logits_are_in_memory(
    kind: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(causal_lm, "_LOGITS", most)
    folder = write_language_model(tmp_path, kind)
    examples = encoded([("w0 w1", " w2 w3"), ("w4", " w5 w6 w7 w8")])
    inputs, targets = examples.inputs(np.arange(2)), examples.targets(np.arange(2))
    plain, ours = (transformers.AutoModelForCausalLM.from_pretrained(folder).eval() for _ in range(2))
    head = TokenHead(ours, examples.inputs(np.arange(1)), torch.float32)
    # transformers shifts the labels itself.
    labels = torch.full_like(targets, IGNORED)
    labels[:, 1:] = targets[:, :-1]
    theirs = plain(**inputs, labels=labels).loss
    theirs.backward()
    chosen = targets != IGNORED
    rows: list[int] = []
    ours.get_output_embeddings().register_forward_hook(lambda *call: rows.append(call[-1].shape[-2]))
    with head.computing(chosen):
        made = head.logits(ours(**inputs).logits, chosen)
    assert (made.project is None) == (kind == "gemma2"), "it bends its logits"
    loss = TASK.loss(made, targets) / chosen.sum()
    loss.backward()
    assert loss.item() == pytest.approx(theirs.item(), abs=1e-6)
    for (name, parameter), other in zip(ours.named_parameters(), plain.parameters(), strict=True):
        assert torch.allclose(parameter.grad, other.grad, atol=1e-6), name
    assert max(rows) <= int(chosen.sum()), "the layer sees the tokens that count alone"


def test_an_evaluation_keeps_of_each_example_loss_and_right_tokens() -> None:
    values = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    from tuner.training.model.token_head import TokenLogits

    made = TokenLogits(values=values, project=None, counts=torch.tensor([1, 2]))
    targets = torch.tensor([[0, IGNORED], [1, 0]])
    found = TASK.predictions(made, targets)
    losses = [math.log1p(math.exp(-2)), math.log1p(math.exp(-1)), math.log1p(math.exp(3))]
    assert found.outputs[:, 0].tolist() == pytest.approx([losses[0], losses[1] + losses[2]])
    assert found.outputs[:, 1:3].tolist() == [[1.0, 1.0], [1.0, 2.0]]
    mean = sum(losses) / 3
    assert TASK.mean_loss(found) == pytest.approx(mean)
    scores = [TASK.score(name, found, mean) for name in ("loss", "perplexity", "token_accuracy")]
    assert scores == pytest.approx([mean, math.exp(mean), 2 / 3])
    assert TASK.row_scores(found).tolist() == pytest.approx([-losses[0], -(losses[1] + losses[2]) / 2])


# ---- training


def prepared(folder: Path, kind: str) -> tuple[Prepared, ModelSource]:
    model = ModelSource(location=str(write_language_model(folder / kind, kind)))
    data = DataConfig(
        source=str(write_pairs(folder / "rows.csv")),
        prompt="question",
        completion="answer",
        splits={"train": 60, "validation": 24},
    )
    request = PreparationRequest(
        task="causal-lm", model=model, data=data, source=data.source, max_length=32, seed=0, metric="loss",
        cache=folder / "cache",
    )  # fmt: skip
    return prepare(request), model


def run_of(folder: Path, kind: str, **values: Any) -> TrialRun:
    found, model = prepared(folder, kind)
    point = {
        "learning_rate": 2e-3, "batch_size": 12, "num_train_epochs": STEPS / 5, "dropout": None, "weight_decay": 0.1,
        "lr_scheduler_type": "linear", "frozen_layers": 0.0, **values,
    }  # fmt: skip
    return TrialRun(
        number=0, hyperparameters=Hyperparameters.from_values(point), task="causal-lm", model=model,
        data=found.folder, anatomy=found.anatomy, metric="loss", direction="minimize", precision="fp32",
        looks=LOOKS[10], seed=0,
    )  # fmt: skip


# peft asks transformers by a name that has become another one.
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")
@pytest.mark.parametrize(
    ("kind", "adapter"), [("llama", "none"), ("gpt2", "none"), ("llama", "lora"), ("gpt2", "lora")]
)
def test_every_loss_is_that_of_transformers_trainer(kind: str, adapter: str, tmp_path: Path) -> None:
    lora = {"adapter": "lora", "lora_rank": 4, "frozen_layers": 0.5} if adapter == "lora" else {}
    run = run_of(tmp_path, kind, **({} if kind == "llama" else {"dropout": 0.0}), **lora)
    ours = [each.train_loss for each in train(run)]
    assert run.model is not None
    assert run.data is not None
    rows = load_from_disk(str(run.data / "train"))
    data = EncodedData.open(run.data, TASK.examples)

    def collated(batch: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        width = max(len(row["input_ids"]) for row in batch)
        padded: dict[str, list[Any]] = {"input_ids": [], "attention_mask": [], "labels": []}
        for row in batch:
            rest = width - len(row["input_ids"])
            padded["input_ids"].append([*row["input_ids"], *[3] * rest])
            padded["attention_mask"].append([*row["attention_mask"], *[0] * rest])
            labels = [
                token if counts else IGNORED for token, counts in zip(row["input_ids"], row["predicted"], strict=True)
            ]
            padded["labels"].append([*labels, *[IGNORED] * rest])
        return {name: torch.tensor(values) for name, values in padded.items()}

    off = {} if kind == "llama" else {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    model = transformers.AutoModelForCausalLM.from_pretrained(run.model.location, **off)
    if adapter == "lora":
        assert run.anatomy is not None
        torch.manual_seed(run.seed)
        targets = run.anatomy.adapted("all-linear", 2)
        config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=targets, fan_in_fan_out=kind == "gpt2")
        model = peft.get_peft_model(model, config)
        # The rate of adapters is ten times that of a trial without them.
        run = replace(run, hyperparameters=replace(run.hyperparameters, learning_rate=2e-2))
    order = islice(training_batches(len(data.train), 12, run.seed), STEPS)
    trainer = ReferenceTrainer(
        model=model,
        args=reference_arguments(run, tmp_path, steps=STEPS),
        train_dataset=rows,
        data_collator=collated,
        batches=[batch.tolist() for batch in order],
    )
    trainer.train()
    assert ours == pytest.approx(trainer.losses, abs=1e-5)
    assert ours[0] - ours[-1] > 0.05, "something was learnt"


@pytest.mark.parametrize(("frozen", "adapter"), [(0.5, "none"), (0.75, "none"), (0.75, "lora")])
def test_with_frozen_layers_losses_are_the_same_from_the_cache_and_without_it(
    frozen: float, adapter: str, tmp_path: Path
) -> None:
    from tuner.trial.run import Speed, TrunkHome

    run = run_of(tmp_path, "llama", frozen_layers=frozen, adapter=adapter)
    home = TrunkHome(folder=tmp_path / "trunk", weights="w", shares=(frozen,), limit=None)
    cached = [(each.train_loss, each.value) for each in train(replace(run, trunk=home))]
    computed = [(each.train_loss, each.value) for each in train(replace(run, speed=Speed(trunk_cache=False)))]
    assert cached == computed
    assert len(cached) == STEPS


@pytest.mark.parametrize(
    ("kind", "changes", "packing"),
    [("gpt2", {}, 32), ("llama", {"frozen_layers": 0.5}, None), ("llama", {"adapter": "lora"}, None)],
    ids=["packed", "frozen", "adapters"],
)
def test_losses_are_the_same_with_gradient_checkpointing_dropout_included(
    kind: str, changes: dict[str, Any], packing: int | None, tmp_path: Path
) -> None:
    run = run_of(tmp_path, kind, **changes)
    run = replace(run, speed=replace(run.speed, packing=packing))
    told: list[dict[str, Any]] = []
    plain, again = (
        [
            (each.train_loss, each.value)
            for each in train(replace(run, gradient_checkpointing=asked, record=told.append))
        ]
        for asked in (False, True)
    )
    assert plain == again
    assert [each["gradient_checkpointing"] for each in told] == [False, True]


def test_a_model_that_predicts_tokens_has_no_head_to_fit_or_to_train_alone(tmp_path: Path) -> None:
    found, _ = prepared(tmp_path, "llama")
    assert found.anatomy.predicts_tokens
    assert not found.anatomy.can_fit_head
    assert not found.anatomy.allows(1.0)
    assert found.anatomy.allows(0.75)
    assert found.anatomy.padding is not None
    assert found.anatomy.padding.side == "right"
    assert found.anatomy.trunk.complaint is None
