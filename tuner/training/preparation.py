"""Preparation: reads and encodes the data and builds the model, so that mistakes show before the first trial."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from tuner.errors import DataError
from tuner.study.prepared import Prepared
from tuner.training.data.encoded import EncodedData, content_key, summarise_lengths, write_prepared
from tuner.training.data.files.places import ROW, RowProblem
from tuner.training.examination import examine
from tuner.training.model.four_bits import SUFFIX, check_device, check_layers
from tuner.training.model.loading import check_pretrained, load_config, load_pretrained
from tuner.training.model.packing import check_packing
from tuner.training.model.padding import check_token_ids
from tuner.training.model.weights import weights_fingerprint
from tuner.training.progress import Progress, silent
from tuner.training.released_memory import release_memory
from tuner.training.split_rows import split_rows
from tuner.training.tasks import get_task

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from datasets import Dataset

    from tuner.study.data_config import DataConfig
    from tuner.study.prepared import PreparationRequest
    from tuner.training.split_rows import SplitRows
    from tuner.training.tasks.base import Task

#: Dropout of the model that is examined: where it is 0, some architectures build no dropout.
EXAMINED_DROPOUT = 0.1
#: Rows that are encoded between two words of progress.
_PART = 20_000


def prepare(request: PreparationRequest, progress: Progress = silent) -> Prepared:
    """Load the data, encode them once, and build the model once.

    Args:
        request: Task, model, data and settings of the study.
        progress: Shows how far reading and encoding are.

    Returns:
        The findings.

    Raises:
        DataError: The data are not as the study file says.
        HubAway: The data are on the hub, which does not answer.
        ModelError: The model cannot be trained as the study file says.
    """
    import datasets

    datasets.disable_caching()
    datasets.disable_progress_bars()
    task, model, data = get_task(request.task), request.model, request.data
    config = load_config(model)
    if model.load_in_4bit:
        check_device()
    found = split_rows(task, request, progress)
    release_memory()
    labels = found.labels
    metric = task.declaration.metric(request.metric)
    if complaint := metric.complaint(found.targets["validation"].tolist(), labels):
        raise DataError("", "metric", f"{request.metric} {complaint}")
    processor = task.processor(model)
    task = task.begin(found.places.of)
    fingerprint = content_key(
        {
            "task": request.task,
            "columns": task.columns(data),
            "labels": labels,
            "max_length": request.max_length,
        },
        found.splits,
        task.contents,
        task.conversion,
    )
    tokenizer = hashlib.sha256(_settings(processor, data).encode()).hexdigest()[:32]
    versions = _versions()

    folder, facts = _encoded(
        task,
        processor,
        request,
        found,
        "-".join((fingerprint, tokenizer, versions["transformers"], versions["tokenizers"])),
        progress,
    )
    padding = task.token_padding(processor, config)
    if padding is not None:
        check_token_ids(facts.get("largest_token"), padding, config, model.location)
    report = found.report(
        guess=task.guess(request.metric, found.targets, labels),
        lengths=summarise_lengths(facts, task.limit(processor, request.max_length)),
        notes=task.notes,
    )
    del found  # the rows, before the model takes memory
    release_memory()
    progress("building the model", 0, 0)
    blueprint = task.blueprint(model, labels, request.seed, padding)
    built, fresh = load_pretrained(blueprint, dropout=EXAMINED_DROPOUT)
    weights = weights_fingerprint(built, fresh, config) + (SUFFIX if model.load_in_4bit else "")
    progress("examining the model", 0, 0)
    anatomy = examine(built, EncodedData.open(folder, task.examples).train, fresh=fresh, padding=padding)
    check_pretrained(anatomy, fresh, model.location)
    if model.load_in_4bit:
        check_layers(built, anatomy, model.location)
    if request.packing:
        check_packing(built, EncodedData.open(folder, task.examples, anatomy.padding).train)
    return Prepared(
        folder=folder,
        fingerprint=fingerprint,
        tokenizer=tokenizer,
        weights=weights,
        versions=versions,
        sizes=facts["sizes"],
        tokens={name: facts[f"{name}_tokens"] for name in ("train", "validation")},
        labels=labels,
        anatomy=anatomy,
        report=report,
    )


def _encoded(
    task: Task, processor: Any, request: PreparationRequest, found: SplitRows, key: str, progress: Progress
) -> tuple[Path, dict[str, Any]]:
    """Encode the rows into the cache; return as `write_prepared` does."""

    def encode(name: str, split: Dataset) -> Iterator[Dataset]:
        for start in range(0, len(split), _PART):
            progress(f"encoding {name}", start, len(split))
            part = split.select(range(start, min(start + _PART, len(split))))
            try:
                yield task.encode(part, request.data, processor, request.max_length)
            except RowProblem as problem:
                numbers = found.splits[name][ROW]
                place = found.places.of_all([numbers[start + row] for row in problem.rows])
                raise DataError("", problem.key, f"{place}: {problem.reason}") from problem

    return write_prepared(
        request.cache,
        key,
        {name: split.remove_columns(ROW) for name, split in found.splits.items()},
        found.labels,
        encode,
        task.padding(processor),
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


def _settings(processor: Any, data: DataConfig) -> str:
    backend = getattr(processor, "backend_tokenizer", None)
    if backend is None:
        return str(processor.to_dict())
    # BERT and DistilBERT share a vocabulary, but their models take other inputs.
    settings = [processor.model_input_names, processor.model_max_length, processor.truncation_side]
    if data.messages is not None:
        settings.append(processor.chat_template)
    return f"{backend.to_str()} {settings!r}"
