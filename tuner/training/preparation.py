"""Preparation: everything that can be wrong with model and data is found here, before the first trial."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.errors import DataError, ModelError
from tuner.study.prepared import Prepared
from tuner.training.data.encoded import content_key, write_prepared
from tuner.training.data.labels import map_labels
from tuner.training.data.loading import load_rows
from tuner.training.data.splitting import make_splits
from tuner.training.model.dropout import config_dropouts
from tuner.training.model.layers import map_layers
from tuner.training.model.loading import load_config, load_pretrained
from tuner.training.model.weights import weights_fingerprint
from tuner.training.tasks import get_task

if TYPE_CHECKING:
    from tuner.study.config import DataConfig
    from tuner.trial.run import ModelSource


def prepare(
    *,
    task: str,
    model: ModelSource,
    data: DataConfig,
    source: str,
    max_length: int,
    seed: int,
    searches_dropout: bool,
    metric: str,
    cache: Path,
) -> Prepared:
    """Load the data, encode them once, and build the model once.

    Args:
        task: Name of the task.
        model: The checkpoint, as found on this machine.
        data: What the study file says of the data.
        source: The data, as found on this machine.
        max_length: Tokens; longer texts are cut.
        seed: Decides who goes into which split.
        searches_dropout: Whether the study sets a dropout, so that the model must have one.
        metric: The study's metric.
        cache: Folder for encoded data.

    Returns:
        What was found.

    Raises:
        DataError: The data are not as the study file says.
        ModelError: The model cannot be trained as the study file says.
    """
    import datasets

    datasets.disable_caching()
    chosen = get_task(task)
    config = load_config(model)
    if searches_dropout and not config_dropouts(config):
        raise ModelError(
            "",
            "search_space.dropout",
            f"{model.location} ({config.model_type}) has no dropout; write `dropout: 0`",
        )
    rows = load_rows(source, data, chosen.columns(data), cache)
    splits = make_splits(rows, data.splits, label=data.label, seed=seed)
    if empty := [name for name, found in splits.items() if len(found) == 0]:
        raise DataError("", f"data.splits.{empty[0]}", "is empty")
    mapped, labels = map_labels(splits, data.label, data.labels)
    if metric == "roc_auc" and len(set(mapped["validation"]["labels"])) < len(labels):
        raise DataError("", "metric", "roc_auc needs every class in the validation split; enlarge it")
    processor = chosen.processor(model)
    fingerprint = content_key(
        {
            "task": task,
            "columns": chosen.columns(data),
            "labels": labels,
            "max_length": max_length,
        },
        mapped,
    )
    tokenizer = hashlib.sha256(_settings(processor).encode()).hexdigest()[:32]
    versions = _versions()
    key = "-".join((fingerprint, tokenizer, versions["transformers"], versions["tokenizers"]))
    folder, facts = write_prepared(
        cache,
        key,
        mapped,
        labels,
        lambda found: chosen.encode(found, data, processor, max_length),
        chosen.padding(processor),
    )
    built, fresh = load_pretrained(chosen, model, labels=labels, dropout=0.1 if searches_dropout else None, seed=seed)
    return Prepared(
        folder=folder,
        fingerprint=fingerprint,
        tokenizer=tokenizer,
        weights=weights_fingerprint(built, fresh, config),
        versions=versions,
        sizes=facts["sizes"],
        labels=labels,
        layers=len(map_layers(built).layers),
        dropouts=tuple(config_dropouts(config)),
    )


def _versions() -> dict[str, str]:
    import numpy
    import tokenizers
    import torch
    import transformers

    # Without what says for which device a library was built, as in 2.13.0+cpu.
    return {
        library.__name__: str(library.__version__).split("+")[0] for library in (torch, transformers, tokenizers, numpy)
    }


def _settings(processor: Any) -> str:
    backend = getattr(processor, "backend_tokenizer", None)
    if backend is None:
        return str(processor.to_dict())
    # BERT and DistilBERT share a vocabulary, but not the inputs that their models take.
    settings = [processor.model_input_names, processor.model_max_length, processor.truncation_side]
    return f"{backend.to_str()} {settings!r}"
