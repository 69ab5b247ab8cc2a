"""Encoded data: written to disk once, mapped into memory by every trainer. The test split has a folder of its own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from datasets import Dataset

    from tuner.training.data.examples import Examples

_FACTS = "facts.json"
#: Changes with the files in a folder of encoded data.
FORMAT = 2
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
    def open(cls, folder: Path, examples: Callable[[Dataset, Mapping[str, Any]], Examples]) -> EncodedData:
        """Open a folder that `write_prepared` wrote; the test split stays closed.

        Args:
            folder: The folder.
            examples: The task's `examples`, which takes encoded rows and their padding.
        """
        from datasets import load_from_disk

        def opened(split: str) -> Examples:
            return examples(load_from_disk(str(folder / split)), facts["padding"])

        facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        return cls(
            train=opened("train"),
            validation=opened("validation"),
            labels=tuple(facts["labels"]),
            train_tokens=facts["train_tokens"],
            validation_tokens=facts["validation_tokens"],
        )


def content_key(parts: Mapping[str, Any], splits: Mapping[str, Dataset]) -> str:
    """Return a hash of the rows and of the settings that decide their encoding (`parts`); it contains no path."""
    digest = hashlib.sha256(json.dumps(dict(parts), sort_keys=True).encode())
    for name, rows in splits.items():
        digest.update(f"{name}:{len(rows)}:{sorted(rows.column_names)}".encode())
        for column in sorted(rows.column_names):
            for value in rows[column]:
                digest.update(_bytes(value))
                digest.update(b"\x1f")
    return digest.hexdigest()[:32]


def _bytes(value: Any) -> bytes:
    return value.tobytes() if hasattr(value, "tobytes") else repr(value).encode()


def write_prepared(
    cache: Path,
    key: str,
    splits: Mapping[str, Dataset],
    labels: tuple[str, ...],
    encode: Callable[[Dataset], Dataset],
    padding: Mapping[str, Any],
) -> tuple[Path, dict[str, Any]]:
    """Encode splits into the cache, unless they are there.

    Args:
        cache: The cache's folder.
        key: Name of the result; equal keys mean equal content.
        splits: Rows by split.
        labels: Names of the classes.
        encode: Turns rows into the model's inputs.
        padding: Values that pad the rows, as JSON values.

    Returns:
        The folder, and its facts: sizes, tokens and labels.
    """
    folder = cache / "prepared" / f"{key}-{FORMAT}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / _FACTS).is_file():
            scratch = folder.with_name(f".{folder.name}-{os.getpid()}")
            shutil.rmtree(scratch, ignore_errors=True)
            facts: dict[str, Any] = {"labels": list(labels), "sizes": {}, "padding": dict(padding)}
            for name, rows in splits.items():
                encoded = encode(rows)
                home = scratch / LOCKED / name if name == "test" else scratch / name
                encoded.save_to_disk(str(home))
                facts["sizes"][name] = len(encoded)
                facts[f"{name}_tokens"] = int(sum(encoded["length"]))
            (scratch / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            scratch.rename(folder)
    facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    return folder, facts
