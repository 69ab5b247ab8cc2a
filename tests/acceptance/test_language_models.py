"""Language models by the same commands: searched, killed, judged and exported."""

from __future__ import annotations

import csv
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Tuner, records_of
from language_models import CHAT_TEMPLATE, write_chats, write_gguf, write_language_model, write_pairs

pytestmark = pytest.mark.rest

CRASHING = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")))
LEASE = ("--lease", "2s")
ROWS = {"train": 64, "validation": 24, "test": 24}


def study(tuner: Tuner, name: str, model: Path, **changes: Any) -> str:
    """Write the file of a study that turns words round."""
    folder = tuner.folder / "pairs"
    folder.mkdir(exist_ok=True)
    for seed, (split, rows) in enumerate(ROWS.items()):
        write_pairs(folder / f"{split}.csv", rows, seed=seed)
    space = {
        "learning_rate": {"low": 1e-3, "high": 1e-2, "log": True},
        "batch_size": 8,
        "num_train_epochs": {"low": 1, "high": 2},
        "frozen_layers": [0, 0.5],
    }
    data = {
        "source": str(folder),
        "prompt": "question",
        "completion": "answer",
        "splits": {each: each for each in ROWS},
    }
    document = {
        "task": "causal-lm",
        "model": str(model),
        "data": data,
        "metric": "loss",
        "search_space": space,
        **changes,
    }
    return tuner.study(name, **document)


def test_a_language_model_is_searched_judged_and_exported(tuner: Tuner) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = write_language_model(tuner.folder / "llama")
    tuner.ok("start", study(tuner, "reversed", model, budget={"trials": 3}), *LEASE)
    best = tuner.json("best", "reversed")
    assert best["recipe"]["value"] is not None
    assert best["metrics"].keys() == {"token_accuracy"}
    verdict = tuner.json("test", "reversed")["verdict"]
    assert verdict["untouched_value"] > verdict["test_value"], "something was learnt"
    low, high = verdict["untouched_interval"]
    assert low < verdict["untouched_difference"] < high
    assert "Before training the model reaches loss" in tuner.ok("test", "reversed").stdout
    assert (verdict["rows"], verdict["metric"]) == (24, "loss")
    exported = tuner.json("export", "reversed", "model")
    assert exported["verified"] == pytest.approx(best["value"], abs=1e-6)
    plain = AutoModelForCausalLM.from_pretrained(tuner.folder / "model").eval()
    assert plain.config.use_cache, "as published"
    tokenizer = AutoTokenizer.from_pretrained(tuner.folder / "model")
    losses, tokens = 0.0, 0
    with (tuner.folder / "pairs" / "validation.csv").open(encoding="utf-8") as file, torch.no_grad():
        for row in csv.DictReader(file):
            ids = tokenizer(f"{row['question']}{row['answer']}</s>", return_tensors="pt")["input_ids"]
            skipped = len(tokenizer(row["question"])["input_ids"])
            labels = ids.clone()
            labels[:, :skipped] = -100
            count = ids.shape[1] - skipped
            losses += plain(input_ids=ids, labels=labels).loss.item() * count
            tokens += count
    assert losses / tokens == pytest.approx(best["value"], abs=1e-5)
    refused = tuner.run("script", "reversed", "0")
    assert refused.returncode == 1
    assert "scripts are written for classifiers" in refused.stderr


@pytest.mark.parametrize(("kind", "load_in_4bit"), [("llama", False), ("gpt2", True)])
def test_adapters_are_searched_over_rungs_confirmed_tested_trained_again_and_exported(
    tuner: Tuner, kind: str, load_in_4bit: bool
) -> None:
    from transformers import AutoModelForCausalLM

    model = write_language_model(tuner.folder / kind, kind)
    space = {
        "learning_rate": {"low": 1e-4, "high": 3e-3, "log": True},
        "batch_size": [4, 8],
        "num_train_epochs": [14, 16],
        "dropout": {"low": 0.0, "high": 0.1} if kind == "gpt2" else 0.0,
        "weight_decay": {"low": 0.0, "high": 0.1},
        "lr_scheduler_type": ["linear", "cosine"],
        "frozen_layers": [0.25, 0.5],
        "lora_rank": [2, 4],
        "lora_alpha": [4, 8],
        "lora_dropout": {"low": 0.0, "high": 0.1},
        "lora_targets": ["all-linear", "attention"],
    }
    changes = {"adapter": "lora", "load_in_4bit": load_in_4bit, "search_space": space, "budget": {"trials": 4}}
    tuner.ok("start", study(tuner, "adapted", model, **changes, sampler="random", keep=4, seed=4), *LEASE)
    records = records_of("adapted", f"sqlite:///{tuner.folder}/tuner.db")
    assert {"shelved", "promoted"} <= {event["kind"] for event in records.events}
    for trial in records.trials:
        assert_effective(trial["hyperparameters"], tuner.json("show", "adapted", str(trial["number"]))["effective"])
    tuner.ok("confirm", "adapted", "--top", "1", "--seeds", "1", *LEASE)
    verdict = tuner.json("test", "adapted")["verdict"]
    assert verdict["untouched_value"] > verdict["test_value"], "something was learnt"
    best = tuner.json("best", "adapted")
    number = str(best["trial"])
    assert tuner.json("export", "adapted", "whole")["verified"] == pytest.approx(best["value"], abs=1e-5)
    tuner.ok("export", "adapted", "alone", "--trial", number, "--adapter")
    tuner.ok("refit", "adapted", "again", *LEASE)
    for folder in ("whole", "again"):
        plain = AutoModelForCausalLM.from_pretrained(tuner.folder / folder)
        assert type(plain).__name__ == {"llama": "LlamaForCausalLM", "gpt2": "GPT2LMHeadModel"}[kind]
        assert not getattr(plain.config, "quantization_config", None)


def assert_effective(values: dict[str, Any], effective: dict[str, Any]) -> None:
    """Hold what was read back from model and optimiser equal to what was sampled."""
    adapter = effective["adapter"]
    assert effective["batch_size"] == values["batch_size"]
    assert effective["optimiser_steps"] == values["num_train_epochs"] * 64 / values["batch_size"]
    assert effective["learning_rates"]["adapters/decay"] == pytest.approx(10 * values["learning_rate"])
    assert effective["weight_decays"]["adapters/decay"] == pytest.approx(values["weight_decay"])
    assert set(effective["dropout"].values()) <= {values["dropout"]}
    assert effective["lr_scheduler_type"] == values["lr_scheduler_type"]
    assert effective["frozen_layers"] == 4 * values["frozen_layers"]
    assert adapter["rank"] == values["lora_rank"]
    assert adapter["scaling"] == pytest.approx(values["lora_alpha"] / values["lora_rank"])
    assert adapter["dropout"] == pytest.approx(values["lora_dropout"])


@pytest.mark.parametrize(
    ("kind", "adapter"), [("llama", "none"), ("gpt2", "none"), ("llama", "lora"), ("gpt2", "lora")]
)
def test_a_trial_that_was_killed_goes_on_to_the_same_losses(
    tuner: Tuner, kind: str, adapter: str, tmp_path: Path
) -> None:
    model = write_language_model(tuner.folder / kind, kind)
    changes: dict[str, Any] = {"budget": {"trials": 2}, "checkpoint_every": 0.01, "checkpoints": "store"}
    changes["adapter"] = adapter
    if kind == "gpt2":
        changes |= {"packing": True, "generate": {"rows": 8, "max_new_tokens": 4}}
    written = study(tuner, "killed", model, **changes)
    crashed = replace(tuner, command=(*CRASHING, "pointer", "3", "SIGKILL")).run("start", written, *LEASE)
    assert crashed.returncode == -signal.SIGKILL, crashed.stderr
    tuner.ok("resume", "killed", *LEASE)
    (tmp_path / "peace").mkdir()
    peace = replace(tuner, folder=tmp_path / "peace")
    peace.ok("start", study(peace, "killed", model, **changes), *LEASE)
    told = [each.json("trials", "killed")["trials"] for each in (tuner, peace)]
    assert any(trial["restarts"] for trial in told[0])
    for ours, theirs in zip(*told, strict=True):
        assert (ours["value"], ours["steps"]) == (theirs["value"], theirs["steps"])


def test_chats_are_learnt_packed_and_judged_by_what_the_model_writes(tuner: Tuner) -> None:
    from transformers import AutoTokenizer

    model = write_language_model(tuner.folder / "llama", chat_template=CHAT_TEMPLATE)
    folder = tuner.folder / "chats"
    folder.mkdir()
    for seed, (split, rows) in enumerate(ROWS.items()):
        write_chats(folder / f"{split}.jsonl", rows, seed=seed)
    (tuner.folder / "our_words.py").write_text(
        "def length(prompt, completion, reference):\n"
        "    return 1 / (1 + abs(len(completion.split()) - len(reference.split())))\n"
    )
    data = {"source": str(folder), "messages": "messages", "splits": {each: each for each in ROWS}}
    changes: dict[str, Any] = {
        "data": data,
        "metric": "our_words:length",
        "generate": {"rows": 24, "max_new_tokens": 6},
        "packing": True,
        "max_length": 48,
        "budget": {"trials": 2},
    }
    misspelt = tuner.run("start", study(tuner, "misspelt", model, **{**changes, "metric": "our_words:lenght"}), *LEASE)
    assert misspelt.returncode == 78
    assert "metric: our_words has no function 'lenght'; did you mean 'length'?" in misspelt.stderr
    tuner.ok("start", study(tuner, "chats", model, **changes), *LEASE)
    best = tuner.json("best", "chats")
    assert 0 < best["value"] < 1
    assert best["metrics"].keys() == {"exact_match", "token_accuracy"}
    verdict = tuner.json("test", "chats")["verdict"]
    assert (verdict["rows"], verdict["metric"]) == (24, "our_words:length")
    exported = tuner.json("export", "chats", "model")
    assert exported["verified"] == pytest.approx(best["value"], abs=1e-6)
    assert AutoTokenizer.from_pretrained(tuner.folder / "model").chat_template == CHAT_TEMPLATE


def test_a_gguf_file_is_dequantised_once_and_trained(tuner: Tuner) -> None:
    pytest.importorskip("gguf", reason="the extra llm is not installed")
    tuner = tuner.within(TUNER_CACHE=str(tuner.folder / "cache"))  # the others' has other models
    file = write_gguf(tuner.folder / "tiny.gguf")
    space = {"learning_rate": 1e-3, "batch_size": 8, "num_train_epochs": 1, "frozen_layers": [0, 0.5]}
    written = study(tuner, "small", file, budget={"trials": 2}, search_space=space, max_length=64)
    tuner.ok("start", written, *LEASE)
    (weights,) = (Path(tuner.environment["TUNER_CACHE"]) / "gguf").glob("*/model.safetensors")
    made = weights.stat().st_mtime_ns
    file.rename(tuner.folder / "moved.gguf")
    tuner.ok("resume", "small", "--trials", "3", "--model", "moved.gguf", *LEASE)
    assert weights.stat().st_mtime_ns == made
    assert len(tuner.json("trials", "small")["trials"]) == 3
    tuner.ok("export", "small", "model", "--model", "moved.gguf")
    assert (tuner.folder / "model" / "model.safetensors").is_file()
