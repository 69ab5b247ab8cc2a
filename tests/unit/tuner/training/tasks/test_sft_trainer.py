"""A language model learns from chats, prompts and texts what TRL's trainer of the same rows learns."""

from __future__ import annotations

import csv
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from language_models import CHAT_TEMPLATE, MARKED_TEMPLATE, write_chats, write_language_model, write_pairs
from reference_trainer import InOrder, reference_arguments
from transformers import AutoModelForCausalLM, AutoTokenizer

from search_spaces import Hyperparameters
from tuner.study.data_config import DataConfig
from tuner.study.prepared import PreparationRequest
from tuner.training.data.batches import training_batches
from tuner.training.loop import train
from tuner.training.preparation import prepare
from tuner.trial.looks import LOOKS
from tuner.trial.run import ModelSource, TrialRun

pytestmark = pytest.mark.rest

STEPS, BATCH, LONGEST = 10, 12, 16


def rows_of(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines] if file.suffix == ".jsonl" else list(csv.DictReader(lines))


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        ({"messages": "messages"}, {"assistant_only_loss": True}),
        ({"prompt": "prompt", "completion": "completion"}, {"completion_only_loss": True}),
        ({"text": "text"}, {}),
    ],
    ids=["chats", "prompts", "texts"],
)
def test_every_loss_is_that_of_the_sft_trainer(keys: dict[str, str], asked: dict[str, bool], tmp_path: Path) -> None:
    import trl  # it takes seconds

    folder = tmp_path / "rows"
    folder.mkdir()
    ending = "jsonl" if "messages" in keys else "csv"
    for seed, (split, count) in enumerate((("train", 60), ("validation", 24))):
        if ending == "jsonl":
            write_chats(folder / f"{split}.jsonl", count, seed=seed)
            continue
        file = write_pairs(folder / f"{split}.csv", count, seed=seed)
        header = "text,more" if "text" in keys else "prompt,completion"
        file.write_text(file.read_text().replace("question,answer", header, 1))
    model = ModelSource(location=str(write_language_model(tmp_path / "model", chat_template=CHAT_TEMPLATE)))
    data = DataConfig(source=str(folder), splits={"train": "train", "validation": "validation"}, **keys)  # type: ignore[arg-type]
    found = prepare(
        PreparationRequest(
            task="causal-lm",
            model=model,
            data=data,
            source=data.source,
            max_length=LONGEST,
            seed=0,
            metric="loss",
            cache=tmp_path / "cache",
        )
    )
    assert found.report.lengths is not None
    assert (found.report.lengths.longest > LONGEST) == (ending == "jsonl"), "some chats are cut"
    point = {
        "learning_rate": 2e-3,
        "batch_size": BATCH,
        "num_train_epochs": STEPS / 5,
        "dropout": None,
        "weight_decay": 0.1,
        "lr_scheduler_type": "linear",
        "frozen_layers": 0.0,
    }
    run = TrialRun(
        number=0,
        hyperparameters=Hyperparameters.from_values(point),
        task="causal-lm",
        model=model,
        data=found.folder,
        anatomy=found.anatomy,
        metric="loss",
        direction="minimize",
        precision="fp32",
        looks=LOOKS[10],
        seed=0,
    )
    ours = [each.train_loss for each in train(run)]

    class Reference(InOrder, trl.SFTTrainer):  # type: ignore[misc, name-defined]
        pass

    tokenizer = AutoTokenizer.from_pretrained(model.location)
    # Ours finds the assistant's turns without marks. TRL needs marks.
    tokenizer.chat_template = MARKED_TEMPLATE
    rows = [{name: row[name] for name in keys.values()} for row in rows_of(folder / f"train.{ending}")]
    trainer = Reference(
        model=AutoModelForCausalLM.from_pretrained(model.location),
        processing_class=tokenizer,
        args=reference_arguments(
            run,
            tmp_path,
            steps=STEPS,
            kind=trl.SFTConfig,
            max_length=LONGEST,
            bf16=False,
            activation_checkpointing=False,
            **asked,
        ),
        train_dataset=Dataset.from_list(rows),
        batches=[batch.tolist() for batch in islice(training_batches(60, BATCH, run.seed), STEPS)],
    )
    trainer.train()
    assert ours == pytest.approx(trainer.losses, abs=1e-5)
    assert ours[0] - ours[-1] > 0.05, "something was learnt"
