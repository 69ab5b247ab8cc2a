"""Fingerprints: whether this machine's data, weights and libraries are those that a study was created with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tuner.study.anatomy_changes import anatomy_change

#: Changes when the same file gives other rows. It is a fact of every study; studies of version 0.1 lack it, which is 1.
READER = 2
_REASONS = {
    "data": "these are not the rows that the study was created with; --data names where they are on this machine",
    "tokenizer": "this is not the tokenizer that the study was created with; --model names where the model is",
    "weights": "these are not the weights that the study was created with; --model names where they are",
}


def content_of(path: Path | None) -> str | None:
    """Return a hash of a file, or of a folder's files and their relative names; None where the path does not exist."""
    if path is None or not path.exists():
        return None
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        if file.is_file():
            digest.update(f"{'' if file == path else file.relative_to(path)}\0".encode())
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()[:32]


def differences(
    stored: Mapping[str, Any], found: Mapping[str, Any], *, any_versions: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield each fingerprint that differs from the study's: its key, and the reason for the user.

    Args:
        stored: Facts of the study; a fingerprint that they lack is not compared.
        found: Fingerprints of this machine, with the sizes of the splits, the names of the classes and the anatomy.
        any_versions: Whether versions of libraries may differ. The anatomy may not.
    """
    for key, reason in _REASONS.items():
        if key in stored and stored[key] != found.get(key):
            other_reader = key == "data" and "sizes" in stored and stored.get("reader", 1) != READER
            yield key, _read_otherwise(stored, found) if other_reader else reason
    here = found.get("versions", {})
    for library, version in stored.get("versions", {}).items():
        if not any_versions and here.get(library) != version:
            yield (
                "versions",
                f"the study was created with {library} {version}, here is {here.get(library, 'none')}, which may not "
                "compute the same; install that version, or go on with `tuner resume --any-versions`",
            )
    # Studies of version 0.1 have no anatomy.
    if "anatomy" in stored and (change := anatomy_change(stored["anatomy"], found["anatomy"])) is not None:
        yield "model", change


def _read_otherwise(stored: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Return how the rows differ from those that an earlier reader gave, for a study that it was created with."""
    changes = []
    before, now = stored["sizes"], found.get("sizes", {})
    changes += [
        f"{split} has {now.get(split, 0):,} rows (had {before.get(split, 0):,})"
        for split in dict.fromkeys([*before, *now])
        if before.get(split) != now.get(split)
    ]
    old, new = list(stored.get("labels", [])), list(found.get("labels", []))
    if old != new:
        changes.append(f"the classes are {_few(new)} (were {_few(old)})")
    return (
        f"the version that created this study read its data otherwise: {'; '.join(changes) or _ELSEWHERE}. Give the "
        "study another name to search on the rows as they are read now, or finish it with that version"
    )


_ELSEWHERE = "there are as many rows and the same classes, and some rows have other values or are in another split"


def _few(names: list[str]) -> str:
    return f"{', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}"
