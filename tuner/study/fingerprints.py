"""Fingerprints: whether this machine's data, weights and libraries are those that a study was created with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

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
        found: Fingerprints of this machine.
        any_versions: Whether versions of libraries may differ.
    """
    for key, reason in _REASONS.items():
        if key in stored and stored[key] != found.get(key):
            yield key, reason
    here = found.get("versions", {})
    for library, version in stored.get("versions", {}).items():
        if not any_versions and here.get(library) != version:
            yield (
                "versions",
                f"the study was created with {library} {version}, here is {here.get(library, 'none')}, which may not "
                "compute the same; install that version, or pass --any-versions",
            )
