"""Encoded data: written to disk once, mapped into memory by every trainer. The test split has a folder of its own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from tuner.study.data_report import Lengths
from tuner.training.data.examples import largest_of, numbers_of
from tuner.training.data.files.places import ROW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt
    from datasets import Dataset

    from tuner.training.data.examples import Examples
    from tuner.trial.anatomy import Padding

    Contents = Callable[[Dataset, str], Iterable[bytes]]

_FACTS = "facts.json"
#: Changes with the files in a folder of encoded data.
FORMAT = 4
#: Column of a text's tokens before it is cut; it is counted and not kept.
FULL_LENGTH = "full_length"
#: Rows that are hashed at a time.
_BATCH = 10_000
#: Folder of the test split. No trial opens it: the test split has no influence on the search.
LOCKED = "locked"


@dataclass(frozen=True, kw_only=True)
class EncodedData:
    """The splits that a trial may see."""

    train: Examples
    validation: Examples
    #: Names of the classes, in the order of the logits; none where the task's targets are no classes.
    labels: tuple[str, ...]
    #: Tokens of the two splits, after cutting.
    train_tokens: int
    validation_tokens: int

    @classmethod
    def open(
        cls,
        folder: Path,
        examples: Callable[[Dataset, Mapping[str, Any]], Examples],
        padding: Padding | None = None,
        *,
        joined: bool = False,
    ) -> EncodedData:
        """Open a folder that `write_prepared` wrote; the test split stays closed.

        Args:
            folder: The folder.
            examples: The task's `examples`, which takes encoded rows and their padding.
            padding: Token and side of the model's padding; None leaves the tokenizer's.
            joined: Whether the training split has the rows of the validation split as well.
        """
        return cls._opened(folder, examples, padding, judged="validation", joined=joined)

    @classmethod
    def open_test(
        cls,
        folder: Path,
        examples: Callable[[Dataset, Mapping[str, Any]], Examples],
        padding: Padding | None = None,
    ) -> EncodedData:
        """Open a folder as `open` does, with the test split in the place of the validation split.

        Nothing but the verdict of a study may call it.
        """
        return cls._opened(folder, examples, padding, judged=f"{LOCKED}/test")

    @classmethod
    def _opened(
        cls,
        folder: Path,
        examples: Callable[[Dataset, Mapping[str, Any]], Examples],
        padding: Padding | None,
        *,
        judged: str,
        joined: bool = False,
    ) -> EncodedData:
        from datasets import concatenate_datasets, load_from_disk

        def opened(*splits: str) -> Examples:
            parts = [load_from_disk(str(folder / split)) for split in splits]
            rows = parts[0] if len(parts) == 1 else concatenate_datasets(parts)
            return examples(rows, {**facts["padding"], **changed})

        changed = {} if padding is None else padding.values
        facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        return cls(
            train=opened("train", "validation") if joined else opened("train"),
            validation=opened(judged),
            labels=tuple(facts["labels"]),
            train_tokens=facts["train_tokens"] + (facts["validation_tokens"] if joined else 0),
            validation_tokens=facts[f"{Path(judged).name}_tokens"],
        )


def content_key(
    parts: Mapping[str, Any], splits: Mapping[str, Dataset], contents: Contents, conversion: Callable[[], str]
) -> str:
    """Return a hash of the rows and of the settings that decide their encoding; it contains no path.

    Args:
        parts: The settings.
        splits: Rows by split.
        contents: Takes a split and a column, and yields the bytes of each row's value.
        conversion: Returns a word about the encoding that the contents do not show, once all contents were read.
    """
    digest = hashlib.sha256(json.dumps(dict(parts), sort_keys=True).encode())
    for name, rows in splits.items():
        columns = sorted(column for column in rows.column_names if column != ROW)
        digest.update(f"{name}:{len(rows)}:{columns}".encode())
        for column in columns:
            for value in contents(rows, column):
                digest.update(value)
                digest.update(b"\x1f")
    digest.update(conversion().encode())
    return digest.hexdigest()[:32]


def plain_contents(rows: Dataset, column: str) -> Iterator[bytes]:
    """Yield the bytes of each value of a column of texts or numbers."""
    for batch in rows.select_columns([column]).with_format("arrow").iter(_BATCH):
        for value in batch.column(column).to_pylist():
            yield repr(value).encode()


def write_prepared(
    cache: Path,
    key: str,
    splits: Mapping[str, Dataset],
    labels: tuple[str, ...],
    encode: Callable[[str, Dataset], Iterable[Dataset]],
    padding: Mapping[str, Any],
) -> tuple[Path, dict[str, Any]]:
    """Encode splits into the cache, unless they are there.

    Args:
        cache: The cache's folder.
        key: Name of the result; equal keys mean equal content.
        splits: Rows by split.
        labels: Names of the classes.
        encode: Takes the name and the rows of a split, and yields the model's inputs, some rows at a time.
        padding: Values that pad the rows, as JSON values.

    Returns:
        The folder, and its facts: sizes, tokens, labels, `lengths` where rows have a `full_length`, and
        `largest_token` (an id, of all splits) where rows have `input_ids`.
    """
    folder = cache / "prepared" / f"{key}-{FORMAT}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / _FACTS).is_file():
            scratch = folder.with_name(f".{folder.name}-{os.getpid()}")
            shutil.rmtree(scratch, ignore_errors=True)
            facts: dict[str, Any] = {"labels": list(labels), "sizes": {}, "padding": dict(padding)}
            full: list[npt.NDArray[Any]] = []
            for name, rows in splits.items():
                home = scratch / LOCKED / name if name == "test" else scratch / name
                written = _write_parts(home, encode(name, rows))
                facts["sizes"][name], facts[f"{name}_tokens"] = written.rows, written.tokens
                if name != "test":
                    full += written.full_lengths
                if written.largest_token is not None:
                    facts["largest_token"] = max(written.largest_token, facts.get("largest_token", 0))
            if full:
                facts["lengths"] = _length_facts(full)
            (scratch / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            scratch.rename(folder)
    facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    return folder, facts


@dataclass
class _Written:
    """The account of a split that is written."""

    rows: int = 0
    #: Tokens, after cutting.
    tokens: int = 0
    #: Tokens of each example before cutting; none for tasks without texts. Shape of each: (rows of a part,).
    full_lengths: list[npt.NDArray[Any]] = field(default_factory=list)
    #: The largest id of a token; None without tokens.
    largest_token: int | None = None


def _write_parts(home: Path, parts: Iterable[Dataset]) -> _Written:
    """Write the parts of a split as the shards of one saved data set.

    Each part is closed before the next one is made. The library datasets would open all parts to join them, and their
    pages would count as memory of this process.
    """
    written, folders = _Written(), []
    for number, part in enumerate(parts):
        written.rows += len(part)
        written.tokens += int(numbers_of(part, "length").sum())
        if "input_ids" in part.column_names:
            written.largest_token = max(written.largest_token or 0, largest_of(part, "input_ids"))
        if FULL_LENGTH in part.column_names:
            written.full_lengths.append(numbers_of(part, FULL_LENGTH).copy())
            part = part.remove_columns(FULL_LENGTH)
        folders.append(home / f"part-{number}")
        part.save_to_disk(str(folders[-1]), num_shards=1)
    shards = []
    for number, folder in enumerate(folders):
        shards.append(f"data-{number:05}-of-{len(folders):05}.arrow")
        (folder / "data-00000-of-00001.arrow").rename(home / shards[-1])
    state = json.loads((folders[0] / "state.json").read_text(encoding="utf-8"))
    state["_data_files"] = [{"filename": shard} for shard in shards]
    (home / "state.json").write_text(json.dumps(state), encoding="utf-8")
    (folders[0] / "dataset_info.json").rename(home / "dataset_info.json")
    for folder in folders:
        shutil.rmtree(folder)
    return written


def _length_facts(full: Sequence[npt.NDArray[Any]]) -> dict[str, Any]:
    """Return the tokens of each example before cutting, as the number of examples by length."""
    lengths, counts = np.unique(np.concatenate(full), return_counts=True)
    return {"lengths": lengths.tolist(), "counts": counts.tolist()}


def summarise_lengths(facts: Mapping[str, Any], limit: int) -> Lengths | None:
    """Return the account of lengths for `tuner check`.

    Args:
        facts: As `write_prepared` returned them.
        limit: Tokens that are kept of an example.
    """
    found = facts.get("lengths")
    if found is None:
        return None
    lengths = np.repeat(np.asarray(found["lengths"], dtype=np.int64), found["counts"])
    over = lengths[lengths > limit]
    return Lengths(
        median=int(np.median(lengths)),
        longest=int(lengths[-1]),
        keeps_95=int(lengths[-(-95 * len(lengths) // 100) - 1]),
        limit=limit,
        texts_cut=len(over) / len(lengths),
        tokens_cut=float((over - limit).sum() / max(1, lengths.sum())),
    )
