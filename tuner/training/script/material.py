"""The examples of a script: a plain way to read and encode them, tried beside the encoded data of the study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tuner.errors import NoScript
from tuner.study.script import ROWS
from tuner.training.progress import silent
from tuner.training.script import plain_reading, plain_training
from tuner.training.script.readings import (
    PictureReading,
    TableReading,
    picture_reading,
    rows_of_table,
    table_reading,
)
from tuner.training.split_rows import split_rows
from tuner.training.tasks.image_classification import ImageClassification

if TYPE_CHECKING:
    from datasets import Dataset

    from tuner.study.prepared import PreparationRequest
    from tuner.training.data.encoded import EncodedData
    from tuner.training.split_rows import SplitRows
    from tuner.training.tasks import Task
    from tuner.trial.run import TrialRun

#: Examples that are compared at a time.
_COMPARED = 64
_ELSEWHERE = "with --folder DIR the script and the rows are written side by side"


@dataclass(frozen=True, kw_only=True)
class Material:
    """The examples of a script."""

    #: None where the rows are in a parquet file beside the script.
    reading: TableReading | PictureReading | None
    checksum: str
    #: What the tokenizer is told, for texts: tokens that are kept, padding by column, the padded side, and the numbers
    #: of a token for texts without one (None where each has one).
    limit: int = 0
    padding: Mapping[str, int] | None = None
    left: bool = False
    empty: Mapping[str, int] | None = None
    #: For pictures: how many tokens each counts for.
    tokens: int = 0


def material(
    task: Task, run: TrialRun, request: PreparationRequest, data: EncodedData, folder: Path | None
) -> Material:
    """Find a plain way to the examples of a trial, or write their rows into a folder.

    Args:
        task: The task.
        run: The trial.
        request: The data.
        data: Its encoded examples, with which the plain ones are compared.
        folder: Takes the rows where no plain reading gives them; None for none.

    Raises:
        NoScript: There is no plain way, and no folder; or plain code encodes the rows otherwise.
    """
    assert run.model is not None
    found = split_rows(task, request, silent)
    splits = _seen(found, joined=run.joins_validation)
    processor = task.processor(run.model)
    if isinstance(task, ImageClassification):
        return _pictures(task, request, found, splits, processor, data, folder)
    texts = task.columns(request.data)["text"]
    reading = table_reading(request, splits, texts, request.data.label)
    if reading is None:
        rows: plain_reading.Splits = {name: _text_rows(each, texts) for name, each in splits.items()}
        _write_rows(rows, folder)
    else:
        rows = rows_of_table(reading)
    limit = task.limit(processor, request.max_length)
    empty = None if len(processor("")["input_ids"]) else _empty(processor)
    padding = {
        **task.padding(processor),
        **({} if run.anatomy is None or run.anatomy.padding is None else run.anatomy.padding.values),
    }
    left = padding.pop("side") == "left"
    for name, ours in (("train", data.train), ("validation", data.validation)):
        columns = plain_training.tokenise(processor, [content for content, _ in rows[name]], limit)
        if empty is not None:
            plain_training.fill_empty(columns, empty)
        labels = [number for _, number in rows[name]]
        _compare(plain_training.Texts(columns, labels, padding, left=left), ours)
    padding = {name: value for name, value in padding.items() if name in columns}
    return Material(
        reading=reading,
        checksum=plain_reading.checksum(rows),
        limit=limit,
        padding=padding,
        left=left,
        empty=empty,
    )


def _seen(found: SplitRows, *, joined: bool) -> dict[str, Dataset]:
    """Return the rows that a trial sees."""
    from datasets import concatenate_datasets

    train, validation = found.splits["train"], found.splits["validation"]
    return {"train": concatenate_datasets([train, validation]) if joined else train, "validation": validation}


def _pictures(
    task: ImageClassification,
    request: PreparationRequest,
    found: SplitRows,
    splits: dict[str, Dataset],
    processor: Any,
    data: EncodedData,
    folder: Path | None,
) -> Material:
    tokens = int(data.train.lengths[0])
    reading = picture_reading(splits, request.data.image)
    if reading is not None:
        rows: plain_reading.Splits = {
            name: [(Path(reading.folder) / path, number) for path, number in each]
            for name, each in reading.pictures.items()
        }
        try:
            _compare_pictures(rows, processor, tokens, data)
            return Material(reading=reading, checksum=plain_reading.checksum(rows), tokens=tokens)
        except NoScript:  # such as grey of 16 bits: the pictures are written as the study sees them
            pass
    begun = task.begin(found.places.of)
    for split in found.splits.values():
        for _ in begun.contents(split, request.data.image):
            pass
    begun.conversion()
    rows = {
        name: list(zip(begun.as_png(each, request.data), each["labels"][:], strict=True))
        for name, each in splits.items()
    }
    _write_rows(rows, folder)
    _compare_pictures(rows, processor, tokens, data)
    return Material(reading=None, checksum=plain_reading.checksum(rows), tokens=tokens)


def _compare_pictures(rows: plain_reading.Splits, processor: Any, tokens: int, data: EncodedData) -> None:
    for name, ours in (("train", data.train), ("validation", data.validation)):
        sources, labels = [content for content, _ in rows[name]], [number for _, number in rows[name]]
        _compare(plain_training.Pictures(sources, labels, processor, tokens), ours)


def _compare(plain: Any, ours: Any) -> None:
    """Check that plain examples are those of the study.

    Raises:
        NoScript: They are not.
    """
    import torch

    refusal = NoScript("plain code encodes its rows otherwise than the study did")
    if len(plain.lengths) != len(ours) or (plain.lengths != ours.lengths).any():
        raise refusal
    for start in range(0, len(ours), _COMPARED):
        some = np.arange(start, min(start + _COMPARED, len(ours)))
        found, wanted = plain.inputs(some), ours.inputs(some)
        if found.keys() != wanted.keys() or not torch.equal(plain.labels[some], ours.targets(some)):
            raise refusal
        if any(not torch.equal(value, wanted[name]) for name, value in found.items()):
            raise refusal


def _text_rows(rows: Dataset, texts: list[str]) -> plain_reading.Rows:
    contents = list(zip(*(rows[name][:] for name in texts), strict=True))
    return list(zip(contents, rows["labels"][:], strict=True))


def _write_rows(splits: plain_reading.Splits, folder: Path | None) -> None:
    """Write the rows that a script cannot read from the study's own files.

    Raises:
        NoScript: There is no folder for them.
    """
    if folder is None:
        raise NoScript(f"its rows are in no file that a few lines of Python can read; {_ELSEWHERE}")
    columns: dict[str, list[Any]] = {"split": [], "input": [], "class": []}
    for name, rows in splits.items():
        for content, number in rows:
            columns["split"].append(name)
            columns["input"].append(list(content) if isinstance(content, tuple) else content)
            columns["class"].append(number)
    pq.write_table(pa.table(columns), folder / ROWS)


def _empty(processor: Any) -> dict[str, int]:
    """Return the numbers of the token that a text without one is given."""
    candidates = (processor.eos_token_id, processor.bos_token_id, processor.pad_token_id)
    token_id = next((each for each in candidates if each is not None), 0)
    return {"input_ids": token_id, "attention_mask": 1, "special_tokens_mask": 1}
