"""Trainers of transformers and TRL, made as the script of a study makes them, for several tiers of tests."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from language_models import WORDS, words_tokenizer, write_language_model

if TYPE_CHECKING:
    import transformers

    from tuner.trial.run import TrialRun

#: Rows of the training split, and of the evaluation split.
ROWS, EVALUATED = 36, 12


def _sentences(seed: int, rows: int) -> list[list[str]]:
    draw = random.Random(seed)
    return [[draw.choice(WORDS) for _ in range(draw.randint(2, 6))] for _ in range(rows)]


def language_model(folder: Path, dropout: float) -> str:
    """Return the folder of a tiny Llama with tied embeddings, which is written there the first time."""
    place = folder / "llama"
    if not place.exists():
        write_language_model(
            place, num_hidden_layers=2, hidden_size=16, attention_dropout=dropout, tie_word_embeddings=True
        )
    return str(place)


def arguments(run: TrialRun, folder: Path, **more: Any) -> dict[str, Any]:
    """Return the settings that all Trainers here have."""
    return {
        "output_dir": str(folder / "out"),
        "per_device_train_batch_size": 8,
        "num_train_epochs": run.hyperparameters.num_train_epochs,
        "learning_rate": run.hyperparameters.learning_rate,
        "use_cpu": True,
        "bf16": False,
        **more,
    }


def classifier(run: TrialRun, folder: Path, *, dropout: float = 0.1, **more: Any) -> transformers.Trainer:
    """Return a Trainer of a tiny BERT that tells which words a text has."""
    import datasets
    import numpy as np
    import transformers

    tokenizer = words_tokenizer()

    def split(seed: int, rows: int) -> Any:
        texts = _sentences(seed, rows)
        encoded = [{**tokenizer(" ".join(text)), "label": int(text[0] < "w2")} for text in texts]
        return datasets.Dataset.from_list(encoded)

    def accuracy(predicted: Any) -> dict[str, float]:
        return {"accuracy": float((np.argmax(predicted.predictions, -1) == predicted.label_ids).mean())}

    model = transformers.BertForSequenceClassification(
        transformers.BertConfig(
            vocab_size=34,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
        )
    )
    return transformers.Trainer(
        model=model,
        args=transformers.TrainingArguments(**arguments(run, folder, **more)),
        train_dataset=split(0, ROWS),
        eval_dataset=split(1, EVALUATED),
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        compute_metrics=accuracy,
    )


def sft(run: TrialRun, folder: Path, *, dropout: float = 0.1, **more: Any) -> transformers.Trainer:
    """Return TRL's Trainer of supervised fine-tuning, with a tiny Llama."""
    import datasets
    import trl

    def split(seed: int, rows: int) -> Any:
        return datasets.Dataset.from_list([{"text": " ".join(text)} for text in _sentences(seed, rows)])

    return trl.SFTTrainer(
        model=language_model(folder, dropout),
        args=trl.SFTConfig(**arguments(run, folder, max_length=32, **more)),
        train_dataset=split(0, ROWS),
        eval_dataset=split(1, EVALUATED),
        processing_class=words_tokenizer(),
    )


def dpo(run: TrialRun, folder: Path, *, dropout: float = 0.1, **more: Any) -> transformers.Trainer:
    """Return TRL's Trainer of direct preference optimisation: texts that go on in order of the alphabet are better."""
    import datasets
    import trl

    def split(seed: int, rows: int) -> Any:
        texts = [
            {
                "prompt": " ".join(text),
                "chosen": " " + " ".join(sorted(text)),
                "rejected": " " + " ".join(sorted(text, reverse=True)),
            }
            for text in _sentences(seed, rows)
        ]
        return datasets.Dataset.from_list(texts)

    return trl.DPOTrainer(
        model=language_model(folder, dropout),
        args=trl.DPOConfig(**arguments(run, folder, max_length=32, beta=run.params.get("beta", 0.1), **more)),
        train_dataset=split(0, ROWS),
        eval_dataset=split(1, EVALUATED),
        processing_class=words_tokenizer(),
    )
