"""Preparation: reads and encodes the data and builds the model, so that mistakes show before the first trial."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from tuner.errors import DataError, ModelError
from tuner.study.prepared import Prepared
from tuner.training.data.encoded import content_key, write_prepared
from tuner.training.data.loading import load_rows
from tuner.training.data.splitting import make_splits
from tuner.training.model.dropout import config_dropouts
from tuner.training.model.loading import load_config, load_pretrained
from tuner.training.model.weights import weights_fingerprint
from tuner.training.tasks import get_task

if TYPE_CHECKING:
    from tuner.study.prepared import PreparationRequest


def prepare(request: PreparationRequest) -> Prepared:
    """Load the data, encode them once, and build the model once.

    Args:
        request: Task, model, data and settings of the study.

    Returns:
        The findings.

    Raises:
        DataError: The data are not as the study file says.
        ModelError: The model cannot be trained as the study file says.
    """
    import datasets

    datasets.disable_caching()
    task, model, data = get_task(request.task), request.model, request.data
    config = load_config(model)
    if request.searches_dropout and not config_dropouts(config):
        raise ModelError(
            "",
            "search_space.dropout",
            f"{model.location} ({config.model_type}) has no dropout; write `dropout: 0`",
        )
    columns = task.columns(data)
    rows = load_rows(request.source, data, {**columns, **task.target_columns(data)}, request.cache)
    splits = make_splits(rows, data.splits, label=task.stratum(data), seed=request.seed)
    if empty := [name for name, found in splits.items() if len(found) == 0]:
        raise DataError("", f"data.splits.{empty[0]}", "is empty")
    with_targets, labels = task.targets(splits, data)
    metric = task.declaration.metrics[request.metric]
    if complaint := metric.complaint(with_targets["validation"]["labels"], labels):
        raise DataError("", "metric", f"{request.metric} {complaint}")
    processor = task.processor(model)
    fingerprint = content_key(
        {"task": request.task, "columns": columns, "labels": labels, "max_length": request.max_length}, with_targets
    )
    tokenizer = hashlib.sha256(_settings(processor).encode()).hexdigest()[:32]
    versions = _versions()
    key = "-".join((fingerprint, tokenizer, versions["transformers"], versions["tokenizers"]))
    folder, facts = write_prepared(
        request.cache,
        key,
        with_targets,
        labels,
        lambda split: task.encode(split, data, processor, request.max_length),
        task.padding(processor),
    )
    blueprint = task.blueprint(model, labels, request.seed)
    built, fresh = load_pretrained(blueprint, dropout=0.1 if request.searches_dropout else None)
    return Prepared(
        folder=folder,
        fingerprint=fingerprint,
        tokenizer=tokenizer,
        weights=weights_fingerprint(built, fresh, config),
        versions=versions,
        sizes=facts["sizes"],
        labels=labels,
        layers=len(task.layers(built).layers),
        dropouts=tuple(config_dropouts(config)),
    )


def _versions() -> dict[str, str]:
    import numpy
    import tokenizers
    import torch
    import transformers

    # The part after the plus sign, as in 2.13.0+cpu, names the device that a library was built for; it is left out.
    return {
        library.__name__: str(library.__version__).split("+")[0] for library in (torch, transformers, tokenizers, numpy)
    }


def _settings(processor: Any) -> str:
    backend = getattr(processor, "backend_tokenizer", None)
    if backend is None:
        return str(processor.to_dict())
    # BERT and DistilBERT share a vocabulary, but their models take other inputs.
    settings = [processor.model_input_names, processor.model_max_length, processor.truncation_side]
    return f"{backend.to_str()} {settings!r}"
