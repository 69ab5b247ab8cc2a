"""Adapters by the same commands: searched beside whole weights, averaged, exported whole and alone."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from acceptance_support import Tuner

pytestmark = pytest.mark.rest

SPACE: dict[str, Any] = {
    "learning_rate": {"low": 3e-4, "high": 3e-3, "log": True},
    "batch_size": 8,
    "num_train_epochs": 3,
    "dropout": 0,
    "frozen_layers": 0.5,
}


def test_adapters_and_whole_weights_are_searched_side_by_side_and_exported(tuner: Tuner) -> None:
    space = {**SPACE, "adapter": ["none", "lora"], "lora_rank": [2, 4]}
    tuner.ok("start", tuner.study("both", search_space=space, search="plain", budget={"trials": 6}, keep=6, seed=2))
    trials = tuner.json("trials", "both")["trials"]
    adapted = [each for each in trials if each["hyperparameters"].get("adapter") == "lora"]
    assert 0 < len(adapted) < len(trials)
    assert all("lora_rank" not in each["hyperparameters"] for each in trials if each not in adapted)
    for each in adapted:
        effective = tuner.json("show", "both", str(each["number"]))["effective"]
        assert effective["adapter"]["rank"] == each["hyperparameters"]["lora_rank"]
        assert effective["learning_rates"]["adapters/decay"] == pytest.approx(
            10 * each["hyperparameters"]["learning_rate"]
        )
    number = str(adapted[0]["number"])
    assert "Wrote trial" in tuner.ok("export", "both", "whole", "--trial", number).stdout
    assert "Evaluated again" in tuner.ok("export", "both", "alone", "--trial", number, "--adapter").stdout
    assert not (tuner.folder / "alone" / "model.safetensors").exists()
    assert_alike(tuner)
    plain = next(str(each["number"]) for each in trials if each not in adapted)
    refused = tuner.run("export", "both", "none", "--trial", plain, "--adapter")
    assert (refused.returncode, "leave --adapter out" in refused.stderr) == (78, True), refused.stderr
    assert not (tuner.folder / "none").exists()
    refused = tuner.run("script", "both", number)
    assert "it has trained adapters" in refused.stderr
    soup = tuner.run("export", "both", "soup", "--soup", "6")
    assert soup.returncode == 0 or "no mean of the weights" in soup.stderr, soup.stderr


def assert_alike(tuner: Tuner) -> None:
    import peft
    import torch
    import transformers

    with warnings.catch_warnings():
        # peft 0.21 asks transformers by a name that has become another one.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        whole = transformers.AutoModelForSequenceClassification.from_pretrained(tuner.folder / "whole").eval()
        base = transformers.AutoModelForSequenceClassification.from_pretrained(str(tuner.model), num_labels=2)
        alone = peft.PeftModel.from_pretrained(base, str(tuner.folder / "alone")).eval()
    inputs = {"input_ids": torch.arange(5, 13)[None], "attention_mask": torch.ones(1, 8, dtype=torch.long)}
    assert torch.allclose(whole(**inputs).logits, alone(**inputs).logits, atol=1e-5)
    config = json.loads((tuner.folder / "alone" / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == str(tuner.model)


def test_a_search_over_depths_has_adapters_above_each_depth(tuner: Tuner) -> None:
    space = {**SPACE, "num_train_epochs": {"low": 10, "high": 20}, "frozen_layers": [0, 0.5, 1]}
    tuner.ok("start", tuner.study("deep", adapter="lora", search_space=space, budget={"trials": 6}, keep=6, seed=1))
    trials = tuner.json("trials", "deep")["trials"]
    assert {each["hyperparameters"]["adapter"] for each in trials} == {"lora"}
    depths = {}
    for each in trials:
        effective = tuner.json("show", "deep", str(each["number"]))["effective"]
        depths[each["hyperparameters"]["frozen_layers"]] = effective["adapter"]
    assert depths[1.0] is None, "no adapter is above all layers"
    assert depths[0.0]["linear_layers"] > 0
    assert {"adapter": "lora", "lora_rank": 8}.items() <= trials[0]["hyperparameters"].items(), "as published"
    assert "Wrote" in tuner.ok("export", "deep", "model").stdout
